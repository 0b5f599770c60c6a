"""Time as a dependency."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

_SLICE = 0.1
"""Seconds between two looks at the wish to stop; short enough to answer Ctrl-C at once."""


class Clock(Protocol):
    """What the rest of the house knows of time."""

    def now(self) -> datetime:
        """Wall clock, aware, UTC: for records and for people, never for deadlines."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait at most *seconds*; may come back early when the process is asked to stop."""
        ...

    def boottime(self) -> float:
        """Seconds that never jump and go on while the machine is suspended: for deadlines and leases."""
        ...


class SystemClock:
    """The real clock.

    Args:
        awake: Asked ten times a second while sleeping; True ends the sleep early. Python goes back to sleep after
            a signal handler returns (PEP 475), so without this a Ctrl-C would wait for the end of a pause.
    """

    def __init__(self, awake: Callable[[], bool] = lambda: False) -> None:
        self._awake = awake

    def now(self) -> datetime:
        """Wall clock, aware, UTC."""
        return datetime.now(UTC)

    def boottime(self) -> float:
        """CLOCK_BOOTTIME where there is one: a laptop lid does not stop a lease."""
        return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))

    def sleep(self, seconds: float) -> None:
        """Wait *seconds*, or less when somebody wants the process to stop."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0 and not self._awake():
            time.sleep(min(left, _SLICE))  # noqa: TID251  # the one place that really waits
