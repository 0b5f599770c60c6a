"""Schemas of built-in kinds from the table of their fields, and of custom ones from their definitions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.protobuf.messages import Field, definition_name, message_of, messages
from upgrader.sandbox.store import Obj

Dialect = Literal[2, 3]
_PLACE = {2: "#/definitions/", 3: "#/components/schemas/"}
_META = "meta.v1.ObjectMeta"
_SCALARS: dict[str, Obj] = {
    "string": {"type": "string"},
    "int": {"type": "integer"},
    "bool": {"type": "boolean"},
    "float": {"type": "number"},
    "bytes": {"type": "string", "format": "byte"},
    "time": {"type": "string", "format": "date-time"},
    "micro": {"type": "string", "format": "date-time"},
    "quantity": {"type": "string"},
    "intstr": {"type": "string", "format": "int-or-string"},
    "duration": {"type": "string"},
    "fields": {"type": "object"},
    "json": {},
}
_NAMED: Obj = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}


def kind_of(resource: Resource, version: str) -> Obj:
    """The value of x-kubernetes-group-version-kind."""
    return {"group": resource.group, "kind": resource.kind, "version": version}


def name_of(resource: Resource, version: str) -> str:
    """The name of a kind's definition."""
    if resource.crd is None:
        return definition_name(f"{resource.group.partition('.')[0] or 'core'}.{version}.{resource.kind}")
    reverse = ".".join(reversed(resource.group.split(".")))
    return f"{reverse}.{version}.{resource.kind}"


def definitions(served: list[tuple[Resource, str]], dialect: Dialect) -> Obj:
    """Definitions of these kinds and of all they refer to, sorted by name."""
    found: Obj = {}
    wanted: set[str] = set()
    for resource, version in served:
        message = None if resource.crd else message_of(resource.group, version, resource.kind)
        if message is None:
            schema = _custom(resource, version, dialect)
            wanted.add(_META)
        else:
            schema = _message(message, dialect)
            schema["properties"] = _NAMED | schema["properties"]
            wanted |= set(_inner(message))
        schema["x-kubernetes-group-version-kind"] = [kind_of(resource, version)]
        found[name_of(resource, version)] = schema
    for message in _reachable(wanted):
        found.setdefault(definition_name(message), _message(message, dialect))
    return dict(sorted(found.items()))


def _reachable(wanted: set[str]) -> set[str]:
    found: set[str] = set()
    left = list(wanted)
    while left:
        message = left.pop()
        if message not in found:
            found.add(message)
            left.extend(_inner(message))
    return found


def _inner(message: str) -> Iterator[str]:
    for field in messages()[message].values():
        kind = field.type.lstrip("[]{}<^")
        if "." in kind:
            yield kind


def _message(message: str, dialect: Dialect) -> Obj:
    return {"type": "object", "properties": dict(_properties(message, dialect))}


def _properties(message: str, dialect: Dialect) -> Iterator[tuple[str, Obj]]:
    for field in messages()[message].values():
        if field.type.startswith("^"):
            yield from _properties(field.type[1:], dialect)
        else:
            yield field.name, _schema(field.type, dialect) | _patch(field)


def _patch(field: Field) -> Obj:
    found: Obj = {}
    if field.strategy:
        found["x-kubernetes-patch-strategy"] = field.strategy.replace("+", ",")
    if field.key:
        found["x-kubernetes-patch-merge-key"] = field.key
    return found


def _schema(kind: str, dialect: Dialect) -> Obj:
    if kind.startswith(("[]", "<[]")):
        return {"type": "array", "items": _schema(kind.lstrip("<")[2:], dialect)}
    if kind.startswith("{}"):
        return {"type": "object", "additionalProperties": _schema(kind[2:], dialect)}
    if "." not in kind:
        return dict(_SCALARS[kind])
    reference = {"$ref": _PLACE[dialect] + definition_name(kind)}
    return reference if dialect == 2 else {"allOf": [reference], "default": {}}


def _custom(resource: Resource, version: str, dialect: Dialect) -> Obj:
    """The schema a definition tells; anything goes where it tells none."""
    told = _told(resource.crd or {}, version)
    schema: Obj = plain(told) if dialect == 2 else dict(told)
    schema["type"] = "object"
    properties = {key: value for key, value in (schema.get("properties") or {}).items() if key != "metadata"}
    if not properties:
        schema["x-kubernetes-preserve-unknown-fields"] = True
    schema["properties"] = properties | _NAMED | {"metadata": _schema(_META, dialect)}
    return schema


def _told(crd: Obj, version: str) -> Obj:
    named: Obj = next((one for one in crd.get("versions") or () if one.get("name") == version), {})
    found: Obj = ((named.get("schema") or crd.get("validation") or {}).get("openAPIV3Schema")) or {}
    return found


def plain(schema: Any) -> Obj:
    """A version 3 schema with what version 2 can say: type, format, description, properties, items."""
    if not isinstance(schema, dict) or schema.get("x-kubernetes-preserve-unknown-fields"):
        return {}
    if schema.get("x-kubernetes-int-or-string"):
        return dict(_SCALARS["intstr"])
    found: Obj = {word: schema[word] for word in ("type", "format", "description") if word in schema}
    if isinstance(schema.get("properties"), dict):
        found["properties"] = {key: plain(value) for key, value in schema["properties"].items()}
    if "items" in schema:
        found["items"] = plain(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        found["additionalProperties"] = plain(schema["additionalProperties"])
    return found
