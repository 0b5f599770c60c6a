"""The copy in the cluster: another machine goes on from it, and a wrong copy steers nobody."""

from __future__ import annotations

import base64
import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.desk import AT, Desk, hop, item, plan, wave
from tests.engine.faults import Fault, Faulty
from upgrader.cluster.rest import RestCluster
from upgrader.engine.keeping import mirror
from upgrader.engine.keeping.folder import BACK, PLAN, RunFolder
from upgrader.engine.keeping.journal import HEAD, NAME, FileJournal
from upgrader.engine.keeping.mirror import Copied, Mirror, bring, mirrored, run_of_plan
from upgrader.engine.lease import Lease
from upgrader.model.change import HOME
from upgrader.model.codec import decode, encode, pretty
from upgrader.model.errors import UpgradeError
from upgrader.model.event import LockLeft, RunOpened
from upgrader.model.kinds import Obj
from upgrader.planning.plan import plan_digest

RUN = "r-20260105-k3f9"
PLAN_OF_RUN = plan(hop(1, wave("namespaces", item("h1.01"))))
MANIFEST = b"kind: ConfigMap\n# \xff is no UTF-8\n" * 10


@pytest.fixture
def run(desk: Desk) -> RunFolder:
    """A run with three records, manifests and a backup; our namespace is there."""
    Lease(desk.cluster, desk.clock, "ana@one/1:1/aa", RUN).acquire(lambda: None)
    made = RunFolder.create(
        desk.folder / "here",
        RUN,
        PLAN_OF_RUN,
        {"manifests/1.28.0/istiod.yaml": MANIFEST, "snapshot.json": b"{}"},
    )
    made.write({"backup/h1/index.json": b"{}", "backup/h1/secret.yaml": b"password: canary-7f3a"})
    write(made, opened(), LockLeft(at=AT, holder="one"), LockLeft(at=AT, holder="two"))
    return made


def opened() -> RunOpened:
    return RunOpened(
        at=AT,
        run=RUN,
        plan=PLAN_OF_RUN.id,
        plan_digest=plan_digest(PLAN_OF_RUN),
        cluster="u",
        holder="ana",
        tool="test",
    )


def write(folder: RunFolder, *events: Any) -> None:
    """Append to a journal, as a process does."""
    journal = FileJournal(folder.path)
    for event in events:
        journal.append(event)
    journal.seal()
    journal.close()


def copy(desk: Desk, folder: RunFolder) -> str:
    return Mirror(desk.cluster, folder).sync()


def away(desk: Desk) -> Path:
    """The folder of runs of another machine."""
    return desk.folder / "away"


def maps(desk: Desk) -> dict[str, Obj]:
    """ConfigMaps of ours by name."""
    return {o["metadata"]["name"]: o for o in desk.world.store.list("", "configmaps", HOME)}


