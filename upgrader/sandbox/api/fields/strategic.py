"""Strategic merge patch."""

from __future__ import annotations

from typing import Any

from upgrader.sandbox.api.fields.patches import go_text
from upgrader.sandbox.api.fields.shapes import Shape
from upgrader.sandbox.errors import ApiError, bad_request

_ORDER = "$setElementOrder/"
_DROP = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_PATCH = "$patch"


def strategic_patch(target: Any, patch: Any, shape: Shape) -> Any:
    """The patched value; what is unchanged is shared with the target.

    Raises:
        ApiError: 400 for a patch that is no object, 500 for an unknown directive or an item without its key.
    """
    if not isinstance(patch, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}"
        )
    return _maps(target if isinstance(target, dict) else {}, patch, shape)


def _maps(target: dict[str, Any], patch: dict[str, Any], shape: Shape) -> dict[str, Any]:
    directive = patch.get(_PATCH)
    if directive == "replace":
        return {name: value for name, value in patch.items() if name != _PATCH}
    if directive == "delete":
        return {}
    if directive not in {None, "merge"}:
        shown = go_text(patch)
        raise ApiError(500, "", f"unknown patch type: {directive} in map: {shown}")
    merged = dict(target)
    if _RETAIN in patch:
        merged = {name: value for name, value in merged.items() if name in patch[_RETAIN]}
    for word, value in patch.items():
        if word in {_PATCH, _RETAIN}:
            continue
        _one(merged, word, value, patch, shape)
    return merged


def _one(merged: dict[str, Any], word: str, value: Any, patch: dict[str, Any], shape: Shape) -> None:
    if word.startswith(_DROP):
        name = word.removeprefix(_DROP)
        if name in merged:
            merged[name] = [item for item in merged[name] if item not in value]
    elif word.startswith(_ORDER):
        name = word.removeprefix(_ORDER)
        if name not in patch and name in merged:
            merged[name] = _lists(merged[name], [], shape.child(name), value)
    elif value is None:
        merged.pop(word, None)
    elif isinstance(value, dict):
        known = merged.get(word)
        merged[word] = _maps(known if isinstance(known, dict) else {}, value, shape.child(word))
    elif isinstance(value, list) and shape.child(word).strategic:
        merged[word] = _lists(merged.get(word) or [], value, shape.child(word), patch.get(_ORDER + word))
    else:
        merged[word] = value


def _key(item: Any, key: str) -> Any:
    if key == ".":
        return item
    if not isinstance(item, dict) or key not in item:
        raise ApiError(500, "", f"map: {go_text(item)} does not contain declared merge key: {key}")
    return item[key]


def _lists(target: list[Any], patch: list[Any], shape: Shape, order: list[Any] | None) -> list[Any]:
    key = shape.strategic
    replacing = [item for item in patch if isinstance(item, dict) and item.get(_PATCH) == "replace"]
    if replacing:
        return [item for item in patch if item not in replacing]
    found = {_key(item, key): item for item in target}
    told: list[Any] = []
    for item in patch:
        word = _key(item, key)
        if isinstance(item, dict) and item.get(_PATCH) == "delete":
            found.pop(word, None)
            continue
        known = found.get(word)
        found[word] = item if key == "." else _maps(known or {}, item, shape.of_item())
        told.append(word)
    wanted = told if order is None else [_key(item, key) for item in order]
    return [found[word] for word in _ordered([_key(item, key) for item in target], wanted, found)]


def _ordered(before: list[Any], wanted: list[Any], found: dict[Any, Any]) -> list[Any]:
    """Items of the patch in its order, the others put where they stood before those the server knew."""
    right = list(dict.fromkeys(word for word in wanted if word in found))
    left = [word for word in found if word not in right]
    result: list[Any] = []
    while left and right:
        first, second = left[0], right[0]
        ahead = first in before and second in before and before.index(first) < before.index(second)
        result.append((left if ahead else right).pop(0))
    return result + left + right
