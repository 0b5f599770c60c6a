"""The life a served world leads: time passes, and whatever is due happens."""

from __future__ import annotations

import logging
import threading
import time
from datetime import datetime
from typing import Any, Protocol, Self

from upgrader.sandbox.clock import Clock, ScaledClock, VirtualClock
from upgrader.sandbox.store import Store

_SHORTEST, _LONGEST = 0.02, 0.25
"""Real seconds between two looks at a world in which nothing is due."""
_STALE = 0.5
"""Seconds of a virtual clock that it may lag behind before it is looked at again."""
_log = logging.getLogger(__name__)


class Living(Protocol):
    """What can live: ``world.World``, or anything with a clock and a store."""

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Clock: ...

    def settle(self) -> Any: ...

    def advance(self, seconds: float) -> Any: ...

    def next_due(self) -> datetime | None: ...


class Life:
    """Lets a world live in real time, from start to stop: changes at once, timers when they are due.

    A world on a virtual clock is advanced by the real time that passed, times ``speed``; on a scaled clock time passes by
    itself. A controller that fails is told of in the log, once, and life goes on.
    """

    def __init__(self, world: Living, speed: float = 1.0) -> None:
        self._world = world
        self._speed = world.clock.speed if isinstance(world.clock, ScaledClock) else speed
        self._stumbled = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-life")

    def start(self) -> Life:
        """Begin; returns at once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, and wait until its thread has."""
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        store, last = self._world.store, time.monotonic()
        while not self._over.is_set():
            now = time.monotonic()
            with store.lock:
                self._live(now - last)
                revision, pause = store.revision, self._pause()
            last = now
            store.wait(revision, pause)

    def _live(self, seconds: float) -> None:
        world = self._world
        try:
            if isinstance(world.clock, VirtualClock):
                world.advance(seconds * self._speed)
            world.settle()
        except Exception as problem:  # noqa: BLE001 (a bug of one controller is not the end of the world)
            if repr(problem) != self._stumbled:
                _log.exception("the sandbox stumbled")
            self._stumbled = repr(problem)

    def _pause(self) -> float:
        """Real seconds until something is due, within bounds."""
        longest = min(_LONGEST, max(_SHORTEST, _STALE / self._speed))
        moment = self._world.next_due()
        if moment is None:
            return longest
        due = (moment - self._world.clock.now()).total_seconds() / self._speed
        return min(longest, max(_SHORTEST / 10, due))


def run_world(world: Living, speed: float = 1.0) -> Life:
    """A started ``Life`` of the world; stop it to end its thread."""
    return Life(world, speed).start()
