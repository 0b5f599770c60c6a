"""The API server on a socket: plain HTTP/1.1 from the standard library, one thread a connection."""

from __future__ import annotations

import logging
import select
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from upgrader.sandbox.api.content import failure
from upgrader.sandbox.api.watching import Watch
from upgrader.sandbox.api.wire import Request, Response
from upgrader.sandbox.clock import Clock, VirtualClock
from upgrader.sandbox.errors import internal
from upgrader.sandbox.store import Store

_TICK = 0.02
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


class Living(Served, Protocol):
    """What lives while it is served."""

    @property
    def clock(self) -> Clock: ...

    def settle(self) -> Any: ...

    def advance(self, seconds: float) -> Any: ...


class Server:
    """Serves a world until stopped; requests are answered one after the other, watches beside them.

    Attributes:
        url: Where it listens, known from the start, for example http://127.0.0.1:40123.
    """

    def __init__(self, world: Served, host: str = "127.0.0.1", port: int = 0) -> None:
        self._listener = _Listener((host, port), world)
        self.url = f"http://{host}:{self._listener.server_address[1]}"
        self._thread: threading.Thread | None = None

    def start(self) -> Server:
        """Begin to answer; returns at once."""
        self._thread = threading.Thread(
            target=self._listener.serve_forever, args=(0.01,), name="sandbox-server"
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Close every connection and wait until the last thread has ended."""
        if self._thread is not None:
            self._listener.shutdown()
            self._thread.join()
            self._thread = None
        self._listener.hang_up()
        self._listener.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Listener(ThreadingHTTPServer):
    daemon_threads = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], world: Served) -> None:
        self.world = world
        self.open: dict[socket.socket, Watch | None] = {}
        self.closing = False
        super().__init__(address, _Connection)

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
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if isinstance(response.stream, Watch):
            self._follow(response.stream)
            return
        body = response.body if response.stream is None else b"".join(response.stream)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _answer  # noqa: N815

    def _asked(self) -> Response:
        world, body = self.server.world, self._body()
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        request = Request(self.command, unquote(url.path), query, dict(self.headers.items()), body)
        try:
            with world.store.lock:
                return world.api.handle(request)
        except Exception as problem:  # noqa: BLE001 (a bug behind the door is an answer, as it is of a real server)
            _log.exception("%s %s", self.command, self.path)
            return failure(internal(f"{type(problem).__name__}: {problem}"))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            continue
        return b"".join(parts)

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

    def _gone(self) -> bool:
        """Whether the client hung up: a socket that can be read and has nothing to say."""
        readable, _, _ = select.select([self.connection], [], [], 0)
        return bool(readable) and not self.connection.recv(1, socket.MSG_PEEK)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the name is inherited)
        """Say nothing: the audit has it all."""


class Life:
    """Lets a world live in real time, from start to stop: changes at once, timers when they are due.

    A world on a virtual clock is advanced by the real time that passed, times ``speed``; on a scaled clock time passes by itself.
    """

    def __init__(self, world: Living, speed: float = 1.0) -> None:
        self._world = world
        self._speed = speed
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sandbox-life")

    def start(self) -> Life:
        """Begin; returns at once."""
        self._thread.start()
        return self

    def stop(self) -> None:
        """End, and wait until its thread has."""
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        world, last = self._world, time.monotonic()
        while not self._over.is_set():
            now = time.monotonic()
            with world.store.lock:
                if isinstance(world.clock, VirtualClock):
                    world.advance((now - last) * self._speed)
                world.settle()
                revision = world.store.revision
            last = now
            world.store.wait(revision, _TICK)


def run_world(world: Living, speed: float = 1.0) -> Life:
    """A started ``Life`` of the world; stop it to end its thread."""
    return Life(world, speed).start()
