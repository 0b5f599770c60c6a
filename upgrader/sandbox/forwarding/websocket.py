"""The server's side of a WebSocket (RFC 6455). websocket-client, which is there anyway, takes frames apart and makes them."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from upgrader.sandbox.forwarding.line import Line

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accepted(key: str) -> str:
    """Sec-WebSocket-Accept for a key."""
    return base64.b64encode(hashlib.sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()


def converse(
    line: Line,
    read: Callable[[int], bytes],
    write: Callable[[bytes], object],
    alone: AbstractContextManager[object],
) -> None:
    """Carry messages until one side has enough.

    Args:
        line: Who answers.
        read: At most so many bytes, at least one; none at the end.
        write: To the client, at once.
        alone: Held while the line thinks.

    Raises:
        OSError: the client went away.
    """
    from websocket import ABNF

    for said in line.begin():
        write(_frame(ABNF.OPCODE_BINARY, said))
    for opcode, message in _messages(read):
        if opcode == ABNF.OPCODE_CLOSE:
            break
        if opcode == ABNF.OPCODE_PING:
            write(_frame(ABNF.OPCODE_PONG, message))
            continue
        with alone:
            answers = line.hear(message)
        for said in answers:
            write(_frame(ABNF.OPCODE_BINARY, said))
        if line.over:
            break
    write(_frame(ABNF.OPCODE_CLOSE, (1000).to_bytes(2, "big")))


def _messages(read: Callable[[int], bytes]) -> Iterator[tuple[int, bytes]]:
    """Whole messages and control frames, with their opcodes."""
    from websocket import ABNF, WebSocketException, frame_buffer

    def some(size: int) -> bytes:
        found = read(size)
        if not found:
            raise ConnectionResetError("the client went away")
        return found

    frames, parts = frame_buffer(some, True), b""
    while True:
        try:
            frame = frames.recv_frame()
        except WebSocketException as error:
            raise ConnectionResetError(str(error)) from error
        data = frame.data if isinstance(frame.data, bytes) else frame.data.encode()
        if frame.opcode >= ABNF.OPCODE_CLOSE:
            yield frame.opcode, data
            continue
        parts += data
        if frame.fin:
            yield ABNF.OPCODE_BINARY, parts
            parts = b""


def _frame(opcode: int, data: bytes) -> bytes:
    """Servers do not mask."""
    from websocket import ABNF

    return bytes(ABNF(1, 0, 0, 0, opcode, 0, data).format())
