"""The version 2 document in protobuf, the only form kubectl asks for it in (gnostic's OpenAPIv2.proto)."""

from __future__ import annotations

import json
from typing import Any

from upgrader.sandbox.store import Obj


def encode(document: Obj) -> bytes:
    """The bytes of an openapi.v2.Document."""
    info = document["info"]
    items = b"".join(_named(2, path, _path(item)) for path, item in document["paths"].items())
    schemas = b"".join(_named(1, name, _schema(schema)) for name, schema in document["definitions"].items())
    head = _text(1, document["swagger"]) + _bytes(2, _text(1, info["title"]) + _text(2, info["version"]))
    return head + _bytes(8, items) + _bytes(9, schemas)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(number: int, body: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(body)) + body


def _text(number: int, text: str) -> bytes:
    return _bytes(number, text.encode())


def _named(number: int, name: str, body: bytes) -> bytes:
    return _bytes(number, _text(1, name) + _bytes(2, body))


def _extensions(number: int, obj: Obj) -> bytes:
    """``x-`` keys as NamedAny, whose value is YAML; JSON is YAML."""
    found = ((key, _text(2, json.dumps(value))) for key, value in obj.items() if key.startswith("x-"))
    return b"".join(_named(number, key, value) for key, value in found)


def _path(item: Obj) -> bytes:
    numbers = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
    return b"".join(_bytes(numbers[method], _operation(one)) for method, one in item.items())


def _operation(operation: Obj) -> bytes:
    parameters = b"".join(_bytes(8, _parameter(one)) for one in operation["parameters"])
    response = _named(1, "200", _bytes(1, _text(1, "OK")))
    return parameters + _bytes(9, response) + _extensions(13, operation)


def _parameter(one: Obj) -> bytes:
    query = _text(2, one["in"]) + _text(4, one["name"]) + _text(6, one["type"])
    return _bytes(1, _bytes(2, _bytes(3, query)))


def _schema(schema: Obj) -> bytes:
    out = b""
    for key, number in (("$ref", 1), ("format", 2), ("description", 4)):
        if key in schema:
            out += _text(number, schema[key])
    if "additionalProperties" in schema:
        out += _bytes(21, _bytes(1, _schema(schema["additionalProperties"])))
    if "type" in schema:
        out += _bytes(22, _text(1, schema["type"]))
    if "items" in schema:
        out += _bytes(23, _bytes(1, _schema(schema["items"])))
    if "properties" in schema:
        out += _bytes(25, _properties(schema["properties"]))
    return out + _extensions(31, schema)


def _properties(found: dict[str, Any]) -> bytes:
    return b"".join(_named(1, name, _schema(schema)) for name, schema in found.items())
