"""One process driving one run: locks, journal, machine, loop, and a clean end whatever happens."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from upgrader.cluster.port import Cluster
from upgrader.engine.folder import RunFolder
from upgrader.engine.gates import Approver, Gates
from upgrader.engine.hands import Hands
from upgrader.engine.journal import FileJournal
from upgrader.engine.lease import Lease
from upgrader.engine.lifecycle import Lifecycle
from upgrader.engine.mirror import Mirror
from upgrader.engine.runner import Runner
from upgrader.engine.settling import Settling
from upgrader.engine.wait import Patience, Stopped
from upgrader.host.clock import Clock
from upgrader.host.files import FileLock
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Intent, Interrupted, LockLeft, LockTaken, RunClosed, RunEvent, RunOpened
from upgrader.planning.inverse import undo
from upgrader.planning.plan import Gate, Plan, plan_digest
from upgrader.planning.record import Progress, Record, fold

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
        self.forward = folder.plan()
        self.record: Record = fold(journal.events())
        self.plan: Plan = folder.back_plan() if self.record.going_back else self.forward  # type: ignore[assignment]
        self._lifecycle = Lifecycle(self.progress, self.emit, setting.clock)
        self._patience = Patience(setting.clock, setting.stop, lease.tick)
        self._hands = Hands(setting.cluster, folder.path, self.emit, setting.clock, lease.fence)
        self._hands.number_from(Counter(e.step for e in journal.events() if isinstance(e, Intent)))
        self._settling = Settling(setting.cluster, self._hands, self._patience, self.emit, self.progress)

    def progress(self) -> Progress:
        """The plan and its record as they are now."""
        return Progress(self.plan, self.record)

    def emit(self, event: RunEvent) -> None:
        """Journal first, then everybody who listens."""
        self._journal.append(event)
        self.record.add(event)
        for number, observer in enumerate(self._setting.observers):
            self._tell(number, observer, event)

    def _tell(self, number: int, observer: Observer, event: RunEvent) -> None:
        try:
            observer(event)
        except (OSError, ValueError) as trouble:
            if number not in self._setting.deaf:
                self._setting.deaf.add(number)
                self._setting.say(f"an output could not be written and is given up: {trouble}")

    def drive(self, *, until: str = "") -> Literal["done", "rolled-back"]:
        """Carry out what is left.

        Raises:
            Stopped, Parked, UpgradeError, OSError: as ``engine.runner.Runner.drive``.
        """
        gates = Gates(self._setting.cluster, self._patience, self.emit, self.progress, self._setting.approver)
        runner = Runner(
            self.progress, self._lifecycle, self._settling, gates, until=until, wave_over=self._keep
        )
        runner.drive()
        result: Literal["done", "rolled-back"] = "rolled-back" if self.record.going_back else "done"
        if self.record.closed is None:
            self.emit(RunClosed(at=self._setting.clock.now(), result=result))
        return result

    def turn_back(self) -> None:
        """From now on the run goes back to where its hop began.

        Raises:
            UpgradeError: UPG-0803: the old revision's removal has begun; UPG-0801: there is nothing to take back.
        """
        if self.record.going_back:
            return
        back = undoing(self.progress(), self.folder)
        self.folder.save_back_plan(back)
        self._lifecycle.fire("roll_back", self.record.hop)
        self.plan = back

    def stopped(self, signal: str) -> None:
        """Write down that somebody stopped the run."""
        flying = tuple(item.id for item in self.progress().in_flight())
        self.emit(Interrupted(at=self._setting.clock.now(), signal=signal, in_flight=flying))

    def _keep(self) -> None:
        self._journal.seal()
        if trouble := self._mirror.sync():
            self._setting.say(f"the cluster's copy of the record is behind: {trouble}")

    def leave(self) -> None:
        """Give everything back; the last thing a process does with a run."""
        if self._journal_is_open():
            self._keep()
        self._lease.release()

    def _journal_is_open(self) -> bool:
        try:
            self.emit(LockLeft(at=self._setting.clock.now(), holder=self._setting.who))
        except OSError:
            return False
        return True


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

    epoch = lease.acquire(heed, setting.say)
    one = Session(setting, folder, journal, lease)
    try:
        if opening is not None and one.record.opened is None:
            one.emit(opening)
        one.emit(LockTaken(at=setting.clock.now(), holder=setting.who, epoch=epoch))
        yield one
    except Exception:
        one.leave()
        raise
    one.leave()


def undoing(progress: Progress, folder: RunFolder) -> Plan:
    """The plan that takes back what was begun of the current hop.

    Raises:
        UpgradeError: UPG-0803: the old revision's removal has begun; UPG-0801: there is nothing to take back.
    """
    known = folder.back_plan() if progress.record.going_back else None
    if known is not None:
        return known
    hop = progress.hop_of(progress.record.hop)
    if hop is None or progress.record.closed is not None:
        raise _nothing_to_take_back(folder.run)
    if progress.retire_begun(hop):
        raise _retired(folder.run, hop.old)
    begun = progress.record.started
    items = frozenset(i.id for i in hop.items() if i.id in begun and not isinstance(i.action, Gate))
    return undo(progress.plan, hop.number, items)


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


def _nothing_to_take_back(run: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0801",
        f"run {run} has nothing to take back",
        why="it is over, or nothing of it was begun",
        do=(f"upgrade status {run}",),
        exit_code=Exit.BLOCKED,
    )


def _retired(run: str, old: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0803",
        f"rollback needs revision {old}, whose removal has begun",
        what=(f"run {run} is past the point where the old revision still serves",),
        why="going back now means installing the old version again: that is an upgrade of its own, with its own plan",
        do=(f"upgrade resume {run}      # finish this hop",),
        exit_code=Exit.BLOCKED,
    )
