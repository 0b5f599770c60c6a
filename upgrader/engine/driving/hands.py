"""The only place from which anything is changed: intent on disk, lock still ours, send once, outcome on disk.

Two things are written past these hands, both in our own namespace and neither part of a plan: the lock (``lease``) and the
copy of the record (``mirror``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Literal

from upgrader.cluster.port import Cluster
from upgrader.host.clock import Clock
from upgrader.host.files import atomic_write, inside, private_directory
from upgrader.model.change import Change, Patch, Save
from upgrader.model.codec import digest
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Intent, Outcome, RunEvent
from upgrader.model.failures import ClusterFailure, Conflict
from upgrader.model.kinds import Ref


class Hands:
    """Performs changes, one at a time.

    Args:
        cluster: Where API changes go.
        folder: Run directory, where files go.
        emit: Journal and observers; returns after the event is on disk.
        fence: Raises when the lock may be somebody else's by now; returns the epoch.

    Attributes:
        busy: Whether this process sent anything yet.
    """

    def __init__(
        self,
        cluster: Cluster,
        folder: Path,
        emit: Callable[[RunEvent], None],
        clock: Clock,
        fence: Callable[[], int],
    ) -> None:
        self._cluster = cluster
        self._folder = folder
        self._emit = emit
        self._clock = clock
        self._fence = fence
        self._count: dict[str, int] = {}
        self.busy = False

    def number_from(self, counts: dict[str, int]) -> None:
        """Go on numbering where an earlier process ended: step id to intents so far."""
        self._count = dict(counts)

    def send(self, step: str, change: Change) -> None:
        """Perform *change* for *step*.

        Raises:
            ClusterFailure: it was refused, conflicted, or its outcome is unknown (``ambiguous``).
            UpgradeError: UPG-0501: the lock was lost; UPG-0503: the run directory takes no files. Nothing was sent.
            OSError: the intent could not be written; nothing was sent.
        """
        epoch = self._fence()
        self._count[step] = self._count.get(step, 0) + 1
        op = f"{step}-{self._count[step]}"
        self._emit(_intent(op, step, change, epoch, self._clock))
        try:
            self._fence()
            self.busy = True
            self._perform(change)
        except Conflict as failure:
            self._outcome(op, "conflict", failure.message)
            raise
        except ClusterFailure as failure:
            self._outcome(op, "unknown" if failure.ambiguous else "refused", failure.message)
            raise
        except UpgradeError as error:
            self._outcome(op, "refused", str(error))
            raise
        self._outcome(op, "committed")

    def resolve(self, open_intents: Iterable[Intent], missing: Sequence[Change]) -> int:
        """Write down what became of intents whose outcome nobody knows, now that their objects were looked at.

        What is still missing did not happen (or was undone since); it is sent again under a new intent.

        Returns:
            How many did happen.
        """
        count = 0
        again = {target_of(change) for change in missing}
        for intent in tuple(open_intents):
            happened = (intent.ref or intent.path) not in again
            count += happened
            words = "seen on the object" if happened else "not seen on the object"
            self._outcome(intent.op, "committed" if happened else "refused", f"{words}, looked at afterwards")
        return count

    def _outcome(
        self, op: str, result: Literal["committed", "refused", "conflict", "unknown"], detail: str = ""
    ) -> None:
        self._emit(Outcome(at=self._clock.now(), op=op, result=result, detail=detail))

    def _perform(self, change: Change) -> None:
        if isinstance(change, Save):
            self._save(change)
        else:
            self._cluster.perform(change)

    def _save(self, change: Save) -> None:
        try:
            place = inside(self._folder, change.path)
            private_directory(place.parent)
            atomic_write(place, change.text.encode())
        except (OSError, ValueError) as error:
            raise UpgradeError(
                "UPG-0503",
                f"{change.path} cannot be written to the run directory",
                what=(str(error),),
                why="nothing is changed before what it needs for going back is on disk",
                do=("free space, or mend the folder, then: upgrade resume RUN",),
                exit_code=Exit.STEP_FAILED,
            ) from error


def target_of(change: Change) -> Ref | str:
    """The object or the file that it is about."""
    return change.path if isinstance(change, Save) else change.ref


def _intent(op: str, step: str, change: Change, epoch: int, clock: Clock) -> Intent:
    return Intent(
        at=clock.now(),
        op=op,
        step=step,
        verb=type(change).__name__.lower(),
        ref=None if isinstance(change, Save) else change.ref,
        path=change.path if isinstance(change, Save) else "",
        digest=digest(change),
        body=change.body if isinstance(change, Patch) else {},
        epoch=epoch,
    )
