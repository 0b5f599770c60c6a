"""Strict field validation of built-in kinds: which fields of an object the kind does not have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.protobuf.messages import Field, message_of, messages
from upgrader.sandbox.errors import bad_request
from upgrader.sandbox.store import Obj


def refuse_unknown(call: Call, obj: Obj) -> None:
    """Refuse a built-in object, in stored form, with fields its kind does not have, if the client asked for that.

    Kinds that share the objects of another group are not looked at, nor are kinds whose fields are not known.

    Raises:
        ApiError: 400 under ``fieldValidation=Strict``.
    """
    resource = call.target.resource
    if call.request.query.get("fieldValidation") != "Strict" or resource.home[0] != resource.group:
        return
    message = message_of(resource.group, resource.hub, resource.kind)
    if message is None:
        return
    named = {key: value for key, value in obj.items() if key not in {"kind", "apiVersion"}}
    found = list(unknown_fields(message, named))
    if found:
        kind, told = resource.kind, ", ".join(f'unknown field "{path}"' for path in found)
        where = f'{kind} in version "{call.target.version}" cannot be handled as a {kind}'
        raise bad_request(f"{where}: strict decoding error: {told}")


@cache
def _named(message: str) -> Mapping[str, Field]:
    """Fields by their names in JSON, those of inlined messages included."""
    found: dict[str, Field] = {}
    for field in messages()[message].values():
        if field.type.startswith("^"):
            found.update(_named(field.type[1:]))
        else:
            found[field.name] = field
    return found


def unknown_fields(message: str, obj: Obj, path: str = "") -> Iterator[str]:
    """Paths of the fields a message does not have, such as ``spec.containers[0].imago``."""
    fields = _named(message)
    for name, value in obj.items():
        here = f"{path}.{name}" if path else name
        field = fields.get(name)
        if field is None:
            yield here
        elif "." in field.type:
            yield from _below(field.type, value, here)


def _below(kind: str, value: Any, path: str) -> Iterator[str]:
    if kind.startswith("[]") and isinstance(value, list):
        for number, item in enumerate(value):
            yield from _below(kind[2:], item, f"{path}[{number}]")
    elif kind.startswith("{}") and isinstance(value, dict):
        for key, item in value.items():
            yield from _below(kind[2:], item, f"{path}.{key}")
    elif isinstance(value, dict):
        yield from unknown_fields(kind, value, path)
