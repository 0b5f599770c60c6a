"""The part of a live object that its installers set, by its managed fields: without defaults and what controllers fill in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from upgrader.cluster.read import managers_of
from upgrader.model.kinds import Obj


def owned(obj: Obj) -> Obj:
    """*obj* as it was applied; all of it when it has no managed fields (a document, not an object)."""
    entries = obj["metadata"].get("managedFields")
    if not entries:
        return obj
    writers = managers_of(obj)
    found: Any = {}
    for entry in entries:
        if entry.get("manager") in writers and not entry.get("subresource"):
            found = _merged(found, _part(obj, entry.get("fieldsV1") or {}))
    return found if isinstance(found, dict) else {}


def _part(value: Any, fields: Mapping[str, Any]) -> Any:
    """What of *value* a set of fields names; all of it where the set names no part."""
    named = {key: inside for key, inside in fields.items() if key != "."}
    if not named:
        return value
    if isinstance(value, list):
        return [_part(one, inside) for key, inside in named.items() for one in value if _is(one, key)]
    if not isinstance(value, dict):
        return value
    return {
        key.removeprefix("f:"): _part(value[key.removeprefix("f:")], inside)
        for key, inside in named.items()
        if key.removeprefix("f:") in value
    }


def _is(one: Any, key: str) -> bool:
    """Whether a list item is the one that ``k:{"name":"x"}`` or ``v:"x"`` names."""
    word, _, text = key.partition(":")
    wanted = json.loads(text)
    if word == "v":
        return bool(one == wanted)
    return (
        isinstance(one, dict) and isinstance(wanted, dict) and all(one.get(k) == v for k, v in wanted.items())
    )


def _merged(first: Any, second: Any) -> Any:
    if isinstance(first, dict) and isinstance(second, dict):
        return first | {k: _merged(first[k], v) if k in first else v for k, v in second.items()}
    if isinstance(first, list) and isinstance(second, list):
        return _joined(first, second)
    return second


def _joined(first: list[Any], second: list[Any]) -> list[Any]:
    """Items of the same name become one."""
    found = list(first)
    for one in second:
        name = one.get("name") if isinstance(one, dict) else None
        place = next(
            (n for n, o in enumerate(found) if name and isinstance(o, dict) and o.get("name") == name), -1
        )
        if place >= 0:
            found[place] = _merged(found[place], one)
        elif one not in found:
            found.append(one)
    return found
