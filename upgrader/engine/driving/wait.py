"""Waiting for a condition: minutes, one deadline, and an ear for the wish to stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from upgrader.host.clock import Clock
from upgrader.model.errors import UpgradeError
from upgrader.model.failures import ClusterFailure
from upgrader.model.step import Reading, Verdict

PAUSES = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between looks; the last one repeats."""


class Stopped(Exception):
    """Somebody asked the run to stop (a signal), or it reached the point it was told to go to (``until``)."""

    def __init__(self, signal: str) -> None:
        super().__init__(signal)
        self.signal = signal


@dataclass(frozen=True)
class Patience:
    """How the engine waits.

    Attributes:
        clock: Deadlines are measured on its boottime.
        stop: Name of the signal that arrived, or empty.
        tick: Called at every pause; keeps the Lease alive.
    """

    clock: Clock
    stop: Callable[[], str]
    tick: Callable[[], None]

    def heed(self) -> None:
        """Go on only if nobody wants us to stop.

        Raises:
            Stopped: a signal arrived.
        """
        if signal := self.stop():
            raise Stopped(signal)

    def pause(self, seconds: float) -> None:
        """Sleep, in pieces short enough for the Lease.

        Raises:
            Stopped: a signal arrived before or while sleeping.
        """
        end = self.clock.boottime() + seconds
        self.heed()
        while (left := end - self.clock.boottime()) > 1e-6:
            self.tick()
            self.clock.sleep(min(left, 5.0))
            self.heed()


@dataclass
class Looking:
    """One condition that is looked at again and again.

    Attributes:
        look: One look; failures to read are pending, with their words.
        deadline: boottime after which pending becomes a failure.
    """

    look: Callable[[], Reading]
    clock: Clock
    deadline: float
    looks: int = 0
    due: float = 0.0
    last: Reading = field(default_factory=lambda: Reading.pending("not looked at yet"))

    @classmethod
    def begin(cls, look: Callable[[], Reading], clock: Clock, patience: timedelta) -> Looking:
        """A condition that has *patience* from now."""
        now = clock.boottime()
        return cls(look, clock, now + patience.total_seconds(), due=now)

    def again(self) -> Reading:
        """Look now, and set when to look next."""
        self.last = looked(self.look)
        pause = PAUSES[min(self.looks, len(PAUSES) - 1)]
        self.looks += 1
        self.due = min(self.clock.boottime() + pause, max(self.deadline, self.clock.boottime()))
        return self.last

    @property
    def expired(self) -> bool:
        """Whether the deadline passed."""
        return self.clock.boottime() >= self.deadline


def looked(look: Callable[[], Reading]) -> Reading:
    """One look; what could not be read is pending, never a pass; what is refused for a reason of ours is broken."""
    try:
        return look()
    except ClusterFailure as failure:
        return Reading.pending(f"could not read {failure.request or 'the cluster'}: {failure.message}")
    except UpgradeError as error:
        return Reading.broken("; ".join([f"{error.code}: {error.headline}", *error.what]))


def settle(looking: Looking, patience: Patience, told: Callable[[Reading], None]) -> Reading:
    """Look until the verdict is not pending or the deadline passed; pauses 1, 2, 4, 8, 15, 15 … seconds.

    Returns:
        The last reading; still pending means the deadline passed.

    Raises:
        Stopped: a signal arrived.
    """
    while True:
        reading = looking.again()
        told(reading)
        if reading.verdict is not Verdict.PENDING or looking.expired:
            return reading
        patience.pause(max(looking.due - looking.clock.boottime(), 0.05))
