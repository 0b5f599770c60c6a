"""What listens on a port of a pod: as much of HTTP/1.1 as is needed to GET something."""

from __future__ import annotations

from http import HTTPStatus

from upgrader.sandbox.api.wire import Inside

_LONG = 2048
"""Bytes from which on a Go server does not say beforehand how many there will be."""
_PIECE = 4096


class Listener:
    """One connection to a port.

    Attributes:
        over: It was closed from this end.
    """

    def __init__(self, inside: Inside, port: int) -> None:
        self._inside = inside
        self._port = port
        self._heard = b""
        self.over = False

    def hear(self, data: bytes) -> bytes:
        """What is answered to the next bytes.

        Raises:
            ConnectionRefusedError: nobody listens on that port.
        """
        self._heard += data
        said = b""
        while not self.over and b"\r\n\r\n" in self._heard:
            head, _, self._heard = self._heard.partition(b"\r\n\r\n")
            said += self._answer(head.decode("latin-1").split("\r\n"))
        return said

    def _answer(self, lines: list[str]) -> bytes:
        method, path, *_ = [*lines[0].split(), "", ""]
        answer = self._inside(self._port, path)
        if answer is None:
            raise ConnectionRefusedError
        status, media, body = answer if method == "GET" else (405, "text/plain", b"")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        self.over = headers.get("connection") == "close"
        first = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {media}\r\n"
        first += "Connection: close\r\n" if self.over else ""
        if len(body) <= _LONG:
            return f"{first}Content-Length: {len(body)}\r\n\r\n".encode() + body
        pieces = [body[i : i + _PIECE] for i in range(0, len(body), _PIECE)]
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
        return f"{first}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n"


def refused(port: int, pod: str) -> bytes:
    """The kubelet's words when nobody listens."""
    return (
        f"error forwarding port {port} to pod {pod}, uid : failed to execute portforward in network namespace: failed to connect to "
        f"localhost:{port} inside namespace: dial tcp4 127.0.0.1:{port}: connect: connection refused"
    ).encode()
