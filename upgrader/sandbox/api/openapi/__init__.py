"""OpenAPI, as far as kubectl and istioctl use it: explain, client-side apply, and whether the server validates fields."""

from __future__ import annotations

import hashlib

import orjson

from upgrader.sandbox.api.backend import Backend
from upgrader.sandbox.api.discovery import remembered
from upgrader.sandbox.api.kinds.catalogue import Catalogue, Resource
from upgrader.sandbox.api.openapi.paths import paths
from upgrader.sandbox.api.openapi.schemas import Dialect, definitions
from upgrader.sandbox.api.openapi.wire import encode
from upgrader.sandbox.api.wire import JSON, Request, Response
from upgrader.sandbox.errors import ApiError, method_not_allowed, no_such_path
from upgrader.sandbox.store import Obj

_V3_SINCE = 24
_PROTOBUF_V2 = (
    "application/com.github.proto-openapi.spec.v2@v1.0+protobuf",
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf",
)
_GIVEN_V2 = _PROTOBUF_V2[1]
"""What the answer is called: Go cannot parse a media type with an @."""
_ANY = (JSON, "application/*", "*/*", "")


def openapi(backend: Backend, request: Request) -> Response | None:
    """The answer to a path under ``/openapi``; None when the path is none.

    Raises:
        ApiError: 404 for documents this minor does not have, 406 for forms it cannot give, 405 for writes.
    """
    parts = request.path.strip("/").split("/")
    if parts[0] != "openapi" or len(parts) < 2:
        return None
    if request.method not in {"GET", "HEAD"}:
        raise method_not_allowed()
    if parts[1:] == ["v2"]:
        return _second(backend, request)
    if parts[1] != "v3" or backend.catalogue.minor < _V3_SINCE:
        raise no_such_path()
    _choose(request, _ANY)
    return Response(200, {"Content-Type": JSON, "Vary": "Accept"}, _third(backend, parts[2:]))


def _choose(request: Request, offered: tuple[str, ...]) -> str:
    for clause in request.header("Accept").split(","):
        media = clause.partition(";")[0].strip()
        if media in offered:
            return media
    raise ApiError(406, "NotAcceptable", "406: Not Acceptable", text="406 Not Acceptable\n")


def _second(backend: Backend, request: Request) -> Response:
    chosen = _choose(request, _PROTOBUF_V2 + _ANY)
    catalogue = backend.catalogue
    if chosen not in _PROTOBUF_V2:
        body = remembered(catalogue, "openapi/v2", lambda: orjson.dumps(_document2(backend)))
        return Response(200, {"Content-Type": JSON, "Vary": "Accept"}, body)
    body = remembered(catalogue, "openapi/v2.pb", lambda: encode(_document2(backend)))
    return Response(200, {"Content-Type": _GIVEN_V2, "Vary": "Accept"}, body)


def _document2(backend: Backend) -> Obj:
    catalogue = backend.catalogue
    served = [(resource, version) for resource in catalogue for version in resource.versions]
    return {
        "swagger": "2.0",
        "info": _info(backend),
        "paths": paths(served, catalogue.minor, 2),
        "definitions": definitions(served, 2),
    }


def _info(backend: Backend) -> Obj:
    return {"title": "Kubernetes", "version": f"v{backend.kubernetes.removeprefix('v')}"}


def _third(backend: Backend, parts: list[str]) -> bytes:
    catalogue = backend.catalogue
    if not parts:
        return remembered(catalogue, "openapi/v3", lambda: orjson.dumps(_index(backend)))
    group, version = ("", parts[1]) if parts[0] == "api" and len(parts) == 2 else _named(parts)
    served = _of(catalogue, group, version)
    if not served:
        raise no_such_path()
    return remembered(
        catalogue, f"openapi/v3/{group}/{version}", lambda: orjson.dumps(_document3(backend, served))
    )


def _named(parts: list[str]) -> tuple[str, str]:
    if parts[0] != "apis" or len(parts) != 3:
        raise no_such_path()
    return parts[1], parts[2]


def _of(catalogue: Catalogue, group: str, version: str) -> list[tuple[Resource, str]]:
    return [(one, version) for one in catalogue if one.group == group and version in one.versions]


def _index(backend: Backend) -> Obj:
    found: Obj = {}
    for group, versions in backend.catalogue.groups().items():
        for version in versions:
            name = f"apis/{group}/{version}" if group else f"api/{version}"
            body = _third(backend, name.split("/"))
            mark = hashlib.sha256(body).hexdigest().upper()
            found[name] = {"serverRelativeURL": f"/openapi/v3/{name}?hash={mark}"}
    return {"paths": found}


def _document3(backend: Backend, served: list[tuple[Resource, str]]) -> Obj:
    dialect: Dialect = 3
    return {
        "openapi": "3.0.0",
        "info": _info(backend),
        "paths": paths(served, backend.catalogue.minor, dialect),
        "components": {"schemas": definitions(served, dialect)},
    }
