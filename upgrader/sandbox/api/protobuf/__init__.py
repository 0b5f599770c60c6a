"""Kubernetes protobuf request bodies."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from upgrader.sandbox.api.protobuf.messages import Field, message_of, messages
from upgrader.sandbox.clock import micro_stamp, stamp
from upgrader.sandbox.errors import bad_request
from upgrader.sandbox.store import Obj

MAGIC = b"k8s\x00"
_ZERO: tuple[Any, ...] = ("", 0, False, 0.0)
_START = datetime(1970, 1, 1, tzinfo=UTC)

Wire = int | bytes


class Malformed(Exception):
    """The bytes are no protobuf message."""


def decode_unknown(body: bytes) -> Obj:
    """The object in a runtime.Unknown envelope.

    Raises:
        ApiError: 400, for bytes that are none and for kinds that are not in the table.
    """
    if not body.startswith(MAGIC):
        raise bad_request(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        envelope = dict(read(body[len(MAGIC) :]))
        types = dict(read(_bytes(envelope.get(1, b""))))
        api_version, kind = _text(types.get(1, b"")), _text(types.get(2, b""))
        raw = _bytes(envelope.get(2, b""))
        message = message_of(*_split(api_version), kind) or _meta(kind)
        if message is None:
            raise bad_request(f'no kind "{kind}" is registered for version "{api_version}" in protobuf')
        return {"kind": kind, "apiVersion": api_version, **decode(message, raw)}
    except (Malformed, UnicodeDecodeError, orjson.JSONDecodeError, OverflowError) as problem:
        raise bad_request(f"error decoding protobuf: {problem}") from problem


def _split(api_version: str) -> tuple[str, str]:
    group, _, version = api_version.rpartition("/")
    return group, version


def _meta(kind: str) -> str | None:
    """Options are sent under the group they are meant for, and are the same in all of them."""
    return f"meta.v1.{kind}" if f"meta.v1.{kind}" in messages() else None


def decode(message: str, raw: bytes) -> Obj:
    """One message as JSON; fields the table does not know are dropped, as an older server drops them.

    Raises:
        Malformed: the bytes are no message.
    """
    fields, found = messages()[message], dict[str, Any]()
    for number, wire in read(raw):
        field = fields.get(number)
        if field is not None:
            _take(found, field, wire)
    return found


def _take(found: Obj, field: Field, wire: Wire) -> None:
    if field.type.startswith("^"):
        found.update(decode(field.type[1:], _bytes(wire)))
    elif field.type.startswith("[]"):
        found.setdefault(field.name, []).append(_value(field.type[2:], wire))
    elif field.type.startswith("{}"):
        pair = dict(read(_bytes(wire)))
        kind = field.type[2:]
        value = _value(kind, pair[2]) if 2 in pair else _empty(kind)
        found.setdefault(field.name, {})[_text(pair.get(1, b""))] = value
    else:
        value = _value(field.type, wire)
        if value is not None and (field.keep or (value not in _ZERO and value != {})):
            found[field.name] = value


def _empty(kind: str) -> Any:
    return 0 if kind in {"int", "bool", "float"} else _value(kind, b"")


def _value(kind: str, wire: Wire) -> Any:
    if kind.startswith("<[]"):
        return [_value(kind[3:], item) for _, item in read(_bytes(wire))]
    if "." in kind:
        return decode(kind, _bytes(wire))
    if kind == "int":
        return _signed(wire)
    if kind == "bool":
        return bool(wire)
    raw = _bytes(wire)
    if kind == "bytes":
        return base64.b64encode(raw).decode()
    return _text(raw) if kind == "string" else _special(kind, raw)


def _special(kind: str, raw: bytes) -> Any:
    parts = dict(read(raw))
    if kind == "intstr":
        return _text(parts.get(3, b"")) if parts.get(1) else _signed(parts.get(2, 0))
    if kind in {"time", "micro"}:
        return _moment(parts, fine=kind == "micro")
    inner = _bytes(parts.get(1, b""))
    if kind == "quantity":
        return _text(inner)
    return orjson.loads(inner) if inner else None


def _moment(parts: dict[int, Wire], *, fine: bool) -> str | None:
    seconds, nanos = _signed(parts.get(1, 0)), _signed(parts.get(2, 0))
    if not seconds and not nanos:
        return None
    moment = _START + timedelta(seconds=seconds, microseconds=nanos // 1000)
    return micro_stamp(moment) if fine else stamp(moment)


def _signed(wire: Wire) -> int:
    if isinstance(wire, bytes):
        raise Malformed("wrong wire type: bytes where a number was expected")
    return wire - (1 << 64) if wire >= 1 << 63 else wire


def _bytes(wire: Wire) -> bytes:
    if isinstance(wire, int):
        raise Malformed("wrong wire type: a number where bytes were expected")
    return wire


def _text(wire: Wire) -> str:
    return _bytes(wire).decode()


def read(raw: bytes) -> Iterator[tuple[int, Wire]]:
    """Field numbers and raw values of a message, in order.

    Raises:
        Malformed: the bytes end early or name an unknown wire type.
    """
    at = 0
    while at < len(raw):
        tag, at = _varint(raw, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(raw, at)
            yield number, value
            continue
        if wire == 2:
            length, at = _varint(raw, at)
        elif wire in {1, 5}:
            length = 8 if wire == 1 else 4
        else:
            raise Malformed(f"unknown wire type {wire}")
        if at + length > len(raw):
            raise Malformed("unexpected EOF")
        yield number, raw[at : at + length]
        at += length


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(raw) and shift < 64:
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise Malformed("unexpected EOF")
