"""What the house knows of an API server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from upgrader.model.change import ApiChange
from upgrader.model.kinds import Obj
from upgrader.model.step import Reader

Answer = tuple[int, Mapping[str, str], bytes]
"""Status, headers (names in lower case), body."""

JSON = "application/json"


class Messages(Protocol):
    """A WebSocket: whole binary messages, both ways."""

    def send(self, message: bytes) -> None:
        """One message.

        Raises:
            Unreachable: the connection is gone.
        """
        ...

    def receive(self) -> bytes | None:
        """The next message; None when the other side ended it.

        Raises:
            Unreachable: nothing came for as long as one may wait.
        """
        ...

    def close(self) -> None:
        """Hang up."""
        ...


Dialled = tuple[int, Mapping[str, str], bytes, Messages | None]
"""Status, headers, body; the messages when the status is 101."""


class Cluster(Reader, Protocol):
    """Reads and writes. Only the engine is given one."""

    def perform(self, change: ApiChange) -> Obj | None:
        """Send *change* once.

        Returns:
            The object as stored; None after a delete, and when there was nothing left to delete.

        Raises:
            ClusterFailure: ``ambiguous`` says whether the change may have happened all the same.
        """
        ...


class Transport(Protocol):
    """One request, one answer."""

    def send(  # noqa: PLR0917
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        """Every status is an answer.

        Raises:
            Unreachable: no answer; ``ambiguous`` is False when the request surely never left.
        """
        ...

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        """Ask for a WebSocket of one subprotocol; every status is an answer.

        Raises:
            Unreachable: no answer.
            Unforwardable: an answer, but not to somebody who asks for a WebSocket.
        """
        ...


class Clock(Protocol):
    """The part of ``host.clock.Clock`` that retries need."""

    def boottime(self) -> float:
        """Seconds that never jump."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...
