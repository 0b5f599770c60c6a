"""Programs of others, run with a deadline: words in, result out; nothing of them outlives the call."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self

LONGEST = 64 << 20
"""Bytes of output; more is not what anybody asked for."""
_LOOK = 0.02
"""Seconds between two looks at a process; at most so long Ctrl-C and a deadline wait."""
_KEPT = ("PATH", "TMPDIR", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass(frozen=True)
class Ended:
    """How a process ended.

    Attributes:
        code: Exit status; negative for a signal.
        out: What it wrote to stdout, whole unless *cut*.
        err: What it wrote to stderr, as text.
        late: It was killed at its deadline.
        cut: It was killed because it wrote too much.
    """

    code: int
    out: bytes
    err: str
    late: bool = False
    cut: bool = False

    @property
    def failed(self) -> str:
        """Why its output counts for nothing, in a few words; empty when it ended well, which alone proves nothing."""
        if self.late:
            return "it did not end in time and was stopped"
        if self.cut:
            return f"it wrote more than {LONGEST >> 20} MiB and was stopped"
        if self.code < 0:
            return f"it was killed by signal {-self.code}"
        return f"it ended with exit status {self.code}" if self.code else ""


class Process:
    """A program that runs in a session of its own, so that it and its children end together; without a terminal.

    Output goes to unnamed files, not to pipes: a program that nobody reads yet never waits for us.

    Args:
        argv: Program and words; no shell reads them.
        environment: All that it is told about its surroundings.
        seconds: Deadline, from now on.
        longest: Bytes of output (either stream) at which it is stopped.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(
        self, argv: Sequence[str], environment: Mapping[str, str], *, seconds: float, longest: int = LONGEST
    ) -> None:
        self._end = time.monotonic() + seconds
        self._longest = longest
        self._out, self._err = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._over = False
        try:
            self._process = subprocess.Popen(  # noqa: S603  argv is a list, and the caller has verified the program
                list(argv),
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=self._out,
                stderr=self._err,
                start_new_session=True,
            )
        except BaseException:
            self._close()
            raise

    def finish(self, stopped: Callable[[], object] = lambda: False) -> Ended:
        """Wait for its end, or bring it about: at the deadline, at too much output, or when *stopped* says so.

        Raises:
            KeyboardInterrupt: *stopped* said so, or Ctrl-C was pressed; the process and its children are gone.
        """
        late = cut = False
        while self._process.poll() is None and not (late or cut):
            late, cut = time.monotonic() > self._end, self._size() > self._longest
            if stopped():
                self.kill()
                raise KeyboardInterrupt
            self._pause()
        self.kill()
        return Ended(self._process.wait(), self._read(self._out), self._read(self._err).decode(errors="replace"), late, cut)  # fmt: skip

    def kill(self) -> None:
        """End it and everything that it started, if they still run; once, for a number may be given to others later."""
        if not self._over:
            self._over = True
            with suppress(
                ProcessLookupError, PermissionError
            ):  # gone; macOS says EPERM of a group of dead processes
                os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.kill()
        self._close()

    def _pause(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LOOK)

    def _size(self) -> int:
        return max(os.fstat(one.fileno()).st_size for one in (self._out, self._err))

    def _read(self, file: IO[bytes]) -> bytes:
        file.seek(0)
        return file.read(self._longest)

    def _close(self) -> None:
        self._out.close()
        self._err.close()


def run(
    argv: Sequence[str],
    environment: Mapping[str, str],
    *,
    seconds: float,
    stopped: Callable[[], object] = lambda: False,
) -> Ended:
    """Run *argv* to its end.

    Raises:
        OSError: it cannot be started.
        KeyboardInterrupt: as ``Process.finish``.
    """
    with Process(argv, environment, seconds=seconds) as process:
        return process.finish(stopped)


def bare_environment(home: Path) -> dict[str, str]:
    """What a program needs that is not to know about this user: no credentials, no settings; *home* is its home."""
    return {name: os.environ[name] for name in _KEPT if name in os.environ} | {"HOME": str(home)}


def own_environment(without: Sequence[str]) -> dict[str, str]:
    """This user's environment, for programs that log in as this user; without variables that begin like *without*."""
    return {name: value for name, value in os.environ.items() if not name.startswith(tuple(without))}
