"""Objects as the server's own types would write them: no nulls, no empty lists, no empty maps of strings."""

from __future__ import annotations

from typing import Any

import orjson

from upgrader.sandbox.store import Obj

_MAPS = frozenset(
    {
        "labels",
        "annotations",
        "data",
        "binaryData",
        "stringData",
        "nodeSelector",
        "matchLabels",
        "limits",
        "requests",
    }
)
_KEPT_LISTS = frozenset({"rules", "endpoints", "conditions"})
RAW = frozenset({"fieldsV1", "openAPIV3Schema"})
"""Fields whose inside is kept as it was sent."""


def is_nothing(name: str, value: Any) -> bool:
    """Whether the server's own types leave the field out when it has this value."""
    if value is None:
        return True
    return not value and ((name in _MAPS and value == {}) or (value == [] and name not in _KEPT_LISTS))


def tidied(value: Any) -> Any:
    """A deep copy of a built-in object, or a part of one, in the form it is stored in."""
    if isinstance(value, list):
        return [tidied(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: inner if type(inner) is str or name in RAW else tidied(inner)
        for name, inner in value.items()
        if inner or not is_nothing(name, inner)
    }


def copied(obj: Obj) -> Obj:
    """A deep copy."""
    found: Obj = orjson.loads(orjson.dumps(obj))
    return found


def table(obj: Obj, *path: str) -> Obj:
    """The map at a path, put there when it is missing; what stands there and is no map is replaced."""
    here = obj
    for part in path:
        inner = here.get(part)
        if not isinstance(inner, dict):
            inner = here[part] = {}
        here = inner
    return here


def look(obj: Any, *path: str) -> Any:
    """The value at a path, or None."""
    for part in path:
        if not isinstance(obj, dict):
            return None
        obj = obj.get(part)
    return obj


def maps(value: Any) -> list[Obj]:
    """The maps in a list; whatever else stands there is left to validation."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def setdefaults(target: Obj, **values: Any) -> None:
    """Fill in what is missing."""
    for name, value in values.items():
        target.setdefault(name, value)
