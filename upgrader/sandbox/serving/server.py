"""The API server on a socket: plain HTTP/1.1 from the standard library, one thread a connection."""

from __future__ import annotations

import logging
import select
import selectors
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from upgrader.sandbox.api.content import failure
from upgrader.sandbox.api.watching import Watch
from upgrader.sandbox.api.wire import Forward, Request, Response
from upgrader.sandbox.errors import ApiError, bad_request, internal
from upgrader.sandbox.forwarding.face import agreed, carry
from upgrader.sandbox.store import Store

_MOST = 3 * 1024 * 1024
"""Bytes a body may have, as in a real API server."""
_log = logging.getLogger(__name__)


class Door(Protocol):
    """What answers requests: ``rest.Api``."""

    def handle(self, request: Request) -> Response: ...


class Served(Protocol):
    """What can be served: ``world.World``, or any store with a door."""

    @property
    def api(self) -> Door: ...

    @property
    def store(self) -> Store: ...


class Server:
    """Serves a world until stopped; requests are answered one after the other, watches beside them.

    Attributes:
        url: Where it listens, known from the start, for example http://127.0.0.1:40123.

    Raises:
        OSError: the address is in use, or not one of this machine.
    """

    def __init__(self, world: Served, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = _Listener((host, port), world)
        self.url = f"http://{host}:{self._listener.server_address[1]}"
        self._bell, self._ear = socket.socketpair()
        self._thread: threading.Thread | None = None

    def start(self) -> Server:
        """Begin to answer; returns at once."""
        self._thread = threading.Thread(target=self._listen, name="sandbox-server")
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close every connection and wait until the last thread has ended."""
        self._listener.closing = True
        if self._thread is not None:
            self._bell.send(b"!")
            self._thread.join()
            self._thread = None
        self._listener.hang_up()
        self._listener.server_close()
        self._bell.close()
        self._ear.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _listen(self) -> None:
        """Sleep until somebody knocks or the bell rings."""
        with selectors.DefaultSelector() as waiting:
            waiting.register(self._listener, selectors.EVENT_READ)
            waiting.register(self._ear, selectors.EVENT_READ)
            while not self._listener.closing:
                waiting.select()
                if not self._listener.closing:
                    self._listener.handle_request()


class _Listener(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128
    timeout = 0

    def __init__(self, address: tuple[str, int], world: Served) -> None:
        self.world = world
        self.open: dict[socket.socket, Watch | None] = {}
        self.closing = False
        super().__init__(address, _Connection)

    def server_bind(self) -> None:
        """Take the address without asking anybody for the name that goes with it."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 (the names are inherited)
        """Tell the log, not the terminal."""
        _log.exception("the connection of %s", client_address)

    def hang_up(self) -> None:
        """End all watches and connections, so that their threads do."""
        self.closing = True
        for connection, stream in list(self.open.items()):
            if stream is not None:
                stream.cancel()
            _shut(connection)


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Listener

    def setup(self) -> None:
        super().setup()
        self.server.open[self.connection] = None
        if self.server.closing:
            _shut(self.connection)

    def finish(self) -> None:
        self.server.open.pop(self.connection, None)
        try:
            super().finish()
        except OSError:
            return

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True

    def _answer(self) -> None:
        response = self._asked()
        if response.forward is not None:
            self._forward(response.forward)
            return
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if isinstance(response.stream, Watch):
            self._follow(response.stream)
            return
        body = response.body if response.stream is None else b"".join(response.stream)
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def _asked(self) -> Response:
        world = self.server.world
        try:
            body = self._body()
        except ApiError as refusal:
            self.close_connection = True
            return failure(refusal)
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        request = Request(self.command, unquote(url.path), query, self._told(), body)
        try:
            with world.store.lock:
                return world.api.handle(request)
        except Exception as problem:  # noqa: BLE001 (a bug behind the door is an answer, as it is of a real server)
            _log.exception("%s %s", self.command, self.path)
            return failure(internal(f"{type(problem).__name__}: {problem}"))

    def _told(self) -> dict[str, str]:
        """Headers; one that came several times with all its values."""
        return {name: ", ".join(self.headers.get_all(name) or ()) for name in self.headers}

    def _body(self) -> bytes:
        """The body, whole.

        Raises:
            ApiError: 400 for a length that is none, 413 for one that is too much.
            ConnectionError: the client went away in the middle of it.
        """
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self._exactly(_size(self.headers.get("Content-Length") or "0", 10))
        parts, total = [], 0
        while size := _size(self.rfile.readline().split(b";")[0].decode("latin-1"), 16):
            total = _bounded(total + size)
            parts.append(self._exactly(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return b"".join(parts)

    def _exactly(self, size: int) -> bytes:
        found = self.rfile.read(size) if size else b""
        if len(found) < size:
            raise ConnectionResetError("the client went away")
        return found

    def _follow(self, stream: Watch) -> None:
        """Send the lines of a watch as chunks until it ends or the client is gone."""
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()
        stream.abandoned = self._gone
        self.server.open[self.connection] = stream
        if self.server.closing:
            stream.cancel()
        for line in stream:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(line), line))
            self.wfile.flush()
        self.server.open[self.connection] = None
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def _forward(self, forward: Forward) -> None:
        """Become a connection to ports of a pod, until one side has enough."""
        self.close_connection = True
        self.send_response_only(101)
        for name, value in agreed(forward, dict(self.headers)):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.flush()
        carry(forward, self.rfile.read1, self._write, self.server.world.store.lock)

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def _gone(self) -> bool:
        """Whether the client hung up: a socket that can be read and has nothing to say."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is inherited)
        """Say nothing: the audit has it all."""


def _size(text: str, base: int) -> int:
    if not text.strip():
        raise ConnectionResetError("the client went away")
    try:
        size = int(text, base)
    except ValueError as problem:
        raise bad_request(f"invalid length of the body: {text.strip()[:32]}") from problem
    if size < 0:
        raise bad_request(f"invalid length of the body: {size}")
    return _bounded(size)


def _bounded(size: int) -> int:
    if size > _MOST:
        raise ApiError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {_MOST}")
    return size
