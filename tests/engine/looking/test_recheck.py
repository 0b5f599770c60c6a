"""Before a run goes on: what the record says is done must still be so."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.desk import AT, Desk, Note, gate, hop, item, plan, wave
from upgrader.engine.looking.recheck import recheck, refuse_drift, without_backup
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import StepSettled, StepStarted
from upgrader.model.step import Reading
from upgrader.planning.record import Standing
from upgrader.steps import BackUp


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A wave of four notes and a gate; the first two are recorded as done, the third as begun."""
    for name in "abcd":
        desk.put(name, "old")
    items = [item(f"h1.0{n}", Note(name=name)) for n, name in enumerate("abcd", 1)]
    desk.plan = plan(hop(1, wave("namespaces", *items, item("h1.05", gate(), mark="?"))))
    done(desk, "h1.01", "h1.02")
    desk.emit(StepStarted(at=AT, step="h1.03", title=""))
    desk.put("a", "new")
    desk.put("b", "new")
    return desk


def done(desk: Desk, *steps: str) -> None:
    for step in steps:
        desk.emit(StepStarted(at=AT, step=step, title=""))
        desk.emit(StepSettled(at=AT, step=step, result="done", reading=Reading.holds("")))


def ids(items: Any) -> list[str]:
    return [one.id for one in items]


def looked_at(desk: Desk) -> Standing:
    return recheck(desk.progress(), desk.cluster)


def test_what_is_done_and_still_so_is_told_as_that(desk: Desk) -> None:
    standing = looked_at(desk)
    assert (ids(standing.still), standing.broken) == (["h1.01", "h1.02"], ())
    assert ids(standing.left) == ["h1.03", "h1.04", "h1.05"]
    refuse_drift(standing, "r-1")


def test_what_was_in_flight_and_came_true_meanwhile_is_finished(desk: Desk) -> None:
    desk.put("c", "new")
    standing = looked_at(desk)
    assert (ids(standing.finished), ids(standing.elsewhere), ids(standing.left)) == (
        ["h1.03"],
        [],
        ["h1.04", "h1.05"],
    )


def test_what_somebody_else_did_is_told_as_theirs(desk: Desk) -> None:
    desk.put("d", "new")
    standing = looked_at(desk)
    assert (ids(standing.finished), ids(standing.elsewhere), ids(standing.left)) == (
        [],
        ["h1.04"],
        ["h1.03", "h1.05"],
    )


class Firm(Note, frozen=True, kw_only=True):
    """A note that is broken when it does not say what it should."""

    def verify(self, cluster: Any) -> Reading:
        gap = self.diff(self.observe(cluster))
        return Reading.broken(f"{self.name} was put back") if gap else Reading.holds("")


def firm(desk: Desk) -> None:
    desk.plan = plan(
        hop(
            1, wave("namespaces", item("h1.01", Firm(name="a")), item("h1.02", Firm(name="b")), item("h1.03"))
        )
    )


def test_what_was_undone_stops_the_run_and_is_named(desk: Desk) -> None:
    firm(desk)
    desk.put("b", "old")
    with pytest.raises(UpgradeError) as told:
        refuse_drift(looked_at(desk), "r-1")
    assert (told.value.code, told.value.exit_code, told.value.left) == (
        "UPG-0404",
        Exit.STALE,
        "Resume changed nothing.",
    )
    assert told.value.what == ("h1.02 title of h1.02: b was put back",)


def test_of_two_steps_about_the_same_thing_the_later_one_counts(desk: Desk) -> None:
    """A gateway that is pinned first and moved later is not expected to be pinned any more."""
    earlier, later = item("h1.01", Firm(name="a", value="pinned")), item("h1.02", Firm(name="a", value="new"))
    desk.plan = plan(hop(1, wave("namespaces", earlier, later, item("h1.03"))))
    assert looked_at(desk).broken == ()
    desk.put("a", "pinned")
    assert [i.id for i, _ in looked_at(desk).broken] == ["h1.02"]


def test_what_cannot_be_read_is_not_taken_for_undone(desk: Desk) -> None:
    firm(desk)
    desk.world.api.rbac.deny("admin", verbs=["get"], resources=["configmaps"])
    assert looked_at(desk).broken == ()


def test_hops_that_are_over_are_not_looked_at_again(desk: Desk) -> None:
    """Their new revision is the old one by now."""
    first = hop(1, wave("namespaces", item("h1.01", Firm(name="a")), item("h1.02", Firm(name="b"))))
    desk.plan = plan(first, hop(2, wave("namespaces", item("h2.01", Note(name="c")))))
    desk.put("a", "newer")
    standing = looked_at(desk)
    assert (standing.broken, standing.still) == ((), ())
    assert ids(standing.left) == ["h2.01"]


def backed_up(desk: Desk) -> None:
    desk.plan = plan(
        hop(
            1,
            wave("backup", item("h1.01", BackUp(folder="backup/h1", revision="1-27-0"), mark="b")),
            wave("install", item("h1.03")),
        )
    )


def test_a_backup_that_was_made_on_another_machine_is_no_drift_but_is_told(desk: Desk) -> None:
    backed_up(desk)
    assert looked_at(desk).broken == ()
    assert without_backup(desk.progress(), desk.cluster) == ["backup/h1"]


def test_a_backup_that_is_here_and_damaged_is_drift(desk: Desk) -> None:
    backed_up(desk)
    (desk.folder / "backup/h1").mkdir(parents=True)
    (desk.folder / "backup/h1/index.json").write_text("{}")
    assert ids(i for i, _ in looked_at(desk).broken) == ["h1.01"]
    assert without_backup(desk.progress(), desk.cluster) == []
