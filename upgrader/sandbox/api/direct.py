"""The door without a socket: requests of the product's own client, straight into the API server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from upgrader.sandbox.api.wire import Request, Response, Spelled


class Door(Protocol):
    """What answers requests: ``rest.Api``."""

    def handle(self, request: Request) -> Response: ...


class Direct:
    """One user with one user agent; ``written`` is called after each write that was accepted."""

    def __init__(self, door: Door, written: Callable[[], None], user: str, agent: str) -> None:
        self._door, self._written = door, written
        self._user, self._agent = user, agent

    def send(  # noqa: PLR0917 (the shape of cluster.port.Transport)
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers with their names in lower case, and body; every status is an answer."""
        headers = {"User-Agent": self._agent, "Content-Type": content_type, "Accept": accept}
        sent = Spelled((name, value) for name, value in headers.items() if value)
        answer = self._door.handle(Request(method, path, dict(query), sent, body or b"", self._user))
        if method not in {"GET", "HEAD"} and answer.status < 300:
            self._written()
        content = answer.body if answer.stream is None else b"".join(answer.stream)
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, content
