"""Wrappers around a cluster or its transport: what would otherwise be an ``if`` in forty places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlencode

import tenacity

from upgrader.cluster.port import Answer, Clock, Cluster, Dialled, Transport
from upgrader.model.change import ApiChange
from upgrader.model.failures import ClusterFailure, Unreachable
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.step import Reader

_BUSY = (429, 502, 503, 504)
_REVIEWS = "/apis/authorization.k8s.io/"
"""A POST there asks whether something is allowed, and stores nothing."""
_LONGEST_PAUSE = 30.0
A = TypeVar("A", Answer, Dialled)


class Retrying:
    """A transport that asks again, for a bounded time, where asking again is harmless.

    Reads, dry runs and questions about rights: after no answer, 429, 502, 503 and 504. What the server itself is asked, after
    500 as well, as when its etcd elects a leader; what a pod or a webhook answers with 500 is an answer. Writes: only when the
    request surely never left (connection refused) or the server says that it did not look at it (429); everything else is
    for the engine, which observes before it decides.

    Args:
        patience: Seconds in all; measured on *clock*, for tenacity's own ``stop_after_delay`` reads another one.
        attempts: Requests in all, so that a dead server fails after a known number.
    """

    def __init__(self, inner: Transport, clock: Clock, *, patience: float = 20.0, attempts: int = 6) -> None:
        self._inner = inner
        self._clock = clock
        self._patience = patience
        self._attempts = attempts

    def send(  # noqa: PLR0917
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        """The first answer that is not worth asking again, or the last one there was time for."""
        passing: tuple[int, ...]
        if path.startswith(_REVIEWS) or (method == "GET" and "/proxy/" not in path):
            passing = (500, *_BUSY)
        else:
            passing = _BUSY if method == "GET" or "dryRun" in query else ()
        return self._again(lambda: self._inner.send(method, path, query, body, content_type, accept), passing)

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        """As for a read: opening a connection changes nothing."""
        return self._again(lambda: self._inner.dial(path, query, protocol), _BUSY)

    def _again(self, ask: Callable[[], A], passing: tuple[int, ...]) -> A:
        """*passing* are the answers that another try may change; () for what may not be sent twice."""
        deadline = self._clock.boottime() + self._patience
        again = tenacity.Retrying(
            sleep=self._clock.sleep,
            retry=lambda state: _worth_it(state, passing),
            wait=_pause,
            stop=lambda state: (
                state.attempt_number >= self._attempts
                or self._clock.boottime() + (state.upcoming_sleep or 0.0) >= deadline
            ),
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        answer: A = again(ask)
        return answer


def _worth_it(state: tenacity.RetryCallState, passing: tuple[int, ...]) -> bool:
    assert state.outcome is not None
    trouble = state.outcome.exception()
    if trouble is not None:
        return isinstance(trouble, Unreachable) and (bool(passing) or not trouble.ambiguous)
    status = state.outcome.result()[0]
    return status == 429 or status in passing


def _pause(state: tenacity.RetryCallState) -> float:
    """What the server asks for (Retry-After), else 0.5, 1, 2, 4 … seconds."""
    assert state.outcome is not None
    asked = "" if state.outcome.failed else str(state.outcome.result()[1].get("retry-after", ""))
    pause = float(asked) if asked.isdigit() else 0.5 * 2.0 ** (state.attempt_number - 1)
    return min(pause, _LONGEST_PAUSE)


class Counting:
    """A transport that counts what it sends, by method; dry runs apart."""

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.sent: Counter[str] = Counter()

    def send(  # noqa: PLR0917
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        """Count, then send."""
        self.sent[f"{method} dryRun" if "dryRun" in query else method] += 1
        return self._inner.send(method, path, query, body, content_type, accept)

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        """A GET, to whoever counts."""
        self.sent["GET"] += 1
        return self._inner.dial(path, query, protocol)


@dataclass(frozen=True, slots=True)
class Sent:
    """One request as a log may show it: never a body, never a header.

    Attributes:
        path: With its query.
        status: 0 when no answer came.
        seconds: Until the answer, or until it was clear that there is none.
        trouble: Why there is none; empty otherwise.
    """

    method: str
    path: str
    status: int
    seconds: float
    trouble: str = ""


class Recording:
    """A transport that tells what it sends, each attempt by itself when it is below ``Retrying``.

    Args:
        tell: Given every request after it ended; must not raise.
    """

    def __init__(self, inner: Transport, clock: Clock, tell: Callable[[Sent], None]) -> None:
        self._inner = inner
        self._clock = clock
        self._tell = tell

    def send(  # noqa: PLR0917
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        """Send, then tell; the answer and the failure are those of the wrapped transport."""
        return self._told(
            method, path, query, lambda: self._inner.send(method, path, query, body, content_type, accept)
        )

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        """Dial, then tell; what is said afterwards is nobody else's business."""
        return self._told("GET", path, query, lambda: self._inner.dial(path, query, protocol))

    def _told(self, method: str, path: str, query: Mapping[str, str], ask: Callable[[], A]) -> A:
        start = self._clock.boottime()
        shown = f"{path}?{urlencode(query)}" if query else path
        try:
            answer = ask()
        except ClusterFailure as trouble:
            self._tell(Sent(method, shown, 0, self._clock.boottime() - start, trouble.message))
            raise
        self._tell(Sent(method, shown, answer[0], self._clock.boottime() - start))
        return answer


