"""Intent, lock, send once, outcome."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.desk import Desk, Note
from tests.engine.faults import AMBIGUOUS, Fault, Faulty
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Retrying
from upgrader.engine.driving.hands import Hands
from upgrader.model.change import Create, Delete, Patch, Save
from upgrader.model.errors import UpgradeError
from upgrader.model.event import Intent, Outcome
from upgrader.model.failures import ClusterFailure, Conflict
from upgrader.model.kinds import CONFIG_MAP, Obj, Ref
from upgrader.model.step import missing

REF = Ref(CONFIG_MAP, "note", "default")


def body(value: str = "made") -> Obj:
    """A ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "note", "namespace": "default"},
        "data": {"value": value},
    }


def told(desk: Desk) -> list[str]:
    """Intents by verb, outcomes by result, in order."""
    return [
        e.verb if isinstance(e, Intent) else e.result for e in desk.events if isinstance(e, Intent | Outcome)
    ]


def sent(desk: Desk) -> list[str]:
    """Mutations that reached the server."""
    return [e.verb for e in desk.world.audit.entries if e.agent == "upgrade" and e.method != "GET"]


def behind(desk: Desk, fault: Fault) -> tuple[Hands, Faulty]:
    """Hands behind a bad connection."""
    bad = Faulty(desk.world.transport(), desk.clock, fault, lambda *_: True)
    cluster = RestCluster(Retrying(bad, desk.clock))
    return Hands(cluster, desk.folder, desk.emit, desk.clock, desk.fence), bad


def test_the_intent_is_on_disk_before_the_request_leaves_and_the_outcome_after_it_came_back(
    desk: Desk,
) -> None:
    order: list[str] = []
    perform = desk.cluster.perform

    def watched(change: Any) -> Obj | None:
        order.extend(told(desk))
        return perform(change)

    desk.cluster.perform = watched  # type: ignore[method-assign]
    desk.hands.send("h1.01", Create(REF, body()))
    assert order == ["create"]
    assert told(desk) == ["create", "committed"]
    assert desk.events[0].op == desk.events[1].op == "h1.01-1"  # type: ignore[union-attr]


def test_an_intent_that_cannot_be_written_means_that_nothing_is_sent(desk: Desk) -> None:
    desk.full = True
    with pytest.raises(OSError, match="No space"):
        desk.hands.send("h1.01", Create(REF, body()))
    assert sent(desk) == []


def test_an_outcome_that_cannot_be_written_stops_too(desk: Desk) -> None:
    perform = desk.cluster.perform

    def then_full(change: Any) -> Obj | None:
        desk.full = True
        return perform(change)

    desk.cluster.perform = then_full  # type: ignore[method-assign]
    with pytest.raises(OSError, match="No space"):
        desk.hands.send("h1.01", Create(REF, body()))
    with pytest.raises(OSError, match="No space"):
        desk.hands.send("h1.01", Create(REF, body()))
    assert sent(desk) == ["create"]


def test_a_lost_lock_means_that_nothing_is_sent_and_nothing_is_intended(desk: Desk) -> None:
    def lost() -> int:
        raise UpgradeError("UPG-0501", "lost", exit_code=6)  # type: ignore[arg-type]

    hands = Hands(desk.cluster, desk.folder, desk.emit, desk.clock, lost)
    with pytest.raises(UpgradeError, match="UPG-0501"):
        hands.send("h1.01", Create(REF, body()))
    assert sent(desk) == []
    assert desk.events == []


def test_a_lock_that_is_lost_while_the_intent_is_written_still_stops_the_request(desk: Desk) -> None:
    def fence() -> int:
        if desk.events:
            raise UpgradeError("UPG-0501", "lost", exit_code=6)  # type: ignore[arg-type]
        return 3

    hands = Hands(desk.cluster, desk.folder, desk.emit, desk.clock, fence)
    with pytest.raises(UpgradeError, match="UPG-0501"):
        hands.send("h1.01", Create(REF, body()))
    assert sent(desk) == []
    assert told(desk) == ["create", "refused"]


