import errno
import http.client
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import orjson
import pytest

from upgrader.sandbox.api.backend import Backend, Call
from upgrader.sandbox.api.content import Form, failure
from upgrader.sandbox.api.discovery import discovery
from upgrader.sandbox.api.target import parse
from upgrader.sandbox.api.watching import watch
from upgrader.sandbox.api.wire import Request, Response
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.serving.life import Life
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.store import Store
from upgrader.sandbox.world import World


class Shelf:
    """A door with little behind it: discovery, watches, and an answer that repeats the question."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.store: Store = backend.store
        self.broken = False
        self.asked: list[str] = []

    @property
    def api(self) -> "Shelf":
        return self

    def handle(self, request: Request) -> Response:
        self.asked.append(request.path)
        if self.broken:
            raise KeyError("a bug")
        try:
            found = discovery(self.backend, request)
            if found is not None:
                return found
            target = parse(self.backend.catalogue, request.path)
            return watch(Call(self.backend, request, target, "watch"), Form())
        except ApiError as refusal:
            if refusal.status == 404:
                said = {
                    "method": request.method,
                    "path": request.path,
                    "query": request.query,
                    "as": request.header("Impersonate-User"),
                }
                return Response(200, {}, orjson.dumps(said | {"body": request.body.decode()}))
            return failure(refusal)


@pytest.fixture
def shelf(backend: Backend) -> Shelf:
    return Shelf(backend)


@pytest.fixture
def server(shelf: Shelf) -> Iterator[Server]:
    before = threading.active_count()
    with Server(shelf) as server:
        yield server
    assert threading.active_count() == before


@pytest.fixture
def connection(server: Server) -> Iterator[http.client.HTTPConnection]:
    where = urlsplit(server.url)
    assert where.hostname
    connection = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    yield connection
    connection.close()


def ask(
    connection: http.client.HTTPConnection, path: str, method: str = "GET", **options: Any
) -> tuple[int, Any]:
    connection.request(method, path, **options)
    response = connection.getresponse()
    return response.status, orjson.loads(response.read() or b"null")


def test_a_request_reaches_the_door_as_it_was_sent(connection: http.client.HTTPConnection) -> None:
    status, said = ask(connection, "/x/a%20b?dryRun=All&labelSelector=a%3Db&force=", "PATCH", body=b"{}")
    assert status == 200
    assert said["path"] == "/x/a b"
    assert said["query"] == {"dryRun": "All", "labelSelector": "a=b", "force": ""}
    assert (said["method"], said["body"]) == ("PATCH", "{}")


def test_a_body_in_chunks_is_read_whole(connection: http.client.HTTPConnection) -> None:
    assert (
        ask(connection, "/x", "POST", body=iter([b"one", b"two"]), encode_chunked=True)[1]["body"] == "onetwo"
    )


def test_one_connection_serves_many_requests(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "/api")[0] == 200
    first = connection.sock
    assert ask(connection, "/apis")[1]["kind"] == "APIGroupList"
    assert connection.sock is first


def test_a_head_has_the_length_and_no_body(connection: http.client.HTTPConnection) -> None:
    connection.request("HEAD", "/api")
    response = connection.getresponse()
    assert int(response.headers["Content-Length"]) > 0
    assert response.read() == b""


def test_headers_reach_the_door_whatever_their_case(connection: http.client.HTTPConnection) -> None:
    assert ask(connection, "/x", headers={"impersonate-user": "bob"})[1]["as"] == "bob"


def test_a_bug_behind_the_door_is_an_internal_error(
    connection: http.client.HTTPConnection, shelf: Shelf
) -> None:
    shelf.broken = True
    status, refusal = ask(connection, "/x")
    assert (status, refusal["reason"]) == (500, "InternalError")


def test_a_watch_streams_while_others_write(connection: http.client.HTTPConnection, shelf: Shelf) -> None:
    connection.request("GET", "/api/v1/pods?watch=1&timeoutSeconds=60")
    response = connection.getresponse()
    assert response.headers["Transfer-Encoding"] == "chunked"
    for name in ("a", "b"):
        shelf.store.put(("", "pods", "shop", name), {"metadata": {"name": name, "namespace": "shop"}})
        assert orjson.loads(response.readline())["object"]["metadata"]["name"] == name


@pytest.mark.slow
def test_a_watch_ends_when_its_time_is_over(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/api/v1/pods?watch=1&timeoutSeconds=1&allowWatchBookmarks=true")
    assert orjson.loads(connection.getresponse().read())["type"] == "BOOKMARK"


def test_stopping_ends_idle_connections_and_running_watches(shelf: Shelf) -> None:
    before = threading.active_count()
    server = Server(shelf).start()
    where = urlsplit(server.url)
    assert where.hostname
    idle, watching = (http.client.HTTPConnection(where.hostname, where.port, timeout=10) for _ in range(2))
    assert ask(idle, "/api")[0] == 200
    watching.request("GET", "/api/v1/pods?watch=1")
    watching.getresponse()
    server.stop()
    assert threading.active_count() == before
    for connection in (idle, watching):
        connection.close()


def test_a_watch_whose_client_hung_up_ends_by_itself(shelf: Shelf) -> None:
    before = threading.active_count()
    with Server(shelf) as server:
        where = urlsplit(server.url)
        with socket.create_connection((where.hostname, where.port), timeout=10) as client:
            client.sendall(b"GET /api/v1/pods?watch=1 HTTP/1.1\r\nHost: sandbox\r\n\r\n")
            client.recv(64)
            (thread,) = (t for t in threading.enumerate() if "process_request_thread" in t.name)
        thread.join(timeout=10)
        assert not thread.is_alive()
        assert threading.active_count() == before + 1


def test_a_server_that_was_never_started_can_be_stopped(shelf: Shelf) -> None:
    Server(shelf).stop()


def _raw(server: Server) -> socket.socket:
    where = urlsplit(server.url)
    return socket.create_connection((where.hostname, where.port), timeout=10)


def _after(shelf: Shelf, server: Server) -> None:
    """Somebody else is still served."""
    where = urlsplit(server.url)
    assert where.hostname
    other = http.client.HTTPConnection(where.hostname, where.port, timeout=10)
    assert ask(other, "/api")[0] == 200
    other.close()
    assert shelf.asked


@pytest.mark.parametrize(
    "half",
    [
        b"POST /x HTTP/1.1\r\nHost: s\r\nContent-Length: 100\r\n\r\n{",
        b"POST /x HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nabc",
        b"POST /x HTTP/1.1\r\nHost: s\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /x HTT",
    ],
)
def test_a_client_that_dies_in_the_middle_of_a_request_asked_nothing(shelf: Shelf, half: bytes) -> None:
    before = threading.active_count()
    with Server(shelf) as server:
        with _raw(server) as client:
            client.sendall(half)
        _after(shelf, server)
    assert [path for path in shelf.asked if path == "/x"] == []
    assert threading.active_count() == before


def test_a_client_that_falls_silent_in_the_middle_of_a_request_does_not_hold_up_the_end(shelf: Shelf) -> None:
    before = threading.active_count()
    with Server(shelf) as server, _raw(server) as client:
        client.sendall(b"POST /x HTTP/1.1\r\nHost: s\r\nContent-Length: 100\r\n\r\n{")
        _after(shelf, server)
        server.stop()
        assert threading.active_count() == before


@pytest.mark.parametrize(
    ("head", "status"),
    [("Content-Length: many", 400), ("Content-Length: -1", 400), ("Content-Length: 9999999", 413)],
)
def test_a_length_that_is_none_is_refused(server: Server, head: str, status: int) -> None:
    with _raw(server) as client:
        client.sendall(f"POST /x HTTP/1.1\r\nHost: s\r\n{head}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: client.recv(4096), b""))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert orjson.loads(answer.partition(b"\r\n\r\n")[2])["kind"] == "Status"


def test_an_address_in_use_is_told_as_an_operating_system_error(server: Server, shelf: Shelf) -> None:
    port = urlsplit(server.url).port
    assert port
    with pytest.raises(OSError, match=r"(?i)in use") as refused:
        Server(shelf, port=port)
    assert refused.value.errno == errno.EADDRINUSE


def test_the_address_is_free_again_as_soon_as_the_server_has_stopped(shelf: Shelf) -> None:
    with Server(shelf) as server:
        port = urlsplit(server.url).port
        assert port
        _after(shelf, server)
    with Server(shelf, port=port) as again:
        _after(shelf, again)


@pytest.mark.slow
def test_clients_that_write_at_once_lose_nothing_and_a_watch_sees_all() -> None:
    world, path = World(), "/api/v1/namespaces/default/configmaps"
    with Server(world) as server, Life(world):
        where = urlsplit(server.url)
        assert where.hostname

        def client() -> http.client.HTTPConnection:
            return http.client.HTTPConnection(str(where.hostname), where.port, timeout=30)

        def write(who: int) -> None:
            mine = client()
            for number in range(25):
                told = orjson.dumps({"metadata": {"name": f"c-{who}-{number}"}})
                assert ask(mine, path, "POST", body=told)[0] == 201
            mine.close()

        watching = client()
        watching.request("GET", f"{path}?watch=1&resourceVersion={world.store.revision}")
        lines = watching.getresponse()
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(write, range(4)))
        seen = {orjson.loads(lines.readline())["object"]["metadata"]["name"] for _ in range(100)}
        watching.close()
    wanted = {f"c-{who}-{number}" for who in range(4) for number in range(25)}
    assert seen == wanted
    assert wanted <= {obj["metadata"]["name"] for obj in world.store.list("", "configmaps", "default")}