def files(folder: Path) -> dict[str, bytes]:
    """Content by path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def refusal(desk: Desk) -> UpgradeError:
    with pytest.raises(UpgradeError) as told:
        bring(desk.cluster, RUN, away(desk))
    return told.value


def test_another_machine_gets_the_same_plan_manifests_and_journal(desk: Desk, run: RunFolder) -> None:
    assert copy(desk, run) == ""
    brought = bring(desk.cluster, RUN, away(desk))
    assert brought.record() == run.record()
    assert brought.plan() == run.plan()
    wanted = files(run.path)
    assert files(brought.path) == {
        name: wanted[name] for name in (PLAN, NAME, HEAD, "manifests/1.28.0/istiod.yaml")
    }
    assert {oct(p.stat().st_mode & 0o777) for p in brought.path.rglob("*") if p.is_file()} == {"0o600"}


def test_backups_are_not_copied_for_they_may_hold_credentials(desk: Desk, run: RunFolder) -> None:
    copy(desk, run)
    stored = encode(list(maps(desk).values()))
    for one in maps(desk).values():
        part = (one.get("binaryData") or {}).get("part")
        stored += zlib.decompress(base64.b64decode(part)) if part else b""
    assert b"canary-7f3a" not in stored
    assert b"h1.01" in stored


def test_the_cluster_knows_its_runs_and_which_plan_they_carry_out(desk: Desk, run: RunFolder) -> None:
    copy(desk, run)
    assert mirrored(desk.cluster) == [RUN]
    assert run_of_plan(desk.cluster, PLAN_OF_RUN.id) == RUN
    assert run_of_plan(desk.cluster, "pl-other") == ""


def test_only_what_is_new_is_sent(desk: Desk, run: RunFolder) -> None:
    copy(desk, run)
    before = set(maps(desk))
    writes = len(desk.world.audit.writes())
    assert copy(desk, run) == ""
    assert len(desk.world.audit.writes()) == writes
    write(run, LockLeft(at=AT, holder="three"))
    copy(desk, run)
    assert len(set(maps(desk)) - before) == 1
    assert bring(desk.cluster, RUN, away(desk)).record() == run.record()


def test_pieces_cannot_be_changed_and_only_the_head_moves(desk: Desk, run: RunFolder) -> None:
    copy(desk, run)
    assert {name for name, one in maps(desk).items() if not one.get("immutable")} == {f"{RUN}-head"}


def test_a_large_file_goes_into_several_pieces(
    desk: Desk, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "CHUNK", 200)
    copy(desk, run)
    assert len(maps(desk)) > 5
    assert bring(desk.cluster, RUN, away(desk)).record() == run.record()


def test_the_plan_that_takes_the_run_back_is_copied_when_it_is_made_and_when_it_is_made_anew(
    desk: Desk, run: RunFolder
) -> None:
    copy(desk, run)
    for number in (1, 2):
        back = plan(hop(number, wave("install", item(f"b.0{number}"))))
        run.save_back_plan(back)
        copy(desk, run)
        shutil.rmtree(away(desk), ignore_errors=True)
        assert bring(desk.cluster, RUN, away(desk)).back_plan() == back
    assert (run.path / BACK).read_bytes() == pretty(back).encode()


@pytest.mark.parametrize("at", range(1, 9))
def test_a_copy_that_broke_off_anywhere_is_completed_by_the_next_one(
    desk: Desk, run: RunFolder, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirror, "CHUNK", 200)
    count = iter(range(1, 1000))
    bad = Faulty(
        desk.world.transport(),
        desk.clock,
        Fault.RESET_BEFORE if at % 2 else Fault.RESET_AFTER,
        lambda *_: next(count) == at,
    )
    one = Mirror(RestCluster(bad), run)
    assert one.sync() != ""
    assert one.sync() == ""
    assert bring(desk.cluster, RUN, away(desk)).record() == run.record()


def test_trouble_is_told_and_not_raised(desk: Desk, run: RunFolder) -> None:
    desk.world.api.rbac.deny("admin", verbs=["create"], resources=["configmaps"])
    assert "cannot create" in copy(desk, run)


def head(desk: Desk) -> tuple[str, Copied]:
    """Where the head is, and what it says."""
    return f"/api/v1/namespaces/{HOME}/configmaps/{RUN}-head", decode(
        maps(desk)[f"{RUN}-head"]["data"]["copied"], Copied
    )


def rewrite_head(desk: Desk, text: str) -> None:
    desk.local.patch(
        head(desk)[0], json.dumps({"data": {"copied": text}}).encode(), "application/merge-patch+json"
    )


def lose_a_piece(desk: Desk, copied: Copied) -> None:
    desk.local.delete(f"/api/v1/namespaces/{HOME}/configmaps/{copied.pieces[-1].names[0]}")


def replace_a_piece(desk: Desk, copied: Copied) -> None:
    name = copied.pieces[-1].names[0]
    lose_a_piece(desk, copied)
    part = base64.b64encode(zlib.compress(b"{}")).decode()
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": HOME},
        "binaryData": {"part": part},
    }
    desk.local.create(f"/api/v1/namespaces/{HOME}/configmaps", body)


def forget_a_piece(desk: Desk, copied: Copied) -> None:
    rewrite_head(
        desk,
        encode({**json.loads(encode(copied)), "pieces": json.loads(encode(copied.pieces[:-1]))}).decode(),
    )


def promise_more(desk: Desk, copied: Copied) -> None:
    rewrite_head(desk, encode({**json.loads(encode(copied)), "seq": copied.seq + 1}).decode())


def write_nonsense(desk: Desk, _: Copied) -> None:
    rewrite_head(desk, "nonsense")


@pytest.mark.parametrize(
    "damage", [lose_a_piece, replace_a_piece, forget_a_piece, promise_more, write_nonsense]
)
def test_a_copy_that_is_not_whole_is_refused_and_leaves_no_run_behind(
    desk: Desk, run: RunFolder, damage: Callable[[Desk, Copied], None]
) -> None:
    copy(desk, run)
    write(run, LockLeft(at=AT, holder="three"))
    copy(desk, run)
    damage(desk, head(desk)[1])
    assert refusal(desk).code == "UPG-0502"
    assert not any(away(desk).rglob("*.json*"))


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", "manifests/../../outside"])
def test_a_copy_whose_files_would_leave_the_directory_is_refused(
    desk: Desk, run: RunFolder, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        mirror, "_files", lambda folder: {PLAN: (folder.path / PLAN).read_bytes(), name: b"x"}
    )
    copy(desk, run)
    assert "leads out" in refusal(desk).what[0]
    assert not list(desk.folder.rglob("outside"))
    assert not any(away(desk).rglob("*.json*"))


@pytest.mark.parametrize("name", ["../r-20260105-k3f9", "r-20260105-k3f9/..", "", "R", "r-20260105-K3F9"])
def test_a_run_is_never_looked_for_under_a_name_that_is_none(desk: Desk, run: RunFolder, name: str) -> None:
    copy(desk, run)
    with pytest.raises(UpgradeError, match="UPG-0504"):
        bring(desk.cluster, name, away(desk))


def test_a_piece_that_swells_is_not_swallowed(
    desk: Desk, run: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(desk, run)
    monkeypatch.setattr(mirror, "LARGEST", 100)
    assert "larger than" in refusal(desk).what[0]


def elsewhere(desk: Desk, run: RunFolder) -> RunFolder:
    """The same run on another machine."""
    copy(desk, run)
    return bring(desk.cluster, RUN, away(desk))


def catch_up(desk: Desk, folder: RunFolder) -> int:
    journal = FileJournal(folder.path)
    try:
        return Mirror(desk.cluster, folder).catch_up(journal)
    finally:
        journal.close()


def test_a_machine_that_was_left_behind_catches_up_before_it_goes_on(desk: Desk, run: RunFolder) -> None:
    other = elsewhere(desk, run)
    write(other, LockLeft(at=AT, holder="there"), LockLeft(at=AT, holder="there again"))
    other.save_back_plan(PLAN_OF_RUN)
    copy(desk, other)
    assert catch_up(desk, run) == 2
    assert run.record() == other.record()
    assert run.back_plan() == PLAN_OF_RUN
    assert copy(desk, run) == ""


def test_a_machine_that_is_ahead_of_the_copy_has_nothing_to_catch_up(desk: Desk, run: RunFolder) -> None:
    copy(desk, run)
    write(run, LockLeft(at=AT, holder="mine"))
    assert catch_up(desk, run) == 0


def test_two_machines_that_told_different_stories_are_not_mixed(desk: Desk, run: RunFolder) -> None:
    other = elsewhere(desk, run)
    write(other, LockLeft(at=AT, holder="there"))
    copy(desk, other)
    write(run, LockLeft(at=AT, holder="here"))
    before = maps(desk)
    with pytest.raises(UpgradeError, match="UPG-0502") as told:
        catch_up(desk, run)
    assert "another machine" in told.value.what[0]
    assert "another machine" in copy(desk, run)
    assert maps(desk) == before


def test_of_two_that_copy_at_the_same_moment_the_second_does_not_write_over_the_first(
    desk: Desk, run: RunFolder
) -> None:
    copy(desk, run)
    write(run, LockLeft(at=AT, holder="x"))
    get, raced = desk.cluster.get, list[int]()

    def meanwhile(ref: Any) -> Obj | None:
        found = get(ref)
        if ref.name.endswith("-head") and not raced:
            raced.append(1)
            desk.local.patch(
                head(desk)[0], b'{"metadata":{"labels":{"x":"y"}}}', "application/merge-patch+json"
            )
        return found

    desk.cluster.get = meanwhile  # type: ignore[method-assign]
    assert "somebody else writes the copy" in copy(desk, run)
    assert copy(desk, run) == ""
