"""WebSockets of the real API server, on connections made exactly as those of all other requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from upgrader.cluster.clean import clean_line
from upgrader.cluster.connection.trouble import translated
from upgrader.cluster.port import Dialled
from upgrader.model.failures import Unforwardable, Unreachable

if TYPE_CHECKING:
    import urllib3
    import websocket

CLOSE = 8
"""Opcode of the frame that ends a WebSocket (RFC 6455, 5.5.1)."""


class Socket:
    """The messages of one WebSocket.

    Args:
        late: Raises when the whole exchange took too long; asked after every message.
    """

    def __init__(
        self, inner: websocket.WebSocket, request: str, server: str, late: Callable[[], None]
    ) -> None:
        self._inner = inner
        self._request = request
        self._server = server
        self._late = late

    def send(self, message: bytes) -> None:
        """One binary message.

        Raises:
            Unreachable: the connection is gone.
        """
        with _translated(self._request, self._server):
            self._inner.send_binary(message)

    def receive(self) -> bytes | None:
        """The next message; None when the other side ended it, with or without saying so.

        Raises:
            Unreachable: nothing came for as long as one may wait.
        """
        import websocket

        self._late()
        with _translated(self._request, self._server):
            try:
                opcode, message = self._inner.recv_data()
            except websocket.WebSocketConnectionClosedException:
                return None
        return None if opcode == CLOSE else bytes(message)

    def close(self) -> None:
        """Hang up at once; nobody is waited for."""
        self._inner.shutdown()


def dial(  # noqa: PLR0917
    pool: urllib3.PoolManager,
    server: str,
    path: str,
    headers: Sequence[tuple[str, str]],
    protocol: str,
    timeout: float,
    late: Callable[[], None],
) -> Dialled:
    """Ask for a WebSocket at *path* (with its query), to speak *protocol*; *timeout* is in seconds without a byte.

    Raises:
        Unreachable: no answer.
        Unforwardable: the answer is not one to somebody who asks for a WebSocket.
    """
    import websocket

    request = f"GET {path.partition('?')[0]}"
    with _translated(request, server):
        inner = websocket.WebSocket(enable_multithread=False)
        try:
            inner.connect(
                f"ws{server.removeprefix('http')}{path}",
                socket=_connected(pool, server, timeout),
                header=[f"{name}: {value}" for name, value in headers],
                subprotocols=[protocol],
                suppress_origin=True,
                redirect_limit=0,
            )  # fmt: skip
        except websocket.WebSocketBadStatusException as refusal:
            told = {str(k).lower(): str(v) for k, v in (refusal.resp_headers or {}).items()}
            return refusal.status_code, told, bytes(refusal.resp_body or b""), None
    return 101, {}, b"", Socket(inner, request, server, late)


def _connected(pool: urllib3.PoolManager, server: str, timeout: float) -> Any:
    """A socket of the pool's own making, so that certificates, names and proxies are those of every other request.

    urllib3 does not hand out connections, and websocket-client's own options know less than a kubeconfig can say.
    """
    made = pool.connection_from_url(server)
    connection: Any = made._new_conn()  # noqa: SLF001
    connection.timeout = timeout
    if made.proxy is not None and server.startswith("https:"):
        made._prepare_proxy(connection)  # noqa: SLF001
    else:
        connection.connect()
    connection.sock.settimeout(timeout)
    return connection.sock


@contextmanager
def _translated(request: str, server: str) -> Iterator[None]:
    import websocket

    try:
        with translated(request, server):
            yield
    except websocket.WebSocketTimeoutException as error:
        raise Unreachable(f"{server} did not finish its answer: {error}", request=request) from error
    except websocket.WebSocketConnectionClosedException as error:
        raise Unreachable(f"{server} hung up: {error}", request=request) from error
    except websocket.WebSocketException as error:
        raise Unforwardable(
            f"{server} speaks no WebSocket: {clean_line(str(error))[:300]}", request=request
        ) from error
