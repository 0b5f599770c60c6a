"""The fields of a value, and those in which two values differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from upgrader.sandbox.api.fields.sets import LEAF, SELF, FieldSet, union, word
from upgrader.sandbox.api.fields.shapes import Shape, element_of

MISSING: Any = object()

Diff = tuple[FieldSet, FieldSet]
"""Fields added or changed, and fields removed."""

_SAME: Diff = ({}, {})


def applied_fields(value: Any, shape: Shape) -> FieldSet:
    """What somebody who applies this value claims."""
    if isinstance(value, dict):
        return LEAF if shape.atomic else _applied_map(value, shape)
    if isinstance(value, list):
        return _applied_list(value, shape) if shape.merges else LEAF
    return LEAF


def _applied_map(value: dict[str, Any], shape: Shape) -> FieldSet:
    found: FieldSet = {}
    for name, inner in value.items():
        below = applied_fields(inner, shape.child(name))
        if inner is None or inner == {} or (shape.open and name not in shape.fields):
            below = below | LEAF
        if below:
            found[f"f:{name}"] = below
    return found


def _applied_list(value: list[Any], shape: Shape) -> FieldSet:
    inner = shape.of_item()
    if shape.unique:
        return {element_of(shape, item): LEAF for item in value}
    return {element_of(shape, item): applied_fields(item, inner) | LEAF for item in value}


def all_fields(value: Any, shape: Shape) -> FieldSet:
    """Every path of a value, the ones on the way included."""
    if isinstance(value, dict) and not shape.atomic:
        found = {f"f:{name}": all_fields(inner, shape.child(name)) for name, inner in value.items()}
        found[SELF] = {}
        return found
    if isinstance(value, list) and shape.merges:
        inner = shape.of_item()
        found = {element_of(shape, item): LEAF if shape.unique else all_fields(item, inner) for item in value}
        found[SELF] = {}
        return found
    return LEAF


def compare(old: Any, new: Any, shape: Shape) -> Diff:
    """Where new differs from old; null counts as an empty map or list beside one."""
    if old is MISSING:
        return all_fields(new, shape), {}
    if new is MISSING:
        return {}, all_fields(old, shape)
    if old is new or old == new:
        return _SAME
    if not shape.atomic and _pair(old, new, dict):
        return _compare_maps(old or {}, new or {}, shape)
    if shape.merges and _pair(old, new, list):
        return _compare_lists(old or [], new or [], shape)
    return LEAF, {}


def _pair(old: Any, new: Any, sort: type) -> bool:
    return (old is None or isinstance(old, sort)) and (new is None or isinstance(new, sort))


def _compare_maps(old: dict[str, Any], new: dict[str, Any], shape: Shape) -> Diff:
    changed: FieldSet = {}
    removed: FieldSet = {}
    for name in old.keys() | new.keys():
        more, less = compare(old.get(name, MISSING), new.get(name, MISSING), shape.child(name))
        if more:
            changed[f"f:{name}"] = more
        if less:
            removed[f"f:{name}"] = less
    return changed, removed


def _compare_lists(old: list[Any], new: list[Any], shape: Shape) -> Diff:
    before = {element_of(shape, item): item for item in old}
    after = {element_of(shape, item): item for item in new}
    changed: FieldSet = {}
    removed: FieldSet = {}
    inner = shape.of_item()
    for element in before.keys() | after.keys():
        more, less = compare(before.get(element, MISSING), after.get(element, MISSING), inner)
        if more:
            changed[element] = union(changed.get(element, {}), more)
        if less:
            removed[element] = less
    return changed, removed


def repeated(value: Any, shape: Shape, path: str = "") -> Iterator[str]:
    """What is wrong with lists that have an element of the same key twice."""
    if isinstance(value, dict) and not shape.atomic:
        for name, inner in value.items():
            if type(inner) is dict or type(inner) is list:
                yield from repeated(inner, shape.child(name), f"{path}.{name}")
    elif isinstance(value, list) and shape.merges:
        elements = [element_of(shape, item) for item in value]
        for element in dict.fromkeys(each for each in elements if elements.count(each) > 1):
            yield f"{path}: duplicate entries for key {word(element)}"
        for element, item in zip(elements, value, strict=True):
            yield from repeated(item, shape.of_item(), path + word(element))
