"""Validation of values against OpenAPI v3 schemas, in the words of the API server. CEL rules are not evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import orjson

from upgrader.sandbox.errors import Cause, required, unsupported
from upgrader.sandbox.store import Obj

_INVALID, _TYPE = "FieldValueInvalid", "FieldValueTypeInvalid"
_PYTHON: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def violations(value: Any, schema: Obj) -> list[Cause]:
    """Everything that is wrong, in the order of the schema."""
    return list(_check(value, schema, ""))


def _check(value: Any, schema: Obj, path: str) -> Iterator[Cause]:
    if value is None and schema.get("nullable"):
        return
    wrong_type = _wrong_type(value, schema, path)
    if wrong_type is not None:
        yield wrong_type
        return
    if "enum" in schema and value not in schema["enum"]:
        yield unsupported(path, value, [str(choice) for choice in schema["enum"]])
    if isinstance(value, dict):
        yield from _object(value, schema, path)
    elif isinstance(value, list):
        yield from _array(value, schema, path)
    elif isinstance(value, str):
        yield from _string(value, schema, path)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, path)
    yield from _logic(value, schema, path)


def _is(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _PYTHON.get(kind, (object,)))


def _wrong_type(value: Any, schema: Obj, path: str) -> Cause | None:
    if schema.get("x-kubernetes-int-or-string"):
        return (
            None if _is(value, "integer") or _is(value, "string") else _not_of(value, "integer,string", path)
        )
    kind = schema.get("type")
    return None if not kind or _is(value, kind) else _not_of(value, kind, path)


def _word(value: Any) -> str:
    return "null" if value is None else next((kind for kind in _PYTHON if _is(value, kind)), "object")


def _not_of(value: Any, kind: str, path: str) -> Cause:
    told = _word(value)
    return Cause(path, _TYPE, f'Invalid value: "{told}": {path} in body must be of type {kind}: "{told}"')


def _object(value: Obj, schema: Obj, path: str) -> Iterator[Cause]:
    lacking: set[str] = set()
    for name in schema.get("required") or ():
        if value.get(name) is None and not (name in value and _nullable(schema, name)):
            yield required(_join(path, name))
            lacking.add(name)
    known, further = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, inner in value.items():
        below = known.get(name, further)
        if isinstance(below, dict) and name not in lacking:
            yield from _check(inner, below, _join(path, name))
    if len(value) > schema.get("maxProperties", len(value)):
        yield Cause(
            path,
            "FieldValueTooMany",
            f"Too many: {len(value)}: must have at most {schema['maxProperties']} items",
        )
    if len(value) < schema.get("minProperties", 0):
        yield _body(path, value, f"should have at least {schema['minProperties']} properties")


def _nullable(schema: Obj, name: str) -> bool:
    """Whether null is a value of a member: where nothing says its type, it is."""
    below = (schema.get("properties") or {}).get(name) or {}
    return bool(below.get("nullable")) or "type" not in below


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _array(value: list[Any], schema: Obj, path: str) -> Iterator[Cause]:
    if len(value) > schema.get("maxItems", len(value)):
        yield Cause(
            path, "FieldValueTooMany", f"Too many: {len(value)}: must have at most {schema['maxItems']} items"
        )
    if len(value) < schema.get("minItems", 0):
        yield _body(path, len(value), f"should have at least {schema['minItems']} items")
    items = schema.get("items")
    if isinstance(items, dict):
        for at, item in enumerate(value):
            yield from _check(item, items, f"{path}[{at}]")
    yield from _duplicates(value, schema, path)


def _duplicates(value: list[Any], schema: Obj, path: str) -> Iterator[Cause]:
    sort, keys = schema.get("x-kubernetes-list-type"), schema.get("x-kubernetes-list-map-keys") or ()
    if sort not in {"map", "set"}:
        return
    seen: set[bytes] = set()
    for at, item in enumerate(value):
        shown = {key: item.get(key) for key in keys} if sort == "map" and isinstance(item, dict) else item
        mark = orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)
        if mark in seen:
            yield Cause(f"{path}[{at}]", "FieldValueDuplicate", f"Duplicate value: {mark.decode()}")
        seen.add(mark)


def _string(value: str, schema: Obj, path: str) -> Iterator[Cause]:
    if len(value) > schema.get("maxLength", len(value)):
        bound = schema["maxLength"]
        yield Cause(path, "FieldValueTooLong", f"Too long: may not be more than {bound} bytes")
    if len(value) < schema.get("minLength", 0):
        yield _body(path, value, f"should be at least {schema['minLength']} chars long")
    pattern = schema.get("pattern")
    if pattern:
        found = _compiled(pattern)
        if found is not None and not found.search(value):
            yield _body(path, value, f"should match '{pattern}'")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """The pattern, or None when Python does not understand it."""
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _number(value: float, schema: Obj, path: str) -> Iterator[Cause]:
    if value < schema.get("minimum", value) or (
        schema.get("exclusiveMinimum") and value == schema.get("minimum")
    ):
        yield _body(path, value, f"should be greater than or equal to {schema['minimum']}")
    if value > schema.get("maximum", value) or (
        schema.get("exclusiveMaximum") and value == schema.get("maximum")
    ):
        yield _body(path, value, f"should be less than or equal to {schema['maximum']}")


def _body(path: str, value: Any, why: str) -> Cause:
    return Cause(path, _INVALID, f"Invalid value: {orjson.dumps(value).decode()}: {path} in body {why}")


def _passes(value: Any, schema: Obj, path: str) -> bool:
    return next(_check(value, schema, path), None) is None


def _logic(value: Any, schema: Obj, path: str) -> Iterator[Cause]:
    for part in schema.get("allOf") or ():
        yield from _check(value, part, path)
    if schema.get("anyOf") and not any(_passes(value, part, path) for part in schema["anyOf"]):
        yield _told(path, value, "must validate at least one schema (anyOf)")
    if schema.get("oneOf"):
        count = sum(_passes(value, part, path) for part in schema["oneOf"])
        if count != 1:
            also = f". Found {count} valid alternatives" if count else ". Found none valid"
            yield _told(path, value, f"must validate one and only one schema (oneOf){also}")
    if schema.get("not") and _passes(value, schema["not"], path):
        yield _told(path, value, "must not validate the schema (not)")


def _told(path: str, value: Any, why: str) -> Cause:
    where = path or "<nil>"
    return Cause(where, _INVALID, f'Invalid value: {orjson.dumps(value).decode()}: "{path}" {why}')