@pytest.mark.parametrize("fault", [f for f in Fault if f is not Fault.BUSY], ids=lambda f: f.name)
def test_a_mutation_is_sent_once_whatever_comes_back(desk: Desk, fault: Fault) -> None:
    """Nobody was at the port: then asking again is harmless, for nothing left. Everything else is looked at first."""
    hands, bad = behind(desk, fault)
    with pytest.raises(ClusterFailure) as failure:
        hands.send("h1.01", Create(REF, body()))
    assert (len(bad.seen) == 1) is (fault is not Fault.REFUSED)
    expected = "conflict" if fault is Fault.CONFLICT else "unknown" if fault in AMBIGUOUS else "refused"
    assert failure.value.ambiguous is (fault in AMBIGUOUS)
    assert told(desk) == ["create", expected]


def test_a_conflict_is_told_as_one(desk: Desk) -> None:
    desk.put("note", "theirs")
    with pytest.raises(Conflict):
        desk.hands.send("h1.01", Create(REF, body()))
    assert told(desk) == ["create", "conflict"]


def test_a_delete_never_hits_the_namesake_of_what_was_seen(desk: Desk) -> None:
    desk.put("note", "theirs")
    with pytest.raises(Conflict):
        desk.hands.send("h1.01", Delete(REF, "another-uid"))
    assert desk.said("note") == "theirs"


def test_operations_are_numbered_on_where_an_earlier_process_ended(desk: Desk) -> None:
    desk.hands.number_from({"h1.01": 4})
    desk.hands.send("h1.01", Create(REF, body()))
    assert desk.of(Intent)[0].op == "h1.01-5"


def test_of_a_manifest_only_the_digest_is_written_down_and_of_a_patch_its_body(desk: Desk) -> None:
    desk.hands.send("h1.01", Create(REF, body("secret-ish")))
    (change,) = missing(Note(), desk.cluster)
    assert isinstance(change, Patch)
    desk.hands.send("h1.02", change)
    first, second = desk.of(Intent)
    assert (first.body, second.body) == ({}, {"data": {"value": "new"}})
    assert first.epoch == 7
    assert len({first.digest, second.digest}) == 2


def test_a_file_is_written_whole_and_for_us_alone(desk: Desk) -> None:
    desk.hands.send("h1.01", Save("backup/h1/index.json", "{}"))
    place = desk.folder / "backup/h1/index.json"
    assert place.read_text() == "{}"
    assert place.stat().st_mode & 0o777 == 0o600
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert (desk.of(Intent)[0].path, desk.of(Intent)[0].ref) == ("backup/h1/index.json", None)


def out(folder: Path) -> str:
    return str(folder.parent / "outside")


def link(folder: Path) -> str:
    (folder / "door").symlink_to(folder.parent)
    return "door/outside"


@pytest.mark.parametrize(
    "path", [lambda _: "../outside", lambda _: "backup/../../outside", out, link, lambda _: "", lambda _: "."]
)
def test_a_file_never_leaves_the_run_directory(desk: Desk, path: Callable[[Path], str]) -> None:
    with pytest.raises(UpgradeError, match="UPG-0503"):
        desk.hands.send("h1.01", Save(path(desk.folder), "x"))
    assert not (desk.folder.parent / "outside").exists()
    assert told(desk) == ["save", "refused"]


def test_what_became_of_an_unknown_outcome_is_written_down_once_somebody_looked(desk: Desk) -> None:
    hands, _ = behind(desk, Fault.RESET_AFTER)
    with pytest.raises(ClusterFailure):
        hands.send("h1.01", Create(REF, body()))
    assert list(desk.record.open_intents) == ["h1.01-1"]
    hands.resolve(desk.record.open_intents.values(), ())
    assert desk.record.open_intents == {}
    assert told(desk) == ["create", "unknown", "committed"]


def test_what_is_still_missing_when_somebody_looked_did_not_happen(desk: Desk) -> None:
    hands, _ = behind(desk, Fault.RESET_BEFORE)
    with pytest.raises(ClusterFailure):
        hands.send("h1.01", Create(REF, body()))
    hands.resolve(desk.record.open_intents.values(), (Create(REF, body()),))
    assert told(desk) == ["create", "unknown", "refused"]
    assert desk.record.writes == 0
