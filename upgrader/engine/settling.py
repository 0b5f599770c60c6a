"""One step from what is to what should be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import NoReturn

from upgrader.engine.hands import Hands
from upgrader.engine.wait import Looking, Patience, settle
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Result, RunEvent, StepHalted, StepProgress, StepSettled, StepStarted
from upgrader.model.failures import ClusterFailure, Conflict
from upgrader.model.step import Reader, Reading, Verdict, missing
from upgrader.planning.plan import Hop, Planned, Wave
from upgrader.planning.record import Progress
from upgrader.steps import AnyStep

ROUNDS = 12
"""How often a gap may be looked at anew before we say that somebody works against us."""
CONFLICTS = 5


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

    def _close_gap(self, item: Planned, step: AnyStep) -> int:
        """Observe, diff, send; again until nothing is missing. Returns how many changes were sent."""
        sent = conflicts = 0
        away_since: float | None = None
        for _ in range(ROUNDS * 10):
            try:
                changes = missing(step, self.reader)
                away_since = None
                if not changes:
                    return sent
                if sent >= ROUNDS * max(len(changes), 1):
                    break
                for change in changes:
                    self.patience.heed()
                    self._hands.send(item.id, change)
                    sent += 1
            except Conflict as failure:
                conflicts += 1
                if conflicts > CONFLICTS:
                    self._refused(item, failure)
                self.patience.pause(0.2 * conflicts)
            except ClusterFailure as failure:
                away_since = self._ride_out(item, failure, away_since)
            except UpgradeError as error:
                self._halt(item, error)
        return self._halt(item, _fought(item))

    def _ride_out(self, item: Planned, failure: ClusterFailure, since: float | None) -> float:
        """Wait for a server that does not answer; anything else is a refusal."""
        now = self.patience.clock.boottime()
        since = now if since is None else since
        if not failure.ambiguous and failure.status != 429:
            self._refused(item, failure)
        if now - since > self._progress().plan.playbook.patience.api.total_seconds():
            self._refused(item, failure)
        self.told(item, Reading.pending(f"API server: {failure.message}; asking again"))
        self.patience.pause(5.0)
        return since

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
        limit = f"after {_minutes(seconds)}; the limit of a step is {_minutes(self.step_patience.total_seconds())}"
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
        now = self.patience.clock.now()
        self._emit(
            StepHalted(at=now, step=item.id, code=error.code, headline=error.headline, what=error.what)
        )
        raise error


def _fought(item: Planned) -> UpgradeError:
    return UpgradeError(
        "UPG-0604",
        f"step {item.id} does not stay done: {item.title}",
        what=("what was written is undone again and again",),
        why="somebody else, perhaps a GitOps controller, owns these fields; we never fight an owner",
        do=("make the change where the owner keeps it, or pause the owner, then: upgrade resume RUN",),
        exit_code=Exit.STALE,
    )


def _minutes(seconds: float) -> str:
    return f"{int(seconds // 60)}m{int(seconds % 60):02d}s"
