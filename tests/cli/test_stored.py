"""Checks and plans from a stored snapshot: the same findings, with no cluster and no kubeconfig."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Desk, Said
from upgrader.cli.entry import run

Desks = Callable[..., Desk]
pytestmark = pytest.mark.slow
OUR_QUESTION = """
schema: 1
advisories:
- id: 1.28-our-header
  title: Our header is read by nobody any more
  area: traffic
  severity: behaviour
  change: our filter is not rebuilt for it
  do: [rebuild our filter]
  ask: Does anybody read our header?
  source: [our own test bed]
  seen: 2026-11-01
"""
LATER = (
    "documents",
    "mesh_configs",
    "injector_values",
    "injector_settings",
    "install_values",
    "certificates",
)


@pytest.fixture
def away(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    """Types a command where there is no way into any cluster."""

    def type_(*words: str) -> Said:
        monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-such-kubeconfig"))
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "")
        capsys.readouterr()
        code = run(list(words))
        shown = capsys.readouterr()
        return Said(code, shown.out, shown.err)

    return type_


def stored(desk: Desk, *words: str) -> Path:
    """What ``check`` saw, as a file."""
    path = desk.place / "mesh.json"
    said = desk.type("check", "-o", "json", "-o", f"snapshot={path}", *words)
    assert said.code in {0, 3}, said.text
    return path


def older(path: Path) -> Path:
    """The same as a release wrote it that did not know the later fields."""
    held = json.loads(path.read_text())
    for field in LATER:
        del held[field]
    for workload in held["workloads"]:
        del workload["template"]
    for gap in held["unread"]:
        del gap["optional"]
    path.write_text(json.dumps(held))
    return path


def findings(said: Said) -> list[tuple[str, str]]:
    assert said.out, said.err
    return [(f["code"], f["subject"]) for f in json.loads(said.out)["findings"]]


@pytest.mark.parametrize("scenario", ["shop", "hostile"])
def test_a_stored_mesh_is_checked_as_the_live_one_was(
    scenario: str, desk: Desks, away: Callable[..., Said]
) -> None:
    there = desk(scenario)
    file, live = stored(there), there.type("check", "-o", "json")
    said = away("check", "--from", str(file), "--manifests", str(there.place / "manifests"), "-o", "json")
    assert findings(said) == findings(live)
    assert said.code == live.code
    assert json.loads(said.out)["path"] == json.loads(live.out)["path"]
    assert "taken 20" in said.err


def test_without_manifests_it_is_checked_on_the_way_to_releases_that_the_catalog_knows(
    desk: Desks, away: Callable[..., Said]
) -> None:
    said = away("check", "--from", str(stored(desk())), "--to", "1.29", "-o", "json")
    assert [v.rpartition(".")[0] for v in json.loads(said.out)["path"]] == ["1.27", "1.28", "1.29"]
    assert said.code in {0, 3}


def test_a_snapshot_of_an_older_release_says_what_it_does_not_hold(
    desk: Desks, away: Callable[..., Said]
) -> None:
    file = older(stored(desk()))
    said = away("check", "--from", str(file), "-o", "json")
    [unseen] = [f for f in json.loads(said.out)["findings"] if f["code"] == "UPG-0351"]
    assert {"services", "nodes", "settings of injectors", "pod templates of workloads"} <= set(
        unseen["objects"]
    )
    facts = [line for line in unseen["what"] if not line.startswith("not known: ")]
    assert len(facts) < len(unseen["what"])
    assert all("this snapshot does not hold them" in line for line in facts)
    assert said.code == 0


def test_a_run_directory_is_a_place_of_a_snapshot_too(desk: Desks, away: Callable[..., Said]) -> None:
    there = desk()
    folder = there.place / "r-20260105-smpl"
    folder.mkdir()
    shutil.copyfile(stored(there), folder / "snapshot.json")
    said = away("check", "--from", str(folder))
    assert said.code == 0
    assert "UPG-0020" not in said.text


def test_a_plan_from_a_snapshot_has_the_steps_of_one_from_the_cluster(
    desk: Desks, away: Callable[..., Said]
) -> None:
    there = desk()
    file, manifests = stored(there), str(there.place / "manifests")
    live = json.loads(there.type("plan", "--to", "1.28", "-o", "json").out)
    said = away("plan", "--to", "1.28", "--from", str(file), "--manifests", manifests, "-o", "json")
    offline = json.loads(said.out)
    assert offline["path"] == live["path"]
    assert [h["waves"] for h in offline["hops"]] == [h["waves"] for h in live["hops"]]


def test_steps_need_to_know_what_is_installed(desk: Desks, away: Callable[..., Said]) -> None:
    file = str(stored(desk()))
    for words in (["plan", "--from", file], ["check", "--rbac", "--from", file]):
        said = away(*words)
        assert said.code == 64
        assert "--manifests" in said.err


@pytest.mark.parametrize("command", ["check", "plan"])
def test_a_question_of_the_site_is_answered_on_a_snapshot_as_on_the_cluster(
    command: str, desk: Desks, away: Callable[..., Said]
) -> None:
    there = desk()
    site = there.place / "known" / "advisories"
    site.mkdir(parents=True)
    (site / "1.28.yaml").write_text(OUR_QUESTION, encoding="utf-8")
    asked = (command, "--to", "1.28", "--catalog", str(site.parent), "-o", "json")
    offline = ("--from", str(stored(there)), "--manifests", str(there.place / "manifests"))
    for said in (there.type, lambda *words: away(*words, *offline)):
        assert ("UPG-0362", "1.28-our-header") in findings(said(*asked))
        answered = findings(said(*asked, "--answer", "1.28-our-header=no: nobody"))
        assert "1.28-our-header" not in {subject for _, subject in answered}


def test_a_cluster_and_a_snapshot_are_not_named_together(desk: Desks, away: Callable[..., Said]) -> None:
    said = away("check", "--from", str(stored(desk())), "--context", "prod")
    assert said.code == 64
    assert "--context" in said.err


@pytest.mark.parametrize(
    "content", [None, b"", b"no json", b"[]", b'{"schema": "upgrader.plan/v1"}', b"\xff\xfe"]
)
def test_what_is_no_snapshot_is_refused_with_the_way_out(
    content: bytes | None, tmp_path: Path, away: Callable[..., Said]
) -> None:
    file = tmp_path / "mesh.json"
    if content is not None:
        file.write_bytes(content)
    said = away("check", "--from", str(file))
    assert said.code == 65
    assert "error UPG-0020:" in said.err
    assert "upgrade check -o snapshot=snapshot.json" in said.err
    assert "Traceback" not in said.text


def test_a_stored_snapshot_tells_no_secret(desk: Desks) -> None:
    there = desk()
    held: dict[str, Any] = json.loads(stored(there).read_text())
    secrets = [d for d in held["documents"] if d["ref"]["kind"]["kind"] == "Secret"]
    assert all(
        set(d["body"]) <= {"apiVersion", "kind", "metadata", "type", "keys", "authentication"}
        for d in secrets
    )
