"""What a forwarded connection is, whoever speaks which protocol over it."""

from __future__ import annotations

from typing import Protocol


class Line(Protocol):
    """The server's end of one stream of messages, without a socket.

    Attributes:
        over: Nothing more will be said; the connection may be closed.
    """

    @property
    def over(self) -> bool: ...

    def begin(self) -> list[bytes]:
        """What is said before anything was heard."""
        ...

    def hear(self, message: bytes) -> list[bytes]:
        """What is said to one message, or to the next bytes of a stream."""
        ...
