"""A run as its journal tells it: folded from events, never stored."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from upgrader.model.event import (
    ApprovalAwaited,
    Approved,
    DriftSeen,
    Intent,
    Interrupted,
    LockLeft,
    LockTaken,
    Looked,
    Outcome,
    PhaseEntered,
    RunClosed,
    RunEvent,
    RunOpened,
    StepHalted,
    StepProgress,
    StepSettled,
    StepStarted,
)
from upgrader.planning.plan import Hop, Plan, Planned, Wave

READY = "ready"


@dataclass
class Record:
    """What is known of a run; grows with each event.

    Attributes:
        opened: First event; None for an empty journal.
        phase: Last phase entered.
        hop: Number of the hop of that phase; 0 before the first.
        back_plan: Digest of the plan that takes the run back, once going back began.
        settled: Step id to its end.
        open_intents: Intents without an outcome, or with an unknown one: settled by looking.
        waiting: The manual gate that waits for a person.
        halted: Why the run stopped, unless it went on since.
        writes: Changes that were committed.
        landed: The same by step.
    """

    opened: RunOpened | None = None
    phase: str = READY
    hop: int = 0
    back_plan: str = ""
    started: dict[str, StepStarted] = field(default_factory=dict)
    settled: dict[str, StepSettled] = field(default_factory=dict)
    approved: dict[str, Approved] = field(default_factory=dict)
    progress: dict[str, StepProgress] = field(default_factory=dict)
    open_intents: dict[str, Intent] = field(default_factory=dict)
    waiting: ApprovalAwaited | None = None
    halted: StepHalted | None = None
    interrupted: Interrupted | None = None
    drift: list[DriftSeen] = field(default_factory=list)
    looks: dict[tuple[str, str], Looked] = field(default_factory=dict)
    closed: RunClosed | None = None
    holder: str = ""
    epoch: int = 0
    writes: int = 0
    landed: dict[str, int] = field(default_factory=dict)
    last: datetime | None = None

    @property
    def going_back(self) -> bool:
        """Whether the run is being rolled back, or was."""
        return self.phase in {"rolling-back", "rolled-back"}

    @property
    def status(self) -> str:
        """One word: ``done``, ``rolled-back``, ``waiting``, ``halted``, ``interrupted`` or ``open``."""
        if self.closed is not None:
            return self.closed.result
        if self.waiting is not None:
            return "waiting"
        if self.halted is not None:
            return "halted"
        return "interrupted" if self.interrupted is not None else "open"

    def add(self, event: RunEvent) -> None:
        """Take one event in."""
        self.last = event.at
        match event:
            case RunOpened() | LockTaken() | LockLeft() | RunClosed():
                self._about_the_run(event)
            case PhaseEntered():
                self.phase, self.hop = event.phase, event.hop
                self.back_plan = event.plan or self.back_plan
            case StepStarted() | StepProgress() | StepSettled() | StepHalted() | Looked():
                self._about_a_step(event)
            case Intent() | Outcome():
                self._about_a_change(event)
            case ApprovalAwaited():
                self.waiting = event
            case Approved():
                self.approved[event.step] = event
                self.waiting = None
            case DriftSeen():
                self.drift.append(event)
            case Interrupted():
                self.interrupted = event

    def _about_the_run(self, event: RunOpened | LockTaken | LockLeft | RunClosed) -> None:
        match event:
            case RunOpened():
                self.opened = event
            case LockTaken():
                self.holder, self.epoch = event.holder, event.epoch
                self.halted = self.interrupted = None
            case LockLeft():
                self.holder = ""
            case RunClosed():
                self.closed = event

    def _about_a_step(self, event: StepStarted | StepProgress | StepSettled | StepHalted | Looked) -> None:
        match event:
            case StepStarted():
                self.started[event.step] = event
            case StepProgress():
                self.progress[event.step] = event
            case StepSettled():
                self.settled[event.step] = event
                self.waiting = self.halted = None
            case StepHalted():
                self.halted = event
            case Looked():
                self.looks[event.step, event.probe] = event

    def _about_a_change(self, event: Intent | Outcome) -> None:
        if isinstance(event, Intent):
            self.open_intents[event.op] = event
        elif event.result != "unknown":
            self.open_intents.pop(event.op, None)
            if event.result == "committed":
                step = event.op.rpartition("-")[0]
                self.writes += 1
                self.landed[step] = self.landed.get(step, 0) + 1


def fold(events: Iterable[RunEvent]) -> Record:
    """The record that these events make."""
    record = Record()
    for event in events:
        record.add(event)
    return record


@dataclass(frozen=True)
class Progress:
    """Questions about a plan and its record; pure."""

    plan: Plan
    record: Record

    def is_settled(self, item: Planned) -> bool:
        """Whether the step or gate is over."""
        return item.id in self.record.settled

    def left(self) -> list[tuple[Hop, Wave, Planned]]:
        """Steps and gates that are not over, in order."""
        return [row for row in self.plan.items() if not self.is_settled(row[2])]

    def done(self) -> int:
        """How many steps and gates are over."""
        return sum(1 for _, _, item in self.plan.items() if self.is_settled(item))

    def total(self) -> int:
        """How many steps and gates there are."""
        return sum(1 for _ in self.plan.items())

    def in_flight(self) -> list[Planned]:
        """Begun and not over."""
        return [item for _, _, item in self.left() if item.id in self.record.started]

    def hop_of(self, number: int) -> Hop | None:
        """The hop of that number."""
        return next((hop for hop in self.plan.hops if hop.number == number), None)

    def current_hop(self) -> Hop | None:
        """The first hop that is not over; None when all are."""
        return next((hop for hop, _, _ in self.left()), None)

    def wave_over(self, hop: Hop, kind: str) -> bool:
        """Whether every step of the waves of that kind is over (also when there are none)."""
        return all(self.is_settled(i) for w in hop.waves if w.kind == kind for i in w.items)

    def retire_begun(self, hop: Hop) -> bool:
        """Whether removing the old revision of *hop* has begun: from there on, back is a new plan."""
        removals = [i.id for w in hop.waves if w.kind == "retire" for i in w.items if i.mark == "-"]
        return any(step in self.record.started for step in removals)


@dataclass(frozen=True)
class Standing:
    """How the cluster stands to the record.

    Attributes:
        still: Steps recorded as done that are still true.
        finished: Steps that were in flight and are true now.
        elsewhere: Steps never begun that are true all the same.
        left: Steps and gates still to do, the first of them first.
        broken: Steps recorded as done that are not true any more, with what was found.
    """

    still: tuple[Planned, ...] = ()
    finished: tuple[Planned, ...] = ()
    elsewhere: tuple[Planned, ...] = ()
    left: tuple[Planned, ...] = ()
    broken: tuple[tuple[Planned, str], ...] = ()
