"""An API server that does not behave: a transport between the product and the sandbox."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Protocol

from upgrader.cluster.port import Answer, Dialled, Transport
from upgrader.model.failures import Unreachable


class Clock(Protocol):
    """What lets time pass while an answer does not come."""

    def sleep(self, seconds: float) -> None: ...


class Fault(Enum):
    """What happens to one request."""

    RESET_BEFORE = "the connection breaks before the server has the request"
    RESET_AFTER = "the connection breaks after the server did it"
    REFUSED = "there is nobody at the port"
    TIMEOUT = "the server does it, and its answer comes too late"
    CONFLICT = "409: somebody else wrote in between"
    BUSY = "429, longer than a retry lasts"
    BROKEN = "500 before anything is done"
    BROKEN_AFTER = "500 although it is done"
    AWAY = "503 from a proxy in between, as HTML"
    FORBIDDEN = "403 until somebody gives the permission back"


AMBIGUOUS = frozenset(
    {Fault.RESET_BEFORE, Fault.RESET_AFTER, Fault.TIMEOUT, Fault.BROKEN, Fault.BROKEN_AFTER, Fault.AWAY}
)
_DONE = frozenset({Fault.RESET_AFTER, Fault.TIMEOUT, Fault.BROKEN_AFTER})
_STATUS = {
    Fault.CONFLICT: (409, "Conflict"),
    Fault.BUSY: (429, "TooManyRequests"),
    Fault.BROKEN: (500, "InternalError"),
    Fault.BROKEN_AFTER: (500, "InternalError"),
    Fault.FORBIDDEN: (403, "Forbidden"),
}
_BUSY_FOR = 8
"""Answers of 429 in a row; the product asks six times."""


@dataclass(frozen=True)
class Seen:
    """One request, as it arrived (or did not)."""

    method: str
    path: str
    hit: bool


def is_mutation(method: str, query: Mapping[str, str]) -> bool:
    """Whether a request could change what is stored."""
    return method != "GET" and "dryRun" not in query


def is_ours(path: str) -> bool:
    """Whether it is about our own bookkeeping, or a question about permissions."""
    return "istio-upgrade" in path or "selfsubject" in path or path == "/api/v1/namespaces"


class Faulty:
    """A transport on which the requests that *wanted* picks end badly.

    Args:
        wanted: Asked of every mutation with its method, path and how often this path was written already.
    """

    def __init__(
        self, inner: Transport, clock: Clock, fault: Fault, wanted: Callable[[str, str, int], bool]
    ) -> None:
        self._inner = inner
        self._clock = clock
        self._fault = fault
        self._wanted = wanted
        self._times: Counter[str] = Counter()
        self._busy = 0
        self.seen: list[Seen] = []

    @property
    def hits(self) -> int:
        """Requests that ended badly."""
        return sum(one.hit for one in self.seen)

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        """As the server, or not."""
        hit = is_mutation(method, query) and self._hit(method, path)
        self.seen.append(Seen(method, path, hit))
        if not hit or self._fault in _DONE:
            answer = self._inner.send(method, path, query, body, content_type, accept)
        return self._badly(method, path) if hit else answer

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        """As the server: nothing is changed by it."""
        return self._inner.dial(path, query, protocol)

    def _hit(self, method: str, path: str) -> bool:
        if self._busy:
            self._busy -= 1
            return True
        self._times[path] += 1
        if not self._wanted(method, path, self._times[path]):
            return False
        self._busy = _BUSY_FOR - 1 if self._fault is Fault.BUSY else 0
        return True

    def _badly(self, method: str, path: str) -> Answer:
        if self._fault in _STATUS:
            status, reason = _STATUS[self._fault]
            told = {
                "kind": "Status",
                "status": "Failure",
                "code": status,
                "reason": reason,
                "message": f"{reason} on {path}",
            }
            return status, {"content-type": "application/json"}, json.dumps(told).encode()
        if self._fault is Fault.AWAY:
            return 503, {"content-type": "text/html"}, b"<html>upstream connect error</html>"
        if self._fault is Fault.TIMEOUT:
            self._clock.sleep(30)
        trouble = Unreachable(self._fault.value, request=f"{method} {path}")
        trouble.ambiguous = self._fault is not Fault.REFUSED
        raise trouble


def every_first(_: str, __: str, times: int) -> bool:
    """Every mutation once: the first time it is sent, and not when it is sent again."""
    return times % 2 == 1


class Lossy:
    """A transport on which one request in fifty is lost, or its answer, reads as well as writes."""

    def __init__(self, inner: Transport, luck: Random) -> None:
        self._inner, self._luck = inner, luck

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        """As the server, mostly."""
        if self._luck.random() > 0.02:
            return self._inner.send(method, path, query, body, content_type, accept)
        if self._luck.random() < 0.5:
            self._inner.send(method, path, query, body, content_type, accept)
        status = self._luck.choice([0, 429, 500, 503, 504])
        if not status:
            raise Unreachable("EOF", request=f"{method} {path}")
        told = {
            "kind": "Status",
            "status": "Failure",
            "code": status,
            "message": "etcdserver: request timed out",
        }
        return status, {"content-type": "application/json"}, json.dumps(told).encode()

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        """As the server."""
        return self._inner.dial(path, query, protocol)
