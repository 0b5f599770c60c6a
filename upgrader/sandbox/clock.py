"""The sandbox's time: advanced by a test, or real time multiplied."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Protocol

EPOCH = datetime(2026, 1, 5, 9, 0, 0, tzinfo=UTC)
"""Where virtual time starts unless told otherwise: a Monday morning."""


class Clock(Protocol):
    """Anything that tells the time as an aware UTC datetime."""

    def now(self) -> datetime: ...


class VirtualClock:
    """Stands still until it is advanced."""

    def __init__(self, start: datetime = EPOCH) -> None:
        self._now = start

    def now(self) -> datetime:
        """The virtual moment, aware UTC."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move forward.

        Raises:
            ValueError: seconds is negative.
        """
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        self._now += timedelta(seconds=seconds)


class ScaledClock:
    """Real time since the start, times ``speed``; for serving."""

    def __init__(self, speed: float = 1.0) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be positive: {speed}")
        self.speed = speed
        self._zero = time.monotonic()
        self._start = datetime.now(UTC)

    def now(self) -> datetime:
        """The scaled moment, aware UTC."""
        return self._start + timedelta(seconds=(time.monotonic() - self._zero) * self.speed)


@lru_cache(maxsize=64)
def stamp(moment: datetime) -> str:
    """RFC 3339 with whole seconds, as metav1.Time is written."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(moment: datetime) -> str:
    """RFC 3339 with microseconds, as metav1.MicroTime is written."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> datetime:
    """The moment a metav1.Time or MicroTime names, aware UTC.

    Raises:
        ValueError: text is not RFC 3339.
    """
    return datetime.fromisoformat(text).astimezone(UTC)
