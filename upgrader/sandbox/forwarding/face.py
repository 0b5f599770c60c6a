"""A connection that was HTTP until now becomes one to ports of a pod."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager

from upgrader.sandbox.api.verbs.parts.forwards import CHANNELS, SPDY
from upgrader.sandbox.api.wire import Forward
from upgrader.sandbox.forwarding import websocket
from upgrader.sandbox.forwarding.channels import Channels
from upgrader.sandbox.forwarding.line import Line
from upgrader.sandbox.forwarding.spdy import Spdy

_MOST = 65536


def agreed(forward: Forward, asked: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Headers of the answer that switches protocols."""
    yield "Connection", "Upgrade"
    if forward.protocol == SPDY:
        yield "Upgrade", SPDY
        yield "X-Stream-Protocol-Version", "portforward.k8s.io"
        return
    yield "Upgrade", "websocket"
    yield "Sec-WebSocket-Accept", websocket.accepted(asked.get("Sec-WebSocket-Key", ""))
    yield "Sec-WebSocket-Protocol", forward.protocol


def carry(
    forward: Forward,
    read: Callable[[int], bytes],
    write: Callable[[bytes], object],
    alone: AbstractContextManager[object],
) -> None:
    """Talk until one side has enough; arguments as of ``websocket.converse``.

    Raises:
        OSError: the client went away.
    """
    line: Line = Channels(forward) if forward.protocol == CHANNELS else Spdy(forward)
    if forward.protocol != SPDY:
        websocket.converse(line, read, write, alone)
        return
    while not line.over and (data := read(_MOST)):
        with alone:
            said = line.hear(data)
        for one in said:
            write(one)
