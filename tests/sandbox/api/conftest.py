"""An API server over an empty store, with the one thing a test cannot do without controllers: definitions take effect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from upgrader.sandbox.api.definitions import resource_of_crd
from upgrader.sandbox.clock import VirtualClock
from upgrader.sandbox.local import Local
from upgrader.sandbox.rest import Api, Request
from upgrader.sandbox.store import Event, Store


class Server:
    """The API and short ways to talk to it."""

    def __init__(self, kubernetes: str = "1.34.4") -> None:
        self.clock = VirtualClock()
        self.store = Store(self.clock)
        self.api = Api(self.store, kubernetes=kubernetes)
        self.store.subscribe(self._established)

    def _established(self, event: Event) -> None:
        if event.key[1] == "customresourcedefinitions" and event.type != "DELETED":
            self.api.catalogue.put(resource_of_crd(event.obj))

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        media: str = "application/json",
        *,
        query: Mapping[str, str] | None = None,
        accept: str = "application/json",
        user: str = "admin",
        **headers: str,
    ) -> tuple[int, Any]:
        """Status and decoded body."""
        raw = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        told = {"Content-Type": media, "Accept": accept, "User-Agent": "probe/1"} | headers
        answer = self.api.handle(Request(method, path, query or {}, told, raw, user))
        try:
            return answer.status, orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return answer.status, answer.body.decode()

    def local(self, user: str = "admin", agent: str = "probe") -> Local:
        """An in-process client."""
        return Local(self.api, user, agent)


@pytest.fixture
def empty() -> Server:
    """A server without any object."""
    return Server()


@pytest.fixture
def server(empty: Server) -> Server:
    """A server with the namespace ``dt``."""
    empty.local().create("/api/v1/namespaces", {"metadata": {"name": "dt"}})
    return empty
