"""Starts the sidecars process and speaks to it; needs nothing but the standard library."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

__all__ = ["Sidecars", "SidecarsFailed"]

ROOT = Path(__file__).parents[4]
Obj = dict[str, Any]


class SidecarsFailed(Exception):
    """The process did not start, refused a request or is gone."""


class Sidecars:
    """A running sidecars process; ends it on exit, and it ends by itself when this process dies.

    Args:
        kubeconfig: Of the bed.
        sample: At most so many proxies of a namespace are connected; 0: all.
        prefix: Put before the command, such as ``("ip", "netns", "exec", "bed")``.
        log: Where its standard error goes; None: where ours goes.

    Raises:
        SidecarsFailed: It did not start.
    """

    def __init__(
        self, kubeconfig: str | Path, *, sample: int = 0, prefix: Sequence[str] = (), log: Path | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sidecars-")
        self.control = Path(self._folder.name, "control")
        argv = [
            *prefix, sys.executable, "-m", "tests.bed.standins.sidecars", "--tied",
            "--kubeconfig", str(kubeconfig), "--control", str(self.control), "--sample", str(sample),
        ]  # fmt: skip
        with (log or Path("/dev/stderr")).open("ab") as errors:
            self._process = subprocess.Popen(
                argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors
            )
        assert self._process.stdout
        if not self._process.stdout.readline():
            self.close()
            raise SidecarsFailed(f"sidecars ended with {self._process.returncode} before it was up")

    def ask(self, do: str, **fields: Any) -> Obj:
        """One request; the answer.

        Raises:
            SidecarsFailed: It was refused, or the process is gone.
        """
        try:
            with socket.socket(socket.AF_UNIX) as line:
                line.connect(str(self.control))
                line.sendall(json.dumps({"do": do, **fields}).encode() + b"\n")
                answer: Obj = json.loads(line.makefile().readline())
        except (OSError, ValueError) as error:
            raise SidecarsFailed(f"no answer to {do}: {error}") from error
        if "error" in answer:
            raise SidecarsFailed(f"{do}: {answer['error']}")
        return answer

    def status(self, namespace: str = "*", pod: str = "*") -> Obj:
        """Counts by state, istiod and version."""
        return self.ask("status", namespace=namespace, pod=pod)

    def proxies(self, namespace: str = "*", pod: str = "*") -> list[Obj]:
        """Each proxy and how it stands."""
        found: list[Obj] = self.ask("list", namespace=namespace, pod=pod)["proxies"]
        return found

    def reject(
        self, detail: str, *, namespace: str = "*", pod: str = "*", kind: str = "*", now: bool = True
    ) -> int:
        """Reject what istiod sends to proxies so named; how many there are now."""
        told = self.ask("reject", detail=detail, namespace=namespace, pod=pod, kind=kind, now=now)
        return int(told["concerned"])

    def accept(self, *, namespace: str = "*", pod: str = "*", now: bool = True) -> int:
        """Forget the rules of ``reject`` whose globs match these names; how many proxies they concerned."""
        return int(self.ask("accept", namespace=namespace, pod=pod, now=now)["concerned"])

    def wait(
        self,
        state: str,
        count: int | None = None,
        seconds: float = 60.0,
        namespace: str = "*",
        pod: str = "*",
    ) -> Obj:
        """Until all proxies so named, and one at least, are in *state*; or exactly *count* of them.

        Raises:
            SidecarsFailed: It is not so after so many seconds; the words hold the counts.
        """
        told = self.ask("wait", state=state, count=count, seconds=seconds, namespace=namespace, pod=pod)
        if not told.pop("held"):
            raise SidecarsFailed(f"not {count or 'all'} {state} after {seconds:g} s: {told}")
        return told

    def close(self) -> None:
        """End the process; every connection closes."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
