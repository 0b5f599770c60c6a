"""One process driving one run: locks, journal, machine, loop, and a clean end whatever happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from upgrader.cluster.port import Cluster
from upgrader.engine.driving.gates import Approver, Gates
from upgrader.engine.driving.hands import Hands
from upgrader.engine.driving.settling import Settling
from upgrader.engine.driving.wait import Patience, Stopped
from upgrader.engine.keeping.folder import RunFolder
from upgrader.engine.keeping.journal import FileJournal
from upgrader.engine.keeping.mirror import Mirror
from upgrader.engine.lease import Lease
from upgrader.engine.lifecycle import Lifecycle
from upgrader.engine.looking.recheck import refuse_drift, without_backup
from upgrader.engine.no_return import kept, no_copy, same_cluster, undoing
from upgrader.engine.runner import Runner, Turns
from upgrader.host.clock import Clock
from upgrader.host.files import FileLock
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import (
    DriftSeen,
    Intent,
    Interrupted,
    LockLeft,
    LockTaken,
    PhaseEntered,
    RunClosed,
    RunEvent,
    RunOpened,
    StepHalted,
    StepSettled,
)
from upgrader.model.failures import ClusterFailure
from upgrader.planning.plan import Plan, plan_digest
from upgrader.planning.record import Progress, Record, Standing, fold
from upgrader.steps import Restore

Observer = Callable[[RunEvent], None]


@dataclass
class Setting:
    """What a session is given from outside.

    Attributes:
        cluster: Reads and writes, with the run directory's files behind ``saved``.
        stop: Name of the signal that arrived, or empty.
        observers: Told of every event after it is on disk; what they raise is told once and ignored.
        say: Words for people that are not events.
        who: ``host.identity.who()``.
        tool: Name and version of this program.
    """

    cluster: Cluster
    clock: Clock
    approver: Approver
    who: str
    tool: str
    stop: Callable[[], str] = lambda: ""
    observers: Sequence[Observer] = ()
    say: Callable[[str], None] = lambda _: None
    deaf: set[int] = field(default_factory=set)


class Session:
    """A run that this process holds.

    Attributes:
        plan: What is carried out now: the plan, or the plan that takes it back.
        record: The run so far, kept in step with the journal.
    """

    def __init__(self, setting: Setting, folder: RunFolder, journal: FileJournal, lease: Lease) -> None:
        self._setting = setting
        self._journal = journal
        self._lease = lease
        self._mirror = Mirror(setting.cluster, folder)
        self.folder = folder
        self.record: Record = fold(journal.events())
        self.plan: Plan = folder.plan_of(self.record)
        self._lifecycle = Lifecycle(self.progress, self.emit, setting.clock)
        self._patience = Patience(setting.clock, setting.stop, lease.tick)
        self._hands = Hands(setting.cluster, folder.path, self.emit, setting.clock, lease.fence)
        self._hands.number_from(Counter(e.step for e in journal.events() if isinstance(e, Intent)))
        self._settling = Settling(setting.cluster, self._hands, self._patience, self.emit, self.progress)

    def begin(self, opening: RunOpened | None) -> None:
        """Write down that this process drives the run from here on, and keep that in the cluster too.

        Raises:
            UpgradeError: UPG-0402: the cluster is another one.
        """
        same_cluster(self.plan, self._setting.cluster)
        if self.record.opened is None:
            self.emit(opening or opening_of(self._setting, self.folder.run, self.plan))
        self.emit(LockTaken(at=self._now(), holder=self._setting.who, epoch=self._lease.epoch))
        self._keep()
        for folder in without_backup(self.progress(), self._setting.cluster):
            self._setting.say(
                f"{folder} is not in {self.folder.path}: going on needs nothing of it, going back does; copy it from the "
                "machine where the run began"
            )

    def progress(self) -> Progress:
        """The plan and its record as they are now."""
        return Progress(self.plan, self.record)

    def emit(self, event: RunEvent) -> None:
        """Journal first, then everybody who listens."""
        self._journal.append(event)
        if isinstance(event, StepSettled | StepHalted | PhaseEntered | RunClosed):
            self._journal.seal()
        self.record.add(event)
        for number, observer in enumerate(self._setting.observers):
            self._tell(number, observer, event)

    def _tell(self, number: int, observer: Observer, event: RunEvent) -> None:
        try:
            observer(event)
        except Exception as trouble:  # noqa: BLE001  telling is no reason to stop doing
            if number not in self._setting.deaf:
                self._setting.deaf.add(number)
                self._setting.say(f"an output could not be written and is given up: {trouble}")

    def _now(self) -> datetime:
        return self._setting.clock.now()

    def drive(self, *, until: str = "") -> Literal["done", "rolled-back"]:
        """Carry out what is left.

        Raises:
            Stopped, Parked, UpgradeError, OSError: as ``engine.runner.Runner.drive``.
        """
        gates = Gates(self._setting.cluster, self._patience, self.emit, self.progress, self._setting.approver)
        turns = Turns(wave_over=self._keep, no_return=self._no_return)
        Runner(self.progress, self._lifecycle, self._settling, gates, until=until, turns=turns).drive()
        result: Literal["done", "rolled-back"] = "rolled-back" if self.record.going_back else "done"
        if self.record.closed is None:
            self.emit(RunClosed(at=self._now(), result=result))
        return result

    def turn_back(self) -> None:
        """From now on the run goes back to where its hop began.

        Raises:
            UpgradeError: UPG-0803: the old revision's removal has begun; UPG-0801: there is nothing to take back;
                UPG-0802: the backup that going back needs is not here, or damaged.
        """
        if self.record.going_back:
            return
        back = undoing(self.progress(), self.folder)
        for _, _, item in back.items():
            if isinstance(item.action, Restore):
                item.action.observe(self._setting.cluster)
        self.folder.save_back_plan(back)
        self._lifecycle.fire("roll_back", self.record.hop, plan=plan_digest(back))
        self.plan = back

    def refuse_drift(self, standing: Standing) -> None:
        """Go on only if nothing that was done was undone; what was, is written down.

        Raises:
            UpgradeError: UPG-0404.
        """
        for item, found in standing.broken:
            subject = f"{item.id} {item.title}"
            self.emit(DriftSeen(at=self._now(), subject=subject, expected="done, as recorded", found=found))
        refuse_drift(standing, self.folder.run)

    def stopped(self, signal: str) -> None:
        """Write down that somebody stopped the run."""
        flying = tuple(item.id for item in self.progress().in_flight())
        self.emit(Interrupted(at=self._now(), signal=signal, in_flight=flying))

    def _keep(self) -> str:
        """Seal the journal and copy it, while the lock is ours; what went wrong with the copy is said, and returned."""
        self._journal.seal()
        try:
            self._lease.fence()
            trouble = self._mirror.sync()
        except ClusterFailure as failure:
            trouble = failure.message
        if trouble:
            self._setting.say(f"the cluster's copy of the record is behind: {trouble}")
        return trouble

    def _no_return(self) -> None:
        """Before what cannot be taken back: the very cluster, and a record that outlives this machine."""
        same_cluster(self.plan, self._setting.cluster)
        if trouble := kept(self._keep, self._patience):
            raise no_copy(self.folder.run, trouble)

    def leave(self) -> None:
        """Give everything back, the last thing a process does with a run; what a lost lock protected is left alone."""
        try:
            if self._lease.held:
                self.emit(LockLeft(at=self._now(), holder=self._setting.who))
                self._keep()
        except (OSError, UpgradeError) as trouble:
            self._setting.say(f"the record of this process has no proper end: {trouble}")
        self._lease.release()


@contextmanager
def session(setting: Setting, folder: RunFolder, *, opening: RunOpened | None = None) -> Iterator[Session]:
    """The run of *folder*, held by this process.

    Args:
        setting: What the process brings along.
        folder: The run directory.
        opening: First event of a new run.

    Raises:
        UpgradeError: UPG-0501: it is held by another process, here or elsewhere; UPG-0502: its journal is damaged.
    """
    lock = FileLock(folder.path / "lock")
    if not lock.acquire(setting.who):
        raise _held_here(folder, lock.holder())
    try:
        journal = FileJournal(folder.path)
        try:
            yield from _held(setting, folder, journal, opening)
        finally:
            journal.close()
    finally:
        lock.release()


def _held(
    setting: Setting, folder: RunFolder, journal: FileJournal, opening: RunOpened | None
) -> Iterator[Session]:
    lease = Lease(setting.cluster, setting.clock, setting.who, folder.run)

    def heed() -> None:
        if signal := setting.stop():
            raise Stopped(signal)

    lease.acquire(heed, setting.say)
    try:
        _catch_up(setting, folder, journal)
        one = Session(setting, folder, journal, lease)
        one.begin(opening)
    except Exception:
        lease.release()
        raise
    try:
        yield one
    except Exception:  # and not "finally": what kills the process must leave the lock to lapse
        one.leave()
        raise
    one.leave()


def _catch_up(setting: Setting, folder: RunFolder, journal: FileJournal) -> None:
    """What another machine did with this run since is taken over first."""
    try:
        added = Mirror(setting.cluster, folder).catch_up(journal)
    except ClusterFailure as failure:
        setting.say(f"the cluster's copy of the record could not be compared: {failure.message}")
        return
    if added:
        setting.say(f"{added} records were added that another machine wrote since")


def opening_of(setting: Setting, run: str, plan: Plan) -> RunOpened:
    """The first event of a run of *plan*."""
    return RunOpened(
        at=setting.clock.now(),
        run=run,
        plan=plan.id,
        plan_digest=plan_digest(plan),
        cluster=plan.cluster.uid,
        holder=setting.who,
        tool=setting.tool,
    )


def _held_here(folder: RunFolder, holder: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0501",
        f"run {folder.run} is held by another process on this machine",
        what=(f"{holder or 'unknown process'}",),
        why="two processes would undo each other's work",
        do=(f"upgrade status {folder.run}",),
        exit_code=Exit.LOCKED,
    )
