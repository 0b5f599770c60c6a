"""The two API servers that answer the same requests: the sandbox, and a real one that a kubeconfig leads to."""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import orjson
from kubernetes import client, config

from upgrader.sandbox.serving.life import Life
from upgrader.sandbox.serving.server import Server
from upgrader.sandbox.world import World

KUBECONFIG = "UPGRADER_BED_KUBECONFIG"
"""Environment variable: the kubeconfig of an administrator of the real server."""
ETCD = "UPGRADER_BED_ETCD"
"""Environment variable: the client URL of the real server's etcd, without which nothing can be compacted at will."""
AGENT = "conformance/1"
_PATIENCE = 60.0
_SPEED = 40


@dataclass(frozen=True)
class Answer:
    """One answer; ``body`` is decoded where it is JSON, else text; a header told twice has two lines."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass
class Face:
    """Sends requests to one API server over HTTP, one connection at a time. Not for several threads."""

    url: str
    tls: ssl.SSLContext | None = None
    token: str = ""
    _open: http.client.HTTPConnection | None = field(default=None, init=False)

    def send(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        """The answer to a request; every status is one.

        Raises:
            OSError: nobody listens.
        """
        if self._open is None:
            self._open = self._connect()
        try:
            self._open.request(method, path, body, self._told(headers))
            found = self._open.getresponse()
            raw = found.read()
        except (http.client.HTTPException, OSError):
            self.close()
            raise
        told = {name.lower(): "\n".join(found.headers.get_all(name, ())) for name in found.headers}
        return Answer(found.status, told, _decoded(raw))

    def events(self, path: str, headers: Mapping[str, str]) -> Iterator[Any]:
        """The events of a watch as they come; hanging up is the caller's, by closing the iterator."""
        with closing(self._connect()) as connection:
            connection.request("GET", path, headers=self._told(headers))
            found = connection.getresponse()
            if found.status != 200:
                yield _decoded(found.read())
                return
            while line := found.readline():
                yield orjson.loads(line)

    def close(self) -> None:
        """Hang up; the next request connects anew."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def _connect(self) -> http.client.HTTPConnection:
        url = urlsplit(self.url)
        host, port = url.hostname or "", url.port
        if url.scheme == "https":
            return http.client.HTTPSConnection(host, port, context=self.tls, timeout=_PATIENCE)
        return http.client.HTTPConnection(host, port, timeout=_PATIENCE)

    def _told(self, headers: Mapping[str, str]) -> dict[str, str]:
        whose = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"User-Agent": AGENT, **whose, **headers}


def _decoded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return raw.decode()


class Place(Protocol):
    """An API server together with what only whoever runs it can do."""

    @property
    def pause(self) -> float:
        """Real seconds between two looks at what controllers make of things."""
        ...

    def face(self) -> Face:
        """A connection of one's own."""
        ...

    def outsider(self, user: str) -> None:
        """See to it that this user may do nothing."""
        ...

    def compact(self) -> bool:
        """Forget the history of changes; False where nobody can."""
        ...


@dataclass(frozen=True)
class Sandbox:
    """A served world without nodes, so that nobody but a case makes a pod ready."""

    world: World
    url: str
    pause: float = 0.01

    def face(self) -> Face:
        return Face(self.url)

    def outsider(self, user: str) -> None:
        self.world.api.rbac.deny(user)

    def compact(self) -> bool:
        self.world.store.compact(self.world.store.revision)
        return True


@dataclass(frozen=True)
class Real:
    """The server of a kubeconfig."""

    url: str
    tls: ssl.SSLContext | None
    token: str
    etcd: str = ""
    pause: float = 0.1

    def face(self) -> Face:
        return Face(self.url, self.tls, self.token)

    def outsider(self, user: str) -> None:
        """Nothing to do: RBAC allows nothing that is not granted."""

    def compact(self) -> bool:
        if not self.etcd:
            return False
        etcd = Face(self.etcd)
        told = etcd.send("POST", "/v3/kv/range", b'{"key":"AA=="}', {}).body
        revision = int(told["header"]["revision"])
        done = etcd.send(
            "POST", "/v3/kv/compaction", orjson.dumps({"revision": revision, "physical": True}), {}
        )
        etcd.close()
        return done.status == 200


@contextmanager
def sandbox(kubernetes: str) -> Iterator[Sandbox]:
    """A sandbox of this version that lives as long as the block."""
    world = World(kubernetes=kubernetes, nodes=0)
    world.api.rbac.tokens["known"] = "admin"  # else any token would do
    with Server(world) as server, Life(world, speed=_SPEED):
        yield Sandbox(world, server.url)


def real() -> Real | None:
    """The server the environment names, or None."""
    path = os.environ.get(KUBECONFIG, "")
    if not path:
        return None
    told = client.Configuration()
    config.load_kube_config(config_file=path, client_configuration=told)
    tls = None
    if told.host.startswith("https"):
        tls = ssl.create_default_context(cafile=told.ssl_ca_cert)
        if told.cert_file:
            tls.load_cert_chain(told.cert_file, told.key_file)
    bearer = told.auth_settings().get("BearerToken", {}).get("value") or ""
    return Real(told.host, tls, bearer.removeprefix("Bearer "), os.environ.get(ETCD, ""))


def version_of(place: Place) -> str:
    """The version of Kubernetes that a place says it is, for example ``1.34.4``."""
    face = place.face()
    told = face.send("GET", "/version", None, {}).body["gitVersion"]
    face.close()
    return str(told).removeprefix("v")
