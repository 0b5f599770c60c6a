"""Plain processes with a log each."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bed.build import Unable

PATIENCE = 60.0
"""Seconds for anything of the bed to come up; on two busy cores it takes a tenth of that."""


def await_(what: str, look: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Look ten times a second until it is so.

    Raises:
        TimeoutError: it was not, in *seconds*.
    """
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not so after {seconds:.0f} s")
        time.sleep(0.1)


@dataclass
class Processes:
    """What was started, by name.

    Attributes:
        logs: Folder with one file for each name.
    """

    logs: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str] | None = None) -> None:
        """Start one; what it says goes to its log."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def alive(self, name: str) -> bool:
        """Whether it is there and has not ended."""
        return name in self._running and self._running[name].poll() is None

    def require(self, name: str, look: Callable[[], bool]) -> None:
        """Wait until *name* is up.

        Raises:
            Unable: it ended, or took too long; with the last words of its log.
        """

        def settled() -> bool:
            return not self.alive(name) or look()

        try:
            await_(name, settled)
        except TimeoutError as late:
            raise Unable(f"{late}: {self.last_words(name)}") from late
        if not self.alive(name):
            raise Unable(f"{name} ended at once: {self.last_words(name)}")

    def last_words(self, name: str, lines: int = 5) -> str:
        """The end of its log."""
        log = self.logs / f"{name}.log"
        text = log.read_text(errors="replace").splitlines() if log.exists() else []
        return " / ".join(text[-lines:])

    def stop(self, name: str, *, by: signal.Signals = signal.SIGKILL) -> None:
        """End one and wait for it; nothing happens when it is gone already."""
        process = self._running.pop(name, None)
        if process is not None:
            process.send_signal(by)
            process.wait()

    def stop_all(self) -> None:
        """End all, the youngest first."""
        for name in reversed(list(self._running)):
            self.stop(name)
