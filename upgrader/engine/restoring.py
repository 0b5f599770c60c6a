"""Putting a backup back, outside the phases of a run: locked, journalled, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from upgrader.cluster.port import Cluster
from upgrader.engine.driving.hands import Hands
from upgrader.engine.keeping.folder import RunFolder
from upgrader.engine.keeping.journal import FileJournal
from upgrader.engine.lease import Lease
from upgrader.host.clock import Clock
from upgrader.host.files import FileLock
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Intent
from upgrader.model.step import missing
from upgrader.steps import Restore

STEP = "restore"


def put_back(step: Restore, folder: RunFolder, cluster: Cluster, clock: Clock, holder: str) -> int:
    """Send what is missing of *step*; returns how many changes were sent.

    Raises:
        UpgradeError: UPG-0501: the run or the mesh is held by somebody else; UPG-0502: its journal is damaged.
        ClusterFailure: a change was refused; what was sent before it stays, and running this again goes on.
    """
    with _journal_of(folder, holder) as journal:
        lease = Lease(cluster, clock, holder, folder.run)
        lease.acquire(lambda: None)
        try:
            hands = Hands(cluster, folder.path, journal.append, clock, lease.fence)
            hands.number_from({STEP: sum(isinstance(e, Intent) and e.step == STEP for e in journal.events())})
            changes = missing(step, cluster)
            for change in changes:
                hands.send(STEP, change)
            journal.seal()
            return len(changes)
        finally:
            lease.release()


@contextmanager
def _journal_of(folder: RunFolder, holder: str) -> Iterator[FileJournal]:
    lock = FileLock(folder.path / "lock")
    if not lock.acquire(holder):
        raise UpgradeError(
            "UPG-0501",
            f"run {folder.run} is held by another process",
            what=(lock.holder(),),
            why="two processes would undo each other's work",
            do=(f"upgrade status {folder.run}",),
            exit_code=Exit.LOCKED,
        )
    try:
        journal = FileJournal(folder.path)
        try:
            yield journal
        finally:
            journal.close()
    finally:
        lock.release()
