"""Pruning of unknown fields and filling in of defaults, both in place."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from upgrader.sandbox.store import Obj

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = ("apiVersion", "kind", "metadata")
"""What every object has, whatever its schema says."""


def pruned(value: Any, schema: Obj, path: str, unknown: list[str]) -> None:
    """Remove what the schema does not name; the paths removed are added to unknown."""
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for at, item in enumerate(value):
                pruned(item, items, f"{path}[{at}]", unknown)
    elif isinstance(value, dict):
        _pruned_map(value, schema, path, unknown)


def _pruned_map(value: Obj, schema: Obj, path: str, unknown: list[str]) -> None:
    known, further = schema.get("properties") or {}, schema.get("additionalProperties")
    for name in list(value):
        if schema.get("x-kubernetes-embedded-resource") and name in EMBEDDED:
            continue
        below = known.get(name, further if isinstance(further, dict) else None)
        if below is not None:
            pruned(value[name], below, f"{path}.{name}", unknown)
        elif not schema.get(PRESERVE) and further is not True:
            del value[name]
            unknown.append(f"{path}.{name}")


def defaulted(value: Any, schema: Obj) -> None:
    """Put the schema's defaults where nothing stands, or null where null is not allowed."""
    if isinstance(value, list):
        items = schema.get("items")
        if isinstance(items, dict):
            for item in value:
                defaulted(item, items)
    elif isinstance(value, dict):
        for name, below in (schema.get("properties") or {}).items():
            missing = name not in value or (value[name] is None and not below.get("nullable"))
            if missing and "default" in below:
                value[name] = deepcopy(below["default"])
            if name in value:
                defaulted(value[name], below)
        further = schema.get("additionalProperties")
        if isinstance(further, dict):
            for inner in value.values():
                defaulted(inner, further)
