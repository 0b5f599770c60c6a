"""The wish to stop: first signal a safe stop, second one at once."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from upgrader.model.errors import Exit

EXITS = {"SIGINT": Exit.INTERRUPTED, "SIGTERM": Exit.TERMINATED, "SIGHUP": Exit.HANGUP}
_BOUNCE = 0.15
"""Seconds within which a second Ctrl-C is the same key press."""


class StopSignal:
    """Remembers the first signal; leaves at the second."""

    def __init__(self, now: Callable[[], float], *, quiet: bool = False) -> None:
        self._now = now
        self._quiet = quiet
        self._name = ""
        self._at = 0.0

    def wanted(self) -> str:
        """Name of the signal that arrived, or empty."""
        return self._name

    def raise_hangup(self) -> None:
        """Nobody is watching any more: as if the terminal had been closed."""
        self._name = self._name or "SIGHUP"

    def __call__(self, number: int, _: FrameType | None) -> None:
        name = signal.Signals(number).name
        if not self._name:
            self._name, self._at = name, self._now()
            if not self._quiet:
                _say(
                    f"\n{name}: no new step will start. Ctrl-C again leaves at once; nothing is lost either way.\n"
                )
        elif name == "SIGINT" and self._now() - self._at >= _BOUNCE:
            _say("Left at once. The lock lapses in 30 s. Go on with: upgrade resume\n")
            os._exit(EXITS.get(self._name, Exit.INTERRUPTED))


def _say(text: str) -> None:
    try:
        os.write(sys.stderr.fileno(), text.encode())
    except OSError:
        return


@contextmanager
def listening(now: Callable[[], float], *, quiet: bool = False) -> Iterator[StopSignal]:
    """Signals are remembered instead of killing the process, until the block ends."""
    stop = StopSignal(now, quiet=quiet)
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def answerable() -> Iterator[None]:
    """While a question is open nothing was begun, so a signal ends the process at once instead of asking it to stop."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        **{number: signal.signal(number, _leave) for number in (signal.SIGTERM, signal.SIGHUP)},
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave(number: int, _: FrameType | None) -> NoReturn:
    raise SystemExit(int(EXITS[signal.Signals(number).name]))