class ReadOnly:
    """A reader that cannot write, because it has no ``perform``: what planning and looking get."""

    def __init__(self, inner: Reader) -> None:
        self._inner = inner

    def get(self, ref: Ref) -> Obj | None:
        """As the wrapped reader."""
        return self._inner.get(ref)

    def list(self, kind: Kind, *, namespace: str = "", labels: str = "") -> Sequence[Obj]:
        """As the wrapped reader."""
        return self._inner.list(kind, namespace=namespace, labels=labels)

    def kinds(self) -> Sequence[Kind]:
        """As the wrapped reader."""
        return self._inner.kinds()

    def rehearse(self, change: ApiChange) -> Obj | None:
        """As the wrapped reader: a dry run stores nothing."""
        return self._inner.rehearse(change)

    def fetch(self, pod: Ref, port: int, path: str) -> str:
        """As the wrapped reader."""
        return self._inner.fetch(pod, port, path)

    def forward(self, pod: Ref, port: int, path: str) -> tuple[int, bytes]:
        """As the wrapped reader: asking a pod changes nothing."""
        return self._inner.forward(pod, port, path)

    def saved(self, path: str) -> bytes | None:
        """As the wrapped reader."""
        return self._inner.saved(path)


class Rehearsal(ReadOnly):
    """A cluster whose writes are dry runs."""

    def perform(self, change: ApiChange) -> Obj | None:
        """What the server would store."""
        return self._inner.rehearse(change)


class FilesReader(ReadOnly):
    """A reader whose ``saved`` finds files.

    Args:
        folder: The run directory, or None while there is no run.
        mounts: First part of a path to the folder it stands for: ``manifests`` before they are copied into a run.
    """

    def __init__(self, inner: Reader, folder: Path | None, mounts: Mapping[str, Path] | None = None) -> None:
        super().__init__(inner)
        self._folder = folder
        self._mounts = dict(mounts or {})

    def saved(self, path: str) -> bytes | None:
        """The bytes of a file below the folder; None when there is none.

        Raises:
            ValueError: *path* leads out of the folder.
            OSError: it is there and cannot be read.
        """
        first, _, rest = path.partition("/")
        root, inside = (self._mounts[first], rest) if first in self._mounts else (self._folder, path)
        if root is None:
            return None
        place = (root / inside).resolve()
        if not place.is_relative_to(root.resolve()):
            raise ValueError(f"{path} leads out of {root}")
        return place.read_bytes() if place.is_file() else None


class WithFiles(FilesReader):
    """A cluster whose ``saved`` finds files."""

    def __init__(self, inner: Cluster, folder: Path | None, mounts: Mapping[str, Path] | None = None) -> None:
        super().__init__(inner, folder, mounts)
        self._writer = inner

    def perform(self, change: ApiChange) -> Obj | None:
        """As the wrapped cluster."""
        return self._writer.perform(change)
