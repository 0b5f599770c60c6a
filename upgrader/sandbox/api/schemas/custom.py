"""The rules of a custom resource, taken from its definition."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.sandbox.api.fields.sets import word
from upgrader.sandbox.api.fields.shapes import Shape, element_of
from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.rules.shape import copied
from upgrader.sandbox.api.schemas.builtin import known_meta
from upgrader.sandbox.api.schemas.structural import EMBEDDED, PRESERVE, defaulted, pruned
from upgrader.sandbox.api.schemas.validate import violations
from upgrader.sandbox.errors import Cause
from upgrader.sandbox.store import Obj


def schema_of(resource: Resource, version: str) -> Obj:
    """The schema of a version; empty when it has none."""
    versions = (resource.crd or {}).get("versions") or ()
    found: Obj = next((v for v in versions if v.get("name") == version), {})
    return (found.get("schema") or {}).get("openAPIV3Schema") or {}


def known_custom(resource: Resource, version: str, obj: Obj, unknown: list[str]) -> Obj:
    """A deep copy with the schema's defaults and without the fields it does not have.

    Args:
        resource: Whose definition tells the schema.
        version: The version the object is in.
        obj: Not changed.
        unknown: The paths of what was dropped are added to it.
    """
    schema = schema_of(resource, version)
    found = copied(obj)
    for name, value in list(found.items()):
        if name == "metadata" and isinstance(value, dict):
            found[name] = known_meta(value, unknown)
        elif name not in EMBEDDED:
            _prune_top(found, name, value, schema, unknown)
    defaulted(found, schema)
    return found


def _prune_top(found: Obj, name: str, value: object, schema: Obj, unknown: list[str]) -> None:
    below = (schema.get("properties") or {}).get(name)
    if below is not None:
        pruned(value, below, name, unknown)
    elif not schema.get(PRESERVE):
        del found[name]
        unknown.append(name)


def check_custom(resource: Resource, version: str, obj: Obj) -> list[Cause]:
    """What the schema of a version forbids."""
    schema = schema_of(resource, version)
    return violations({name: value for name, value in obj.items() if name not in EMBEDDED}, schema)


def undeclared_custom(resource: Resource, version: str, config: Obj, shape: Shape) -> Iterator[str]:
    """Paths of fields an applied object has and the schema does not, such as ``.spec.hosts[0].name``."""
    bare = {name: value for name, value in config.items() if name not in EMBEDDED}
    yield from _undeclared(bare, schema_of(resource, version), shape, "")


def _undeclared(value: Any, schema: Obj, shape: Shape, path: str) -> Iterator[str]:
    if isinstance(value, list):
        for at, item in enumerate(value):
            place = word(element_of(shape, item)) if shape.merges else f"[{at}]"
            yield from _undeclared(item, schema.get("items") or {}, shape.of_item(), path + place)
    elif isinstance(value, dict):
        yield from _undeclared_map(value, schema, shape, path)


def _undeclared_map(value: Obj, schema: Obj, shape: Shape, path: str) -> Iterator[str]:
    known, further = schema.get("properties") or {}, schema.get("additionalProperties")
    if not known and further is None:
        return
    for name, inner in value.items():
        below = known.get(name, further if isinstance(further, dict) else None)
        if below is not None:
            yield from _undeclared(inner, below, shape.child(name), f"{path}.{name}")
        elif not (schema.get(PRESERVE) or further is True or _embedded(schema, name)):
            yield f"{path}.{name}"


def _embedded(schema: Obj, name: str) -> bool:
    return bool(schema.get("x-kubernetes-embedded-resource")) and name in EMBEDDED
