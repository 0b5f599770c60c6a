"""A run directory: what is in it is what was reviewed, to the letter."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.engine.desk import AT, hop, item, plan, wave
from upgrader.engine.keeping.folder import BACK, PLAN, RunFolder, new_run_id, read_plan, runs_in
from upgrader.engine.keeping.journal import FileJournal
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import PhaseEntered, RunOpened
from upgrader.planning.plan import Plan, named, plan_digest

MANIFEST = b"kind: ConfigMap\n"
RIGHT = plan(
    hop(1, wave("namespaces", item("h1.01"))),
    inputs={"manifests/1.28.0/istiod.yaml": sha256(MANIFEST).hexdigest()},
)
OTHER = plan(hop(1, wave("namespaces", item("h1.02"))))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    tmp_path.chmod(0o700)
    return RunFolder.create(
        tmp_path / "runs", "r-20260105-k3f9", RIGHT, {"manifests/1.28.0/istiod.yaml": MANIFEST}
    )


def refusal(call: Any, *args: Any) -> UpgradeError:
    with pytest.raises(UpgradeError) as told:
        call(*args)
    return told.value


def opened(run: RunFolder, plan: Plan = RIGHT) -> None:
    journal = FileJournal(run.path)
    journal.append(
        RunOpened(
            at=AT, run=run.run, plan=plan.id, plan_digest=plan_digest(plan), cluster="u", holder="x", tool="t"
        )
    )
    journal.close()


def test_a_plan_is_read_back_as_it_was_written(run: RunFolder) -> None:
    assert run.plan() == RIGHT


@pytest.mark.parametrize(
    "edit",
    [
        {"valid_until": "2027-01-01T00:00:00Z"},
        {"root_namespace": "other"},
        {"hops": []},
        {"id": "pl-00000000"},
        {"extra": 1},
        {"findings": "none"},
    ],
)
def test_an_edited_plan_is_refused(run: RunFolder, edit: dict[str, Any]) -> None:
    place = run.path / PLAN
    place.write_text(json.dumps(json.loads(place.read_text()) | edit))
    error = refusal(run.plan)
    assert (error.code, error.exit_code) == ("UPG-0405", Exit.BAD_DATA)


@pytest.mark.parametrize(
    "data", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"null", pretty(RIGHT).encode()[:-200]]
)
def test_what_is_no_plan_is_refused_in_the_same_words(tmp_path: Path, data: bytes) -> None:
    place = tmp_path / "plan.json"
    place.write_bytes(data)
    assert refusal(read_plan, place).code == "UPG-0405"


@pytest.mark.parametrize("place", ["missing.json", "."])
def test_a_plan_that_cannot_be_read_is_refused_in_the_same_words(tmp_path: Path, place: str) -> None:
    assert refusal(read_plan, tmp_path / place).code == "UPG-0405"


def test_a_run_goes_on_only_with_the_plan_it_was_opened_with(run: RunFolder) -> None:
    """Even if the other plan is a right one."""
    opened(run)
    assert run.plan_of(run.record()) == RIGHT
    run.write({PLAN: pretty(OTHER).encode()})
    error = refusal(run.plan_of, run.record())
    assert error.code == "UPG-0405"
    assert RIGHT.id in error.what[0]


def test_a_run_goes_back_only_with_the_plan_that_going_back_began_with(run: RunFolder) -> None:
    opened(run)
    journal = FileJournal(run.path)
    journal.append(
        PhaseEntered(at=AT, phase="rolling-back", trigger="roll_back", hop=1, plan=plan_digest(OTHER))
    )
    journal.close()
    assert refusal(run.plan_of, run.record()).code == "UPG-0405"
    run.save_back_plan(OTHER)
    assert run.plan_of(run.record()) == OTHER
    run.save_back_plan(named(msgspec.structs.replace(OTHER, tool="edited")))
    assert refusal(run.plan_of, run.record()).code == "UPG-0405"
    (run.path / BACK).unlink()
    assert refusal(run.plan_of, run.record()).code == "UPG-0405"


@pytest.mark.parametrize("data", [None, b"", MANIFEST + b"\n"])
def test_edited_or_missing_manifests_are_refused(run: RunFolder, data: bytes | None) -> None:
    run.check_manifests(RIGHT)
    place = run.path / "manifests/1.28.0/istiod.yaml"
    place.unlink() if data is None else place.write_bytes(data)
    error = refusal(run.check_manifests, RIGHT)
    assert error.code == "UPG-0405"
    assert str(place) in error.headline


def test_everything_in_it_is_for_its_owner_alone(run: RunFolder) -> None:
    modes = {p.is_dir(): oct(p.stat().st_mode & 0o777) for p in [run.path, *run.path.rglob("*")]}
    assert modes == {True: "0o700", False: "0o600"}


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "manifests/../../x"])
def test_no_file_is_written_outside_and_then_none_at_all(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        RunFolder.create(tmp_path / "runs", "r-20260105-k3f9", RIGHT, {"a": b"", name: b""})
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_a_run_is_never_written_over_another_one(run: RunFolder) -> None:
    with pytest.raises(FileExistsError):
        RunFolder.create(run.path.parent, run.run, OTHER, {})
    assert run.plan() == RIGHT


def test_a_directory_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir(mode=0o777)
    (tmp_path / "runs").chmod(0o777)
    assert refusal(RunFolder.create, tmp_path / "runs", "r-20260105-k3f9", RIGHT, {}).code == "UPG-0503"


def test_a_directory_without_a_journal_is_no_run_yet(run: RunFolder) -> None:
    assert runs_in(run.path.parent) == []
    opened(run)
    assert [f.run for f in runs_in(run.path.parent)] == [run.run]
    assert runs_in(run.path / "nowhere") == []


def test_names_of_runs_tell_the_day_and_differ() -> None:
    names = {new_run_id(AT) for _ in range(20)}
    assert len(names) > 15
    assert all(name.startswith("r-20260105-") and len(name) == 15 for name in names)
