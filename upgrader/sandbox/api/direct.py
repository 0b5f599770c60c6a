"""The door without a socket: requests of the product's own client, straight into the API server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from upgrader.sandbox.api.wire import Request, Response, Spelled
from upgrader.sandbox.forwarding.channels import Channels
from upgrader.sandbox.forwarding.line import Line


class Door(Protocol):
    """What answers requests: ``rest.Api``."""

    def handle(self, request: Request) -> Response: ...


class Telephone:
    """The client's end of a line, in the same thread: what is heard was said before."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._said = line.begin()

    def send(self, message: bytes) -> None:
        """Say something."""
        self._said += self._line.hear(message)

    def receive(self) -> bytes | None:
        """The next message; None when there is none, for nothing more will come by itself."""
        return self._said.pop(0) if self._said else None

    def close(self) -> None:
        """Forget the rest."""
        self._said.clear()


class Direct:
    """One user with one user agent; ``written`` is called after each write that was accepted."""

    def __init__(self, door: Door, written: Callable[[], None], user: str, agent: str) -> None:
        self._door, self._written = door, written
        self._user, self._agent = user, agent
        self._sent: dict[tuple[str, str], Spelled] = {}

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
        answer = self._door.handle(
            Request(method, path, query, self._headers(content_type, accept), body or b"", self._user)
        )
        if method not in {"GET", "HEAD"} and answer.status < 300:
            self._written()
        content = answer.body if answer.stream is None else b"".join(answer.stream)
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}, content

    def dial(
        self, path: str, query: Mapping[str, str], protocol: str
    ) -> tuple[int, dict[str, str], bytes, Telephone | None]:
        """A WebSocket without frames; every status is an answer."""
        told = {"User-Agent": self._agent, "Upgrade": "websocket", "Sec-WebSocket-Protocol": protocol}
        answer = self._door.handle(Request("GET", path, query, told, b"", self._user))
        headers = {name.lower(): value for name, value in answer.headers.items()}
        if answer.forward is None:
            return answer.status, headers, answer.body, None
        return answer.status, headers, b"", Telephone(Channels(answer.forward))

    def _headers(self, content_type: str, accept: str) -> Spelled:
        found = self._sent.get((content_type, accept))
        if found is None:
            told = {"User-Agent": self._agent, "Content-Type": content_type, "Accept": accept}
            found = Spelled((name, value) for name, value in told.items() if value)
            self._sent[content_type, accept] = found
        return found
