"""Method istioctl as typed: which program renders, what it may write, what it says, and what is left for those who resume."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Desk, Said
from tests.cli.test_refusals import assert_refused
from tests.istioctl import HEALTHY, asked, rendered, write_istioctl
from upgrader.cli.runs import istioctl as running

Desks = Callable[..., Desk]


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No istioctl of this machine, and a cache that goes away."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")


@pytest.fixture
def shop(desk: Desks) -> Desk:
    return desk()


def program(desk: Desk, version: str = "1.28.10", **more: Any) -> Path:
    return write_istioctl(desk.place / "bin" / f"istioctl-{version}", version, **more)


def plan(desk: Desk, *words: str) -> Said:
    return desk.type("plan", "--istioctl", str(desk.place / "bin"), "--to", "1.28", *words)


def saved(desk: Desk, *words: str) -> dict[str, Any]:
    path = desk.place / "plan.json"
    said = plan(desk, "--out", str(path), *words)
    assert said.code in {0, 3}, said.text
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def test_a_hop_is_rendered_by_the_istioctl_of_its_version_and_looking_writes_nothing(shop: Desk) -> None:
    place = program(shop)
    found = saved(shop)
    assert found["playbook"]["install"]["method"] == "istioctl"
    (binary,) = found["binaries"]
    assert (binary["version"], binary["path"]) == ("1.28.10", str(place))
    assert len(binary["sha256"]) == 64
    made = [call for call in asked(place) if call.startswith("manifest generate")]
    assert all("--set profile=minimal --set revision=1-28-10" in call for call in made)
    assert not any("--force" in call or "install" in call for call in asked(place))
    assert "UPG-0109" not in plan(shop).text
    assert shop.writes() == []


def test_the_options_of_the_running_revision_go_along_and_the_plan_says_so(shop: Desk) -> None:
    place = program(shop)
    path = "/api/v1/namespaces/istio-system/configmaps/values-1-27-9"
    local = shop.world.local()
    values = local.get(path)
    assert values is not None
    values["data"]["original-values"] = json.dumps(
        {"global": {"tag": "1.27.9", "hub": "mirror.example/istio", "logAsJson": True}, "revision": "1-27-9"}
    )
    local.update(path, values)
    (hop,) = saved(shop)["hops"]
    fates = {o["key"]: o["fate"] for o in hop["options"]["decided"]}
    assert fates == {
        "values.global.hub": "carried",
        "values.global.logAsJson": "carried",
        "values.global.tag": "dropped",
        "values.revision": "dropped",
    }
    given = place.with_name(f"{place.name}.options").read_text()
    assert "logAsJson: true" in given
    assert "1.27.9" not in given
    wide = plan(shop, "-o", "wide").out
    assert "carried values.global.logAsJson = true  (set for the running installation)" in wide
    assert "+ values.global.logAsJson" in plan(shop, "-o", "markdown").out


def test_the_overlay_of_the_playbook_comes_last(shop: Desk) -> None:
    place = program(shop)
    swift = shop.swift()
    swift.write_text(swift.read_text() + "\ninstall: {overlay: own.yaml}\n")
    (swift.parent / "own.yaml").write_text("kind: IstioOperator\nspec: {values: {mine: 1}}\n")
    found = saved(shop, "--playbook", str(swift))
    assert len(found["inputs"]["overlay"]) == 64
    last = asked(place)[-1]
    assert last.count(" -f ") == 2
    assert place.with_name(f"{place.name}.options").read_text().rstrip().endswith("{mine: 1}}")


def test_a_saved_plan_keeps_its_manifests_beside_it_and_both_may_go_elsewhere(
    shop: Desk, tmp_path: Path
) -> None:
    program(shop)
    saved(shop)
    kept = shop.place / "plan.manifests"
    assert (kept / "1.28.10" / "istiod.yaml").is_file()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for one in (kept, shop.place / "plan.json"):
        shutil.move(one, elsewhere)
    shutil.rmtree(shop.place / "bin")
    said = shop.type("apply", str(elsewhere / "plan.json"), "--dry-run=server")
    assert said.code == 0, said.text
    assert "none refused" in said.out
    (elsewhere / "plan.manifests" / "1.28.10" / "istiod.yaml").write_text("{}")
    assert shop.type("apply", str(elsewhere / "plan.json"), "--yes").code == 4


def test_the_same_mesh_and_program_give_the_same_manifests_in_the_same_place(shop: Desk) -> None:
    program(shop)
    first, second = (json.loads(plan(shop, "-o", "json").out)["manifests"] for _ in range(2))
    assert first == second
    assert (Path(first) / "1.28.10" / "istiod.yaml").is_file()


# which method


def test_a_mesh_that_istioctl_installed_is_rendered_by_istioctl(desk: Desks) -> None:
    stale = desk("stale-gateway")
    folder = stale.place / "manifests"
    write_istioctl(stale.place / "bin" / "istioctl", "1.18.7", manifest=rendered("1.18.7", "stale-gateway"))
    assert json.loads(stale.type("plan", "-o", "json").out)["playbook"]["install"]["method"] == "manifests"
    shutil.rmtree(folder)
    assert_refused(stale, stale.type("plan"), "UPG-0105", 3)
    (stale.place.parent / ".upgrader.yaml").write_text(
        f"apiVersion: upgrader/v1\nistioctl: {stale.place / 'bin'}\n"
    )
    found = json.loads(stale.type("plan", "-o", "json").out)
    assert found["playbook"]["install"]["method"] == "istioctl"
    assert found["binaries"][0]["origin"] == "configuration"
    changed = {d["subject"] for d in found["hops"][0]["differences"]}
    assert "Deployment istio-ingressgateway" in changed, "it is changed in place, so its fields are shown"
    text = (Path(found["manifests"]) / "1.18.7" / "istiod.yaml").read_text()
    assert "operator.istio.io/managed: Reconcile" in text


def test_a_folder_of_manifests_that_was_named_wins(shop: Desk) -> None:
    place = program(shop)
    found = saved(shop, "--manifests", str(shop.place / "manifests"))
    assert found["playbook"]["install"]["method"] == "manifests"
    assert found["binaries"] == []
    assert not any(call.startswith("manifest") for call in asked(place))


def test_a_mesh_of_helm_is_not_taken_over(shop: Desk) -> None:
    program(shop)
    path = "/apis/apps/v1/namespaces/istio-system/deployments/istiod-1-27-9"
    local = shop.world.local()
    deployment = local.get(path)
    assert deployment is not None
    deployment["metadata"].setdefault("annotations", {})["meta.helm.sh/release-name"] = "istiod"
    local.update(path, deployment)
    said = plan(shop)
    assert said.code == 3
    assert "method istioctl, installer helm" in said.out


# when it goes wrong


def test_no_istioctl_for_a_hop(shop: Desk) -> None:
    program(shop)
    said = shop.type("plan", "--istioctl", str(shop.place / "bin"), "--to", "1.29")
    assert_refused(shop, said, "UPG-0105", 3)
    assert "no istioctl for hop 2 (needs 1.29.x)" in said.err
    assert "found 1.28.10" in said.err


@pytest.mark.parametrize(
    ("render", "why"),
    [
        ("echo boom >&2; exit 1", "boom"),
        ("cat {data}; exit 1", "exit status 1"),
        ("echo 'Istio installed'", "no manifest"),
        ("echo 'a: ['", "no manifest"),
        ("head -c 30000 {data}", "1.28.10"),
        ("true", "0 istiod Deployments"),
    ],
    ids=["failed", "failed-but-whole", "words", "half-yaml", "half", "nothing"],
)
def test_what_it_writes_must_be_one_whole_control_plane(shop: Desk, render: str, why: str) -> None:
    data = shop.place / "whole.yaml"
    data.write_text(rendered("1.28.10"))
    program(shop, render=render.format(data=data))
    said = plan(shop)
    assert said.code == 3, said.text
    assert why in said.err
    assert said.err.startswith(("error UPG-0109", "error UPG-0011"))
    assert shop.writes() == []


def test_a_control_plane_of_another_version_is_refused(shop: Desk) -> None:
    program(shop, manifest=rendered("1.29.6"))
    assert_refused(shop, plan(shop), "UPG-0011", 3)


def test_one_that_hangs_is_stopped(shop: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "RENDERING", 0.3)
    program(shop, render="exec sleep 600")
    said = plan(shop)
    assert_refused(shop, said, "UPG-0109", 3)
    assert "did not end in time" in said.err


# what Istio's own checks say


def findings(desk: Desk, **more: Any) -> list[dict[str, Any]]:
    program(desk, **more)
    return [f for f in saved(desk)["findings"] if f["code"] in {"UPG-0344", "UPG-0345"}]


def message(code: str, level: str) -> str:
    return f'echo \'[{{"code": "{code}", "level": "{level}", "message": "so", "origin": "Pod a"}}]\''


def test_healthy_checks_say_nothing(shop: Desk) -> None:
    assert findings(shop) == []


def test_they_are_asked_of_the_same_cluster(shop: Desk) -> None:
    place = program(shop)
    plan(shop)
    looks = [call for call in asked(place) if call.startswith(("x precheck", "analyze"))]
    assert len(looks) == 2
    assert all(f"--kubeconfig {shop.place / 'kubeconfig'}" in call and "-o json" in call for call in looks)
    assert any("--revision 1-27-9" in call for call in looks)


def test_an_error_of_precheck_blocks_until_somebody_answers_for_it(shop: Desk) -> None:
    (found,) = findings(shop, precheck=message("IST0142", "Error") + "; exit 1")
    assert (found["severity"], found["subject"]) == ("blocked", "precheck IST0142")
    assert plan(shop).code == 3
    excuse = ["--allow", "UPG-0344:precheck IST0142", "--reason", "tried on the twin"]
    assert plan(shop, *excuse).code == 0


def test_an_error_of_analyze_is_advice(shop: Desk) -> None:
    (found,) = findings(shop, analyze=message("IST0101", "Error"))
    assert found["severity"] == "advisory"


@pytest.mark.parametrize(
    "broken",
    [
        {"analyze": "echo 'Error: forbidden' >&2; exit 1"},
        {"analyze": "echo ✔"},
        {"analyze": ""},
        {"precheck": "true"},
        {"precheck": f"{HEALTHY}; exit 1"},
        {"precheck": "kill -9 $$"},
    ],
    ids=["failed", "words", "silent", "precheck-silent", "precheck-failed", "killed"],
)
def test_not_having_looked_is_a_finding(shop: Desk, broken: dict[str, str]) -> None:
    (found,) = findings(shop, **broken)
    assert (found["code"], found["severity"]) == ("UPG-0345", "advisory")


def test_without_an_istioctl_nothing_is_said_about_it(shop: Desk) -> None:
    found = json.loads(shop.type("plan", "--to", "1.28", "-o", "json").out)
    assert not [f for f in found["findings"] if f["code"].startswith("UPG-034")]


# where they are


@pytest.mark.parametrize("command", ["versions", "version"])
def test_every_istioctl_is_shown_with_its_place(shop: Desk, command: str) -> None:
    place = program(shop)
    said = shop.type(command, "--istioctl", str(shop.place / "bin"))
    assert f"istioctl 1.28.10: {place} (option)" in said.out
    told = json.loads(shop.type(command, "--istioctl", str(shop.place / "bin"), "-o", "json").out)
    assert told["istioctl"][0]["version"] == "1.28.10"
    assert "none found" in shop.type(command).out
