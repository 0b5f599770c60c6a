from collections.abc import Callable
from typing import Any

import pytest

from upgrader.sandbox.api.access.rbac import Rbac
from upgrader.sandbox.api.backend import Backend, Call
from upgrader.sandbox.api.kinds.catalogue import Catalogue
from upgrader.sandbox.api.target import parse
from upgrader.sandbox.api.wire import Request
from upgrader.sandbox.clock import VirtualClock
from upgrader.sandbox.store import Store

Obj = dict[str, Any]


@pytest.fixture
def backend() -> Backend:
    return Backend(Store(VirtualClock()), Catalogue(34), Rbac(), "1.34")


@pytest.fixture
def put(backend: Backend) -> Callable[..., Obj]:
    """Stores an object as it is, without a door in between."""

    def put(plural: str, obj: Obj, group: str = "") -> Obj:
        meta = obj["metadata"]
        return backend.store.put((group, plural, meta.get("namespace", ""), meta["name"]), obj)

    return put


@pytest.fixture
def call(backend: Backend) -> Callable[..., Call]:
    def call(path: str, verb: str = "watch", accept: str = "", **query: str) -> Call:
        headers = {"Accept": accept} if accept else {}
        return Call(backend, Request("GET", path, query, headers), parse(backend.catalogue, path), verb)

    return call
