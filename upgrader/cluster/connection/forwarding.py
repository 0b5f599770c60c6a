"""HTTP to a port of a pod, through ``pods/portforward``: the pod sees a caller on its own loopback address.

The protocol is the kubelet's for WebSockets, which the API server only passes on (k8s.io/kubelet, portforward/websocket.go): each
message begins with the number of a channel, 0 for data and 1 for what went wrong, and the first message of each
channel repeats the port.
"""

from __future__ import annotations

import http.client
import io
import re

from upgrader.cluster.clean import clean_line
from upgrader.cluster.port import Dialled, Messages
from upgrader.cluster.status import failure
from upgrader.model.failures import ClusterFailure, ServerTrouble, Unforwardable, Unreachable

PROTOCOL = "v4.channel.k8s.io"
LARGEST = 256 * 1024 * 1024
"""Bytes of one answer; istiod needs some 2 KiB to tell of one proxy."""
_PIECE = 256 * 1024
_DATA, _TROUBLE = 0, 1
_NOBODY = re.compile(
    r"no preferred addresses found|error dialing backend|unable to do port forwarding|upgrade request required",
    re.IGNORECASE,
)
"""Words of API server and kubelet where there is no kubelet, or none that can forward."""
_NEVER = frozenset({400, 405, 426, 501})
"""Answers of what stands between and does not know WebSockets."""


def refusal(dialled: Dialled, request: str) -> ClusterFailure:
    """What another answer than 101 means."""
    status, _, body, _ = dialled
    told = failure(status, body, request)
    if status < 400 or status in _NEVER or (status >= 500 and _NOBODY.search(told.message)):
        return Unforwardable(told.message, status=status, reason=told.reason, request=request)
    return told


def get(messages: Messages, path: str, request: str) -> tuple[int, bytes]:
    """Status and body of ``GET path`` of whatever listens at the far end.

    Raises:
        Unreachable: it did not answer to the end.
        Unforwardable: nothing there can forward.
        ServerTrouble: nobody listens there, or the answer is not HTTP or too large.
    """
    asked = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    messages.send(bytes([_DATA]) + asked.encode("ascii"))
    # http.client asks only for makefile("rb") of its socket.
    answer = http.client.HTTPResponse(_Far(messages, request), method="GET")  # type: ignore[arg-type]
    try:
        answer.begin()
        body = bytearray()
        while piece := answer.read(_PIECE):
            body += piece
            if len(body) > LARGEST:
                raise ServerTrouble(f"the answer is larger than {LARGEST >> 20} MiB", request=request)
    except http.client.IncompleteRead as error:
        raise Unreachable("the pod hung up in the middle of its answer", request=request) from error
    except (http.client.RemoteDisconnected, ConnectionError) as error:
        raise Unreachable("the pod hung up without an answer", request=request) from error
    except http.client.HTTPException as error:
        words = clean_line(f"{type(error).__name__}: {error}")[:300]
        raise ServerTrouble(f"the pod does not answer as HTTP does: {words}", request=request) from error
    if answer.length:
        raise Unreachable("the pod hung up in the middle of its answer", request=request)
    return answer.status, bytes(body)


class _Far(io.RawIOBase):
    """The bytes of the data channel as a file; ends where the connection does."""

    def __init__(self, messages: Messages, request: str) -> None:
        super().__init__()
        self._messages = messages
        self._request = request
        self._begun: set[int] = set()
        self._rest = b""

    def makefile(self, mode: str) -> io.BufferedReader:  # noqa: ARG002 (as of a socket)
        """The file to read from."""
        return io.BufferedReader(self, _PIECE)

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Some bytes; 0 at the end."""
        while not self._rest:
            message = self._messages.receive()
            if message is None:
                return 0
            self._rest = self._heard(message)
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    def _heard(self, message: bytes) -> bytes:
        """The data in one message.

        Raises:
            Unforwardable: the kubelet says that it cannot.
            ServerTrouble: the kubelet says that the port does not answer.
        """
        channel, content = message[:1], message[1:]
        number = channel[0] if channel else _DATA
        if number not in self._begun:
            self._begun.add(number)
            content = content[2:]
        if number != _TROUBLE or not content:
            return content if number == _DATA else b""
        words = clean_line(content.decode(errors="replace"))[:500]
        kind = Unforwardable if _NOBODY.search(words) else ServerTrouble
        raise kind(words, request=self._request)
