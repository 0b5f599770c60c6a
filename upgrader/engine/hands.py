"""The only place from which anything is changed: intent on disk, lock still ours, send once, outcome on disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from upgrader.cluster.port import Cluster
from upgrader.host.clock import Clock
from upgrader.host.files import atomic_write, private_directory
from upgrader.model.change import Change, Patch, Save
from upgrader.model.codec import digest
from upgrader.model.errors import UpgradeError
from upgrader.model.event import Intent, Outcome, RunEvent
from upgrader.model.failures import ClusterFailure, Conflict


class Hands:
    """Performs changes, one at a time.

    Args:
        cluster: Where API changes go.
        folder: Run directory, where files go.
        emit: Journal and observers; returns after the event is on disk.
        fence: Raises when the lock may be somebody else's by now; returns the epoch.
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

    def number_from(self, counts: dict[str, int]) -> None:
        """Go on numbering where an earlier process ended: step id to intents so far."""
        self._count = dict(counts)

    def send(self, step: str, change: Change) -> None:
        """Perform *change* for *step*.

        Raises:
            ClusterFailure: it was refused, conflicted, or its outcome is unknown (``ambiguous``).
            UpgradeError: the lock was lost; nothing was sent.
            OSError: the intent could not be written; nothing was sent.
        """
        self._count[step] = self._count.get(step, 0) + 1
        op = f"{step}-{self._count[step]}"
        epoch = self._fence()
        self._emit(_intent(op, step, change, epoch, self._clock))
        try:
            self._perform(change)
        except Conflict as failure:
            self._outcome(op, "conflict", failure.message)
            raise
        except ClusterFailure as failure:
            self._outcome(op, "unknown" if failure.ambiguous else "refused", failure.message)
            raise
        except (OSError, UpgradeError) as error:
            self._outcome(op, "refused", str(error))
            raise
        self._outcome(op, "committed")

    def _outcome(
        self, op: str, result: Literal["committed", "refused", "conflict", "unknown"], detail: str = ""
    ) -> None:
        self._emit(Outcome(at=self._clock.now(), op=op, result=result, detail=detail))

    def _perform(self, change: Change) -> None:
        if isinstance(change, Save):
            place = self._folder / change.path
            if not place.resolve().is_relative_to(self._folder.resolve()):
                raise OSError(f"{change.path} leads out of the run directory")
            private_directory(place.parent)
            atomic_write(place, change.text.encode())
            return
        self._cluster.perform(change)


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
