"""Strict values to JSON and back: the only (de)serialiser of what we store."""

from __future__ import annotations

import hashlib
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")


def encode(value: Any) -> bytes:
    """Canonical JSON: sorted keys, no spaces. Equal values have equal bytes."""
    return msgspec.json.encode(value, order="sorted")


def pretty(value: Any) -> str:
    """The same JSON indented by two, with a final newline; stable under ``git diff``."""
    return msgspec.json.format(encode(value), indent=2).decode() + "\n"


def decode(data: bytes | str, type_: type[T]) -> T:
    """Read *data* as *type_*.

    Raises:
        msgspec.ValidationError: a field is missing, unknown or of the wrong type; the message has its path.
        msgspec.DecodeError: not JSON.
    """
    return msgspec.json.decode(data, type=type_)


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON, in hex."""
    return hashlib.sha256(encode(value)).hexdigest()
