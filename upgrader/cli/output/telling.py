"""Tells what happens while a run is driven: lines on stderr, events as JSON Lines, a heartbeat while nothing happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TextIO

import click

from upgrader.cli.input.options import Globals
from upgrader.cli.output.screen import style_of
from upgrader.engine.keeping.folder import RunFolder
from upgrader.host.clock import Clock
from upgrader.model.errors import UpgradeError
from upgrader.model.event import RunEvent, StepProgress, StepSettled
from upgrader.planning.plan import Plan
from upgrader.report.run.events import Stream, following
from upgrader.report.run.lines import heartbeat, line_of

BEAT = 60.0
"""Seconds of silence after which something is said."""


class Teller:
    """An observer of one run, and the clock it is driven by.

    Args:
        hang_up: Called when nobody can read any more (closed pipe or terminal).
    """

    def __init__(
        self, said: Globals, plan: Plan, run: RunFolder, clock: Clock, hang_up: Callable[[], None]
    ) -> None:
        self._said = said
        self._style = style_of(said, error=True)
        self._clock = clock
        self._hang_up = hang_up
        self._stream = Stream(plan, run.run, following(plan, run.run, run.events()))
        self._file: TextIO | None = None
        self._ending: Callable[[], str] | None = None
        self._waiting: dict[str, str] = {}
        self._spoke = clock.boottime()
        self._beat = 30.0 if said.accessible else BEAT

    def __call__(self, event: RunEvent) -> None:
        """Tell one event."""
        if isinstance(event, StepProgress):
            self._waiting[event.step] = event.summary
        elif isinstance(event, StepSettled):
            self._waiting.pop(event.step, None)
        for line in self._stream.lines(event):
            self._emit(line)
        text = line_of(event, self._style)
        if text and self._said.format != "jsonl" and not self._said.quiet:
            self._say(text)

    def start(self, command: list[str]) -> None:
        """Open the file of ``-o jsonl=PATH`` and write the first line of the stream.

        Raises:
            OSError: the file cannot be written; nothing was begun.
        """
        path = self._said.files.get("jsonl")
        if path is not None:
            self._file = path.open("a", encoding="utf-8")
        self._emit(self._stream.start(self._clock.now(), command))

    def end(
        self, *, exit_code: int, result: str, safe: bool | None, following: list[str], changed: bool
    ) -> None:
        """Know the last line of the stream; ``close`` writes it, for the lock is given back before."""
        self._ending = lambda: self._stream.end(
            self._clock.now(),
            exit_code=exit_code,
            result=result,
            safe=safe,
            following=following,
            changed=changed,
        )

    def refuse(self, error: UpgradeError) -> None:
        """The last lines when the run could not even be held; nothing where its end is known."""
        if self._ending is not None:
            return
        for line in self._stream.refusal(self._clock.now(), error):
            self._emit(line)
        self._said.streamed = True

    def close(self) -> None:
        """Write the last line, if it is known: without one the writer died."""
        if self._ending is not None:
            self._emit(self._ending())
            self._said.streamed = True
        if self._file is not None:
            self._file.close()
            self._file = None

    def _emit(self, line: str) -> None:
        if self._file is not None:
            self._file.write(line + "\n")
            self._file.flush()
        if self._said.format == "jsonl":
            self._write(sys.stdout, line)

    def _say(self, text: str) -> None:
        self._spoke = self._clock.boottime()
        self._write(sys.stderr, text)

    def _write(self, stream: TextIO, text: str) -> None:
        """Write, or notice that nobody is there: that counts as a hangup, for the mesh must not move unseen."""
        try:
            click.echo(text, file=stream)
        except (BrokenPipeError, OSError):
            self._hang_up()

    # The run's clock, so that silence while sleeping is noticed.

    def now(self) -> datetime:
        """As the clock behind."""
        return self._clock.now()

    def boottime(self) -> float:
        """As the clock behind."""
        return self._clock.boottime()

    def sleep(self, seconds: float) -> None:
        """Sleep, and say what is awaited when nothing was said for a while."""
        self._clock.sleep(seconds)
        if self._clock.boottime() - self._spoke >= self._beat and self._waiting and not self._said.quiet:
            step, waits = next(reversed(self._waiting.items()))
            self._say(heartbeat(self._clock.now(), step, waits, self._style))


def watched() -> bool:
    """Whether a terminal is on both ends, so that somebody may be waited for."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")
