"""Sets of field paths as tries: the inside form of FieldsV1.

A key is a path element as FieldsV1 writes it (``f:spec``, ``k:{"name":"app"}``, ``v:"x"``); the key ``.`` says that the
path so far is itself a member. Sets are never changed in place, so that they can share their branches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

FieldSet = dict[str, "FieldSet"]

SELF = "."
LEAF: FieldSet = {SELF: {}}
"""The set whose only member is the path itself."""


def union(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of either."""
    if not left or left is right:
        return right
    if not right:
        return left
    merged = dict(left)
    for element, below in right.items():
        known = merged.get(element)
        merged[element] = below if known is None else union(known, below)
    return merged


def difference(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of left that are not in right."""
    if not left or not right:
        return left
    kept: FieldSet = {}
    for element, below in left.items():
        other = right.get(element)
        if other is None:
            kept[element] = below
        elif element != SELF:
            rest = difference(below, other)
            if rest:
                kept[element] = rest
    return kept


def intersection(left: FieldSet, right: FieldSet) -> FieldSet:
    """Members of both."""
    kept: FieldSet = {}
    for element, below in left.items():
        other = right.get(element)
        if other is None:
            continue
        if element == SELF:
            kept[SELF] = {}
            continue
        both = intersection(below, other)
        if both:
            kept[element] = both
    return kept


def without_below(fields: FieldSet, *paths: tuple[str, ...]) -> FieldSet:
    """The set without these paths and everything beneath them."""
    for path in paths:
        fields = _without(fields, path)
    return fields


def _without(fields: FieldSet, path: tuple[str, ...]) -> FieldSet:
    first, *rest = path
    if first not in fields:
        return fields
    kept = {element: below for element, below in fields.items() if element != first}
    if rest:
        below = _without(fields[first], tuple(rest))
        if below:
            kept[first] = below
    return kept


def with_parents(fields: FieldSet) -> FieldSet:
    """Every named field on the way to a member becomes a member, as structs vanish with their last owned field."""
    grown: FieldSet = {}
    for element, below in fields.items():
        if element == SELF:
            grown[SELF] = {}
            continue
        inner = with_parents(below)
        grown[element] = inner | LEAF if element.startswith("f:") else inner
    return grown


def decode(raw: Mapping[str, Any]) -> FieldSet:
    """From FieldsV1: an empty map is a member."""
    if not raw:
        return LEAF
    return {element: ({} if element == SELF else decode(below)) for element, below in raw.items()}


def encode(fields: FieldSet) -> dict[str, Any]:
    """To FieldsV1."""
    if len(fields) == 1 and SELF in fields:
        return {}
    return {element: ({} if element == SELF else encode(fields[element])) for element in sorted(fields)}


def paths(fields: FieldSet, prefix: str = "") -> Iterator[str]:
    """Members as people write them: ``.spec.containers[name="app"].image``."""
    for element in sorted(fields):
        if element == SELF:
            yield prefix
        else:
            yield from paths(fields[element], prefix + word(element))


def word(element: str) -> str:
    """One path element as people write it: ``.spec``, ``[name="app"]``, ``[="x"]``."""
    sort, _, rest = element.partition(":")
    if sort == "f":
        return f".{rest}"
    if sort == "v":
        return f"[={rest}]"
    pairs = orjson.loads(rest)
    return "[" + ",".join(f"{name}={orjson.dumps(value).decode()}" for name, value in pairs.items()) + "]"
