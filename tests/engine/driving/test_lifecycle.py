"""Phases and the edges between them, whatever happens in between."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.engine.desk import AT, Desk, hop, item, plan, wave, whole_hop
from upgrader.engine.lifecycle import EDGES, Lifecycle, Phase
from upgrader.model.errors import UpgradeError
from upgrader.model.event import PhaseEntered, RunEvent, StepSettled, StepStarted
from upgrader.model.step import Reading
from upgrader.planning.plan import Planned
from upgrader.planning.record import Progress, fold

TRIGGERS = sorted({edge["trigger"] for edge in EDGES})
PLAN = plan(whole_hop(1), whole_hop(2))


class Clock:
    """It is always nine o'clock."""

    now = staticmethod(lambda: AT)
    boottime = staticmethod(lambda: 0.0)
    sleep = staticmethod(lambda _: None)


class Story(RuleBasedStateMachine):
    """A run that is driven, killed, resumed and turned back in any order, on a disk that fails now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.journal: list[RunEvent] = []
        self.full = False
        self.resume()

    def emit(self, event: RunEvent) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.journal.append(event)

    def progress(self) -> Progress:
        return Progress(PLAN, fold(self.journal))

    @rule()
    def resume(self) -> None:
        """The process died; another one reads the journal."""
        self.machine = Lifecycle(self.progress, self.emit, Clock())

    @rule()
    def settle_the_next_step(self) -> None:
        """The engine does what comes next."""
        left = self.progress().left()
        if left and not self.progress().record.going_back:
            self.emit(StepStarted(at=AT, step=left[0][2].id, title=""))
            self.emit(StepSettled(at=AT, step=left[0][2].id, result="done", reading=Reading.holds("")))

    @rule(trigger=st.sampled_from(TRIGGERS), number=st.integers(0, 3))
    def fire(self, trigger: str, number: int) -> None:
        """Somebody pulls any lever at any time."""
        before, length = self.machine.phase, len(self.journal)
        try:
            self.machine.fire(trigger, number)
        except UpgradeError as error:
            assert error.code == "UPG-0901"  # noqa: PT017  a refusal is one of two right answers here
            assert (self.machine.phase, len(self.journal)) == (before, length)
            return
        edge = next(e for e in EDGES if e["trigger"] == trigger and before in _sources(e))
        assert self.machine.phase is edge["dest"]
        assert len(self.journal) == length + 1

    @rule(trigger=st.sampled_from(TRIGGERS), number=st.integers(1, 2))
    def fire_with_a_full_disk(self, trigger: str, number: int) -> None:
        """The journal cannot be written: then the phase has not moved."""
        before = self.machine.phase
        self.full = True
        try:
            self.machine.fire(trigger, number)
        except (OSError, UpgradeError):
            assert self.machine.phase is before
        else:
            raise AssertionError("it moved without a journal")
        finally:
            self.full = False

    @precondition(
        lambda self: self.machine.phase in {Phase.BACKING_UP, Phase.INSTALLING, Phase.SHIFTING, Phase.SOAKING}
    )
    @rule()
    def turn_back_before_removal(self) -> None:
        """Always possible while the old revision is whole."""
        hop = self.progress().hop_of(self.progress().record.hop)
        if hop is not None and not self.progress().retire_begun(hop):
            self.machine.fire("roll_back", hop.number)

    @invariant()
    def the_machine_is_where_the_journal_says(self) -> None:
        assert self.machine.phase.value == self.progress().record.phase

    @invariant()
    def a_hop_begins_when_those_before_it_are_over(self) -> None:
        number = self.progress().record.hop
        assert number <= len(PLAN.hops) or self.machine.phase in {Phase.DONE, Phase.ROLLED_BACK}
        before = [i for hop in PLAN.hops if hop.number < number for i in hop.items()]
        assert all(self.progress().is_settled(i) for i in before)

    @invariant()
    def no_phase_ahead_of_its_steps(self) -> None:
        progress = self.progress()
        hop = progress.hop_of(progress.record.hop)
        if self.machine.phase is Phase.DONE:
            assert progress.left() == []
        if hop is None:
            return
        if self.machine.phase in {Phase.INSTALLING, Phase.SHIFTING, Phase.SOAKING, Phase.RETIRING}:
            assert progress.wave_over(hop, "backup")
        if self.machine.phase in {Phase.SHIFTING, Phase.SOAKING}:
            assert progress.wave_over(hop, "install")
        if self.machine.phase is Phase.RETIRING:
            assert all(progress.wave_over(hop, kind) for kind in ("namespaces", "gateways", "tags"))


def _sources(edge: dict[str, Any]) -> list[Phase]:
    found = edge["source"]
    return found if isinstance(found, list) else [found]


Story.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestStory = pytest.mark.slow(Story.TestCase)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """A run of one hop."""
    desk.plan = plan(whole_hop(1))
    return desk


def machine(desk: Desk) -> Lifecycle:
    return Lifecycle(desk.progress, desk.emit, desk.clock)


def settle(desk: Desk, *steps: str) -> None:
    for step in steps:
        desk.emit(StepStarted(at=AT, step=step, title=""))
        desk.emit(StepSettled(at=AT, step=step, result="done", reading=Reading.holds("")))


def steps(upto: int) -> list[str]:
    return [f"h1.{number:02}" for number in range(1, upto + 1)]


def in_phase(desk: Desk, phase: str) -> Lifecycle:
    desk.emit(PhaseEntered(at=AT, phase=phase, trigger="", hop=1))
    return machine(desk)


def test_the_usual_way_from_ready_to_done(desk: Desk) -> None:
    one = machine(desk)
    one.fire("back_up", 1)
    settle(desk, *steps(1))
    one.fire("install", 1)
    settle(desk, "h1.02", "h1.03")
    one.fire("shift", 1)
    settle(desk, "h1.04")
    one.fire("soak", 1)
    settle(desk, "h1.05")
    one.fire("shift", 1)
    settle(desk, *steps(10)[5:])
    one.fire("retire", 1)
    settle(desk, "h1.11", "h1.12", "h1.13")
    one.fire("finish", 1)
    phases = [e.phase for e in desk.of(PhaseEntered)]
    assert phases == ["backing-up", "installing", "shifting", "soaking", "shifting", "retiring", "done"]


@pytest.mark.parametrize(
    ("phase", "trigger", "over"),
    [
        ("ready", "install", 13),
        ("ready", "retire", 13),
        ("backing-up", "install", 0),
        ("backing-up", "shift", 13),
        ("installing", "shift", 2),
        ("installing", "soak", 13),
        ("shifting", "soak", 3),
        ("shifting", "retire", 9),
        ("soaking", "finish", 12),
        ("retiring", "shift", 12),
        ("done", "roll_back", 13),
        ("done", "back_up", 13),
        ("rolled-back", "back_up", 0),
        ("rolling-back", "install", 13),
    ],
)
def test_an_edge_that_is_not_there_or_whose_guard_says_no_moves_nothing(
    desk: Desk, phase: str, trigger: str, over: int
) -> None:
    settle(desk, *steps(over))
    one = in_phase(desk, phase)
    before = len(desk.events)
    with pytest.raises(UpgradeError, match="UPG-0901"):
        one.fire(trigger, 1)
    assert one.phase.value == phase
    assert len(desk.events) == before


@pytest.mark.parametrize("begun", [False, True])
def test_there_is_a_way_back_until_removing_has_begun(desk: Desk, *, begun: bool) -> None:
    settle(desk, *steps(11))
    one = in_phase(desk, "retiring")
    if begun:
        desk.emit(StepStarted(at=AT, step="h1.12", title=""))
        with pytest.raises(UpgradeError, match="UPG-0901"):
            one.fire("roll_back", 1)
    else:
        one.fire("roll_back", 1, plan="abc")
        assert desk.record.back_plan == "abc"
        assert desk.record.going_back


def test_the_phase_does_not_move_when_the_journal_cannot_be_written(desk: Desk) -> None:
    one = machine(desk)
    desk.full = True
    with pytest.raises(OSError, match="No space"):
        one.fire("back_up", 1)
    assert one.phase.value == "ready"
    desk.full = False
    one.fire("back_up", 1)
    assert one.phase.value == "backing-up"


def test_a_journal_with_an_unknown_phase_is_not_driven(desk: Desk) -> None:
    desk.emit(PhaseEntered(at=AT, phase="teleporting", trigger="", hop=1))
    with pytest.raises(ValueError, match="teleporting"):
        machine(desk)


def test_the_next_hop_begins_only_when_the_one_before_is_over(desk: Desk) -> None:
    def over(number: int) -> Planned:
        return item(f"h{number}.01")

    desk.plan = plan(
        hop(1, wave("backup", over(1)), wave("install", item("h1.02"))), hop(2, wave("backup", over(2)))
    )
    settle(desk, "h1.01")
    one = in_phase(desk, "installing")
    with pytest.raises(UpgradeError, match="UPG-0901"):
        one.fire("next_hop", 2)
    settle(desk, "h1.02")
    one.fire("next_hop", 2)
    assert (one.phase, desk.record.hop) == (Phase.BACKING_UP, 2)
