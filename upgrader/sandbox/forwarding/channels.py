"""The kubelet's own WebSocket protocol, v4.channel.k8s.io: each message begins with the number of its channel.

Of each forwarded port the even channel carries data and the odd one what went wrong; the first message of either repeats the port.
Source: k8s.io/kubelet pkg/cri/streaming/portforward/websocket.go.
"""

from __future__ import annotations

from upgrader.sandbox.api.wire import Forward
from upgrader.sandbox.forwarding.listener import Listener, refused


class Channels:
    """All ports of one request."""

    def __init__(self, forward: Forward) -> None:
        self._ports = forward.ports
        self._pod = forward.pod
        self._listeners = [Listener(forward.inside, port) for port in forward.ports]
        self._over = [False for _ in forward.ports]

    @property
    def over(self) -> bool:
        """Every port is done."""
        return all(self._over)

    def begin(self) -> list[bytes]:
        """The port, on both channels of each."""
        pairs = [(2 * n + odd, port) for n, port in enumerate(self._ports) for odd in (0, 1)]
        return [bytes([channel]) + port.to_bytes(2, "little") for channel, port in pairs]

    def hear(self, message: bytes) -> list[bytes]:
        """What comes back on the same port."""
        number, odd = divmod(message[0], 2) if message else (0, 1)
        if odd or number >= len(self._listeners) or self._over[number]:
            return []
        try:
            said = self._listeners[number].hear(message[1:])
        except ConnectionRefusedError:
            self._over[number] = True
            return [bytes([2 * number + 1]) + refused(self._ports[number], self._pod)]
        self._over[number] = self._listeners[number].over
        return [bytes([2 * number]) + said] if said else []
