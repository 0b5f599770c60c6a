"""One step from what is to what should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NoReturn

from upgrader.engine.driving.hands import Hands, target_of
from upgrader.engine.driving.wait import Looking, Patience, looked, settle
from upgrader.model.change import reason
from upgrader.model.duration import took
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Intent, Result, RunEvent, StepHalted, StepProgress, StepSettled, StepStarted
from upgrader.model.failures import ClusterFailure, Conflict, Expired, ServerTrouble, Unreachable
from upgrader.model.kinds import Ref
from upgrader.model.step import Reader, Reading, Verdict, missing
from upgrader.planning.plan import Gate, Hop, Planned, Wave
from upgrader.planning.record import Progress
from upgrader.steps import AnyStep

ROUNDS = 12
"""How often one object may be written in one step before we say that somebody works against us."""
CONFLICTS = 8
"""Conflicts in a row: status is written often, so one or two mean nothing."""
_AWAY = 5.0
"""Seconds between two looks at a server that does not answer."""


class Settling:
    """Closes gaps and waits for them to stay closed.

    Attributes:
        reader: The cluster for looking.
        patience: How waiting is done.
        step_patience: How long one step may take, from its beginning in this process.
        api_patience: How long the API server may stay away.
    """

    def __init__(
        self,
        reader: Reader,
        hands: Hands,
        patience: Patience,
        emit: Callable[[RunEvent], None],
        progress: Callable[[], Progress],
    ) -> None:
        self.reader = reader
        self.patience = patience
        self._hands = hands
        self._emit = emit
        self._progress = progress
        self._told: dict[str, str] = {}

    @property
    def step_patience(self) -> timedelta:
        """How long one step may take."""
        return self._progress().plan.playbook.patience.step

    def is_settled(self, item: Planned) -> bool:
        """Whether the step is over."""
        return self._progress().is_settled(item)

    def has_begun_to_remove(self, item: Planned) -> bool:
        """Whether a delete of the step took effect, also one whose answer never came."""
        gone = (i.ref is not None and self.reader.get(i.ref) is None for i in self._unresolved(item))
        return item.id in self._progress().record.landed or any(gone)

    def carry_out(self, hop: Hop, wave: Wave, item: Planned, step: AnyStep) -> None:
        """Begin *item*, close its gap, wait for it, write down the end.

        Raises:
            UpgradeError: it failed or its deadline passed; the run stays open.
            Stopped: a signal arrived.
        """
        began = self.patience.clock.boottime()
        looking, result = self.begin(hop, wave, item, step)
        reading = settle(looking, self.patience, lambda r: self.told(item, r))
        self.end(item, reading, result, began)

    def begin(self, hop: Hop, wave: Wave, item: Planned, step: AnyStep) -> tuple[Looking, Result]:
        """Write down the beginning, send what is missing, and hand back what to wait for."""
        self.patience.heed()
        before = item.id in self._progress().record.started
        now = self.patience.clock.now()
        self._emit(StepStarted(at=now, step=item.id, title=item.title, wave=wave.name, hop=hop.number))
        sent = self._close_gap(item, step)
        result: Result = "done" if sent or before else "already"
        return Looking.begin(
            lambda: step.verify(self.reader), self.patience.clock, self.step_patience
        ), result

    def told(self, item: Planned, reading: Reading) -> None:
        """Write down what is awaited, when the words changed."""
        if reading.verdict is Verdict.PENDING and self._told.get(item.id) != reading.summary:
            self._told[item.id] = reading.summary
            self._emit(StepProgress(at=self.patience.clock.now(), step=item.id, summary=reading.summary))

    def end(self, item: Planned, reading: Reading, result: Result, began: float) -> None:
        """Write down the end.

        Raises:
            UpgradeError: the step did not come true.
        """
        seconds = self.patience.clock.boottime() - began
        if reading.verdict is not Verdict.HOLDS:
            self._did_not_come_true(item, reading, seconds)
        now = self.patience.clock.now()
        self._emit(
            StepSettled(at=now, step=item.id, result=result, reading=reading, seconds=round(seconds, 3))
        )

    def still_bound(self, item: Planned, before: Sequence[Planned]) -> None:
        """The labels and tags that *item* counts on are as this run left them.

        Raises:
            UpgradeError: UPG-0604: somebody put them back; a restart now would not move anything.
        """
        for one in before:
            if isinstance(one.action, Gate):
                continue
            undone = looked(lambda step=one.action: _undone(step, self.reader))  # type: ignore[misc]
            if undone.verdict is Verdict.BROKEN:
                self._halt(item, _put_back(item, one, undone))

    def _close_gap(self, item: Planned, step: AnyStep) -> int:
        """Observe, diff, send; again until nothing is missing. Returns how many changes were sent.

        After a change whose outcome is unknown the next thing sent about its object is a read, for every round begins
        with one.
        """
        tries = _Tries(self.patience.clock.boottime())
        while True:
            try:
                if self._round(item, step, tries):
                    return tries.sent
            except Conflict as failure:
                tries.conflicts += 1
                if tries.conflicts > CONFLICTS:
                    self._refused(item, failure)
                self.patience.pause(0.2 * tries.conflicts)
            except (Unreachable, ServerTrouble, Expired) as failure:
                self._ride_out(item, failure, tries.since)
            except ClusterFailure as failure:
                self._refused(item, failure)
            except UpgradeError as error:
                self._halt(item, error)

    def _round(self, item: Planned, step: AnyStep, tries: _Tries) -> bool:
        """One look, and everything that is missing sent; True when nothing was."""
        changes = missing(step, self.reader)
        if happened := self._hands.resolve(self._unresolved(item), changes):
            tries.went_through(self.patience.clock.boottime(), happened)
        for change in changes:
            self.patience.heed()
            if tries.times[target_of(change)] == ROUNDS:
                raise _fought(item)
            self._hands.send(item.id, change)
            tries.times[target_of(change)] += 1
            tries.went_through(self.patience.clock.boottime())
        return not changes

    def _unresolved(self, item: Planned) -> list[Intent]:
        return [i for i in self._progress().record.open_intents.values() if i.step == item.id]

    def _ride_out(self, item: Planned, failure: ClusterFailure, since: float) -> None:
        """Wait for a server that does not answer, or not with sense."""
        limit = self._progress().plan.playbook.patience.api.total_seconds()
        if self.patience.clock.boottime() - since > limit:
            self._refused(item, failure)
        self.told(item, Reading.pending(f"API server: {failure.message}; asking again"))
        self.patience.pause(_AWAY)

    def _refused(self, item: Planned, failure: ClusterFailure) -> NoReturn:
        self._halt(
            item,
            UpgradeError(
                "UPG-0602",
                f"step {item.id} was refused: {item.title}",
                what=(f"{failure.request or 'request'}: {failure.message}",),
                why="nothing is forced: what the API server, a webhook or another owner refuses is for a person to settle",
                do=("upgrade resume RUN      # after the cause is gone",),
                exit_code=Exit.STEP_FAILED,
            ),
        )

    def _did_not_come_true(self, item: Planned, reading: Reading, seconds: float) -> NoReturn:
        late = reading.verdict is Verdict.PENDING
        facts = tuple(f"{key}: {value}" for key, value in reading.facts.items())
        limit = f"after {took(seconds)}; the limit of a step is {took(self.step_patience.total_seconds())}"
        self._halt(
            item,
            UpgradeError(
                "UPG-0601",
                f"step {item.id} {'did not finish' if late else 'failed'}: {item.title}",
                what=(reading.summary, *facts, *((limit,) if late else ())),
                why="what has moved runs on the new revision, the rest on the old one; Kubernetes keeps trying",
                do=("upgrade resume RUN      # after fixing", "upgrade rollback RUN    # to go back"),
                exit_code=Exit.STEP_FAILED,
            ),
        )

    def _halt(self, item: Planned, error: UpgradeError) -> NoReturn:
        """Write down why it stops here, and promise nothing about what was changed before."""
        if self._hands.busy and error.exit_code is not Exit.GATE_FAILED:
            error.exit_code = Exit.STEP_FAILED
        now = self.patience.clock.now()
        self._emit(
            StepHalted(at=now, step=item.id, code=error.code, headline=error.headline, what=error.what)
        )
        raise error


@dataclass
class _Tries:
    """How closing one gap goes.

    Attributes:
        sent: Changes that were accepted.
        conflicts: Since the last of them.
        since: boottime of the last of them, or of the beginning.
        times: How often each object was written.
    """

    since: float
    sent: int = 0
    conflicts: int = 0
    times: Counter[Ref | str] = field(default_factory=Counter)

    def went_through(self, now: float, count: int = 1) -> None:
        """Changes were accepted."""
        self.sent += count
        self.conflicts = 0
        self.since = now


def _undone(step: AnyStep, reader: Reader) -> Reading:
    changes = missing(step, reader)
    return Reading.broken(f"{reason(changes[0])} would be needed again") if changes else Reading.holds("so")


def _put_back(item: Planned, one: Planned, undone: Reading) -> UpgradeError:
    return UpgradeError(
        "UPG-0604",
        f"step {one.id} was undone by somebody: {one.title}",
        what=(undone.summary, f"{item.id} was not begun: {item.title}"),
        why="a restart moves pods only to where labels and tags lead; we never fight an owner",
        do=("make the change where the owner keeps it, or pause the owner, then: upgrade resume RUN",),
        exit_code=Exit.STEP_FAILED,
    )


def _fought(item: Planned) -> UpgradeError:
    return UpgradeError(
        "UPG-0604",
        f"step {item.id} does not stay done: {item.title}",
        what=("what was written is undone again and again",),
        why="somebody else, perhaps a GitOps controller, owns these fields; we never fight an owner",
        do=("make the change where the owner keeps it, or pause the owner, then: upgrade resume RUN",),
        exit_code=Exit.STEP_FAILED,
    )
