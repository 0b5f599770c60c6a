"""``upgrade versions``, and a site's own catalog on every command that plans."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Desk
from tests.cli.test_refusals import assert_refused
from tests.cli.test_stored import OUR_QUESTION

Desks = Callable[..., Desk]
pytestmark = pytest.mark.slow

OURS = """
schema: 1
releases:
- minor: "1.28"
  released: 2025-11-05
  end_of_life: 2026-07-01
  kubernetes: {supported: ["1.30", "1.34"], tested: ["1.25", "1.29"], minimum: "1.29"}
  latest: 1.28.10
  known_bad: [{patches: [1.28.10], why: loses our header, source: our own test bed}]
  source: [our own test bed]
  seen: 2026-11-01
"""


def site(desk: Desk, text: str = OURS) -> Path:
    place = desk.place / "known"
    place.mkdir(exist_ok=True)
    (place / "releases.yaml").write_text(text, encoding="utf-8")
    return place


def test_every_target_that_can_be_reached_is_shown_with_what_it_needs_first(desk: Desks) -> None:
    shop = desk()
    for words in (["versions"], ["versions", "list"]):
        said = shop.type(*words)
        assert said.code == 0
        assert said.out.startswith("From  istiod 1.27.9, revision 1-27-9, on Kubernetes v1.3")
        assert "\n1.28  1     1.28.10     2026-07-01" in said.out
        assert "Not   1.29.2, 1.29.3, 1.29.4: it sends filters" in said.out
        assert "MANIFESTS HERE" in said.out
    assert shop.writes() == []


def test_a_target_behind_a_kubernetes_upgrade_says_so(desk: Desks) -> None:
    told = desk().type("versions", "--from-version", "1.12.9", "--kubernetes", "1.22", "-o", "json")
    found = {one["minor"]: one for one in json.loads(told.out)["targets"]}
    assert found["1.16"]["needs"] == []
    assert found["1.18"]["needs"] == ["Kubernetes 1.24 to 1.25 before 1.17"]
    assert found["1.18"]["hops"] == ["1.13", "1.14", "1.15", "1.16", "1.17", "1.18"]
    assert found["1.18"]["avoid"]["istio-cni 1.18.7"].startswith("it needs a shell")


def test_without_a_cluster_the_start_is_said_and_what_is_not_known_is_not_called_nothing(
    desk: Desks,
) -> None:
    shop = desk()
    said = shop.type("versions", "--from-version", "1.30.1")
    assert "1.30  1     1.30.5      2026-11-30" in said.out
    assert said.out.splitlines()[3].endswith("nothing")
    assert said.out.splitlines()[4].endswith("not known")
    assert "--kubernetes 1.30" in said.out
    old = shop.type("versions", "--from-version", "1.17.1", "--kubernetes", "1.26", "-o", "json")
    needs = [one["needs"] for one in json.loads(old.out)["targets"]][:2]
    assert needs == [[], ["1.17.3 or later, where istiod runs Gateways"]]
    assert shop.type("versions", "--kubernetes", "1.30").code == 64
    assert shop.type("versions", "--from-version", "newest").code == 64


def test_a_cluster_without_istio_is_no_start(desk: Desks) -> None:
    said = desk("empty").type("versions")
    assert said.code == 0
    assert "From  not known: the cluster runs no istiod" in said.out
    assert "1.31    2026-08-27" in said.out


def test_a_site_says_what_it_knows_of_a_release(desk: Desks) -> None:
    shop = desk()
    folder = str(site(shop))
    assert shop.type("plan", "--to", "1.28").code == 0
    said = shop.type("plan", "--to", "1.28", "--catalog", folder)
    assert said.code == 3
    assert "Istio 1.28.10: it loses our header" in said.out
    assert shop.type("check", "--to", "1.28", "--catalog", folder).code == 3
    assert "1.28.10: it loses our header" in shop.type("versions", "--catalog", folder).out
    plan = json.loads(shop.type("plan", "--to", "1.28", "--catalog", folder, "-o", "json").out)
    assert "catalog/releases.yaml" in plan["inputs"]


def test_a_sites_file_that_is_not_understood_is_refused(desk: Desks) -> None:
    shop = desk()
    said = shop.type("plan", "--catalog", str(site(shop, OURS.replace("latest", "newest"))))
    assert said.code == 78
    assert "error UPG-0003" in said.err
    assert "newest" in said.err
    assert shop.type("versions", "--catalog", str(shop.place / "nowhere")).code == 78


def test_a_plan_is_stale_once_the_sites_files_are_others(desk: Desks) -> None:
    shop = desk()
    folder = site(shop, OURS.partition("  known_bad")[0] + "  source: [ours]\n  seen: 2026-11-01\n")
    (folder / "advisories").mkdir()
    question = folder / "advisories" / "1.28.yaml"
    question.write_text(OUR_QUESTION, encoding="utf-8")
    plan = shop.plan("--to", "1.28", "--catalog", str(folder))
    written = json.loads(plan.read_text())
    assert {n for n in written["inputs"] if n.startswith("catalog/")} == {
        "catalog/advisories/1.28.yaml",
        "catalog/releases.yaml",
    }
    assert shop.type("apply", str(plan), "--dry-run=client").code == 0
    question.write_text(OUR_QUESTION.replace("our filter", "the filter"), encoding="utf-8")
    said = shop.type("apply", str(plan))
    assert_refused(shop, said, "UPG-0401", 4)
    assert "advisories/1.28.yaml: its content changed" in said.err
    question.unlink()
    assert "advisories/1.28.yaml: it is gone" in shop.type("apply", str(plan)).err


def test_what_a_plan_says_to_type_about_an_advisory_of_the_site_works_from_anywhere(
    desk: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = desk()
    place = shop.place / "our own" / "advisories"
    place.mkdir(parents=True)
    (place / "1.28.yaml").write_text(OUR_QUESTION, encoding="utf-8")
    monkeypatch.chdir(shop.place)
    asked = ("check", "--to", "1.28", "--catalog", "our own", "-o", "json")
    found = {f["subject"]: f for f in json.loads(shop.type(*asked).out)["findings"]}
    ours = found["1.28-our-header"]
    monkeypatch.chdir("/")
    typed = shlex.split(ours["why"].partition("(upgrade ")[2].rstrip(")"))
    assert "Our header is read by nobody" in shop.type(*typed).out
    plan = shlex.split(ours["do"][0], comments=True)[1:]
    assert shop.type(*plan, "--manifests", str(shop.place / "manifests")).code == 0
    built_in = next(f for f in found.values() if f["code"] == "UPG-0362" and f is not ours)
    assert built_in["why"].endswith(f"(upgrade explain {built_in['subject']})")


def test_an_advisory_of_the_site_is_explained(desk: Desks) -> None:
    shop = desk()
    place = shop.place / "known" / "advisories"
    place.mkdir(parents=True)
    (place / "1.28.yaml").write_text(OUR_QUESTION, encoding="utf-8")
    folder = str(place.parent)
    assert "Our header is read by nobody" in shop.type("explain", "1.28-our-header", "--catalog", folder).out
    assert_refused(shop, shop.type("explain", "1.28-our-header"), "UPG-0018", 64)
    lines = {
        line.partition("  ")[0]: line for line in shop.type("explain", "--catalog", folder).out.splitlines()
    }
    assert (
        lines["1.28"]
        != {line.partition("  ")[0]: line for line in shop.type("explain").out.splitlines()}["1.28"]
    )
    (place / "1.28.yml").write_text(OUR_QUESTION, encoding="utf-8")
    assert_refused(shop, shop.type("explain", "1.28-our-header", "--catalog", folder), "UPG-0003", 78)
