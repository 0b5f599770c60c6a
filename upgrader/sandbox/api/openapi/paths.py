"""Paths of OpenAPI documents: enough to tell which kinds there are, and what a patch may ask for."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.sandbox.api.kinds.catalogue import FIELD_VALIDATION_SINCE, Resource
from upgrader.sandbox.api.openapi.schemas import Dialect, kind_of, name_of
from upgrader.sandbox.store import Obj

_PATCHES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_ACTIONS = {
    "get": ("get", "get"),
    "update": ("put", "put"),
    "patch": ("patch", "patch"),
    "delete": ("delete", "delete"),
    "list": ("get", "list"),
    "create": ("post", "post"),
    "deletecollection": ("delete", "deletecollection"),
}


def paths(served: list[tuple[Resource, str]], minor: int, dialect: Dialect) -> Obj:
    """Path items of collections and of objects, sorted."""
    return dict(
        sorted(pair for resource, version in served for pair in _of(resource, version, minor, dialect))
    )


def _of(resource: Resource, version: str, minor: int, dialect: Dialect) -> Iterator[tuple[str, Obj]]:
    api = f"/apis/{resource.group}/{version}" if resource.group else f"/api/{version}"
    place = "/namespaces/{namespace}" if resource.namespaced else ""
    collection = f"{api}{place}/{resource.plural}"
    operations = {
        verb: _operation(resource, version, verb, minor, dialect)
        for verb in resource.verbs
        if verb in _ACTIONS
    }
    if resource.namespaced and "list" in operations:
        yield f"{api}/{resource.plural}", {"get": operations["list"]}
    many = {
        _ACTIONS[verb][0]: operations[verb]
        for verb in ("list", "create", "deletecollection")
        if verb in operations
    }
    yield collection, many
    one = {
        _ACTIONS[verb][0]: operations[verb]
        for verb in ("get", "update", "patch", "delete")
        if verb in operations
    }
    if one:
        yield collection + "/{name}", one


def _operation(resource: Resource, version: str, verb: str, minor: int, dialect: Dialect) -> Obj:
    found: Obj = {
        "x-kubernetes-action": _ACTIONS[verb][1],
        "x-kubernetes-group-version-kind": kind_of(resource, version),
        "parameters": [_parameter(name, dialect) for name in _asked(verb, minor)],
        "responses": {"200": {"description": "OK"}},
    }
    if dialect == 3 and verb in {"patch", "create", "update"}:
        schema = {"$ref": f"#/components/schemas/{name_of(resource, version)}"}
        found["requestBody"] = {
            "required": True,
            "content": {media: {"schema": schema} for media in _media(resource, verb)},
        }
    return found


def _media(resource: Resource, verb: str) -> list[str]:
    if verb != "patch":
        return ["application/json", "application/yaml"]
    return [media for media in _PATCHES if resource.crd is None or "strategic" not in media]


def _asked(verb: str, minor: int) -> list[str]:
    if verb not in {"create", "update", "patch"}:
        return []
    names = ["dryRun", "fieldManager"]
    names += ["fieldValidation"] if minor >= FIELD_VALIDATION_SINCE else []
    return names + (["force"] if verb == "patch" else [])


def _parameter(name: str, dialect: Dialect) -> Obj:
    kind = {"type": "boolean" if name == "force" else "string"}
    return {"name": name, "in": "query", **(kind if dialect == 2 else {"schema": kind})}
