"""Built-in objects as the server's own types hold them: what the kind does not have is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from upgrader.sandbox.api.fields.sets import word
from upgrader.sandbox.api.fields.shapes import Shape, element_of
from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.protobuf.messages import Field, message_of, messages
from upgrader.sandbox.api.rules.shape import RAW, is_nothing, tidied
from upgrader.sandbox.store import Obj

_PARTS = frozenset(
    {"core.v1.PodTemplateSpec", "core.v1.PersistentVolumeClaimTemplate", "batch.v1.JobTemplateSpec"}
)
"""What has metadata and is no object of its own."""

_SCALARS = frozenset({str, int, bool, float})
_PLAIN, _AS_IS, _ONE, _LIST, _MAP = range(5)
_TYPES: Mapping[str, type] = {
    "string": str,
    "int": int,
    "bool": bool,
    "bytes": str,
    "time": str,
    "micro": str,
}
Known = tuple[int, str, type | None]
"""How a field is gone into, the message beneath it, and the type of a scalar where only one will do."""


class Mistyped(Exception):
    """A field holds a scalar of another type than its kind has: the server's decoder gives up."""


def known_builtin(resource: Resource, obj: Obj, unknown: list[str]) -> Obj:
    """A deep copy of an object in stored form, without nulls, empty lists and fields its kind does not have.

    Args:
        resource: Of kinds whose fields are not known nothing is dropped.
        obj: Not changed.
        unknown: The paths of what was dropped are added to it, such as ``spec.containers[0].imago``.

    Raises:
        Mistyped: a string where a number belongs, or the like.
    """
    message = message_of(resource.home[0], resource.hub, resource.kind)
    if message is None:
        whole: Obj = tidied(obj)
        return whole
    lost: list[str] = []
    found = _kept(obj, message, lost)
    if lost:
        unknown.extend(unknown_fields(message, obj))
    return found


def known_meta(meta: Obj, unknown: list[str]) -> Obj:
    """Metadata of any object, without the fields no metadata has."""
    lost: list[str] = []
    found = _kept(meta, "meta.v1.ObjectMeta", lost)
    unknown.extend(f"metadata.{name}" for name in lost)
    return found


@cache
def _fields(message: str) -> Mapping[str, Known]:
    """Fields by their names in JSON, those of inlined messages included."""
    found: dict[str, Known] = {}
    for field in messages()[message].values():
        if field.type.startswith("^"):
            found.update(_fields(field.type[1:]))
        else:
            found[field.name] = _known(field)
            if field.type == "meta.v1.ObjectMeta" and message not in _PARTS:
                found["kind"] = found["apiVersion"] = (_PLAIN, "", str)
    return found


def _known(field: Field) -> Known:
    bare = field.type.lstrip("[]{}<")
    if field.name in RAW or bare in {"json", "fields"}:
        return (_AS_IS, "", None)
    if "." not in bare:
        return (_PLAIN, "", _TYPES.get(field.type))
    return ({"[": _LIST, "{": _MAP}.get(field.type[0], _ONE), bare, None)


def _kept(obj: Obj, message: str, lost: list[str]) -> Obj:
    fields, found = _fields(message), {}
    for name, value in obj.items():
        known = fields.get(name)
        if known is None:
            lost.append(name)
        elif type(value) in _SCALARS:
            if known[2] is not None and type(value) is not known[2]:
                raise Mistyped(_mistyped(message, name, value))
            found[name] = value
        elif value or not is_nothing(name, value):
            found[name] = _below(value, known, lost)
    return found


def _mistyped(message: str, name: str, value: Any) -> str:
    told = {str: "string", bool: "bool"}.get(type(value), "number")
    return f"json: cannot unmarshal {told} into Go struct field {message.rpartition('.')[2]}.{name}"


def _below(value: Any, known: Known, lost: list[str]) -> Any:
    sort, message, _ = known
    if sort == _AS_IS:
        return value
    if sort == _PLAIN:
        return tidied(value)
    if isinstance(value, dict):
        if sort == _ONE:
            return _kept(value, message, lost)
        if sort == _MAP:
            return {
                name: _below(inner, (_ONE, message, None), lost)
                for name, inner in value.items()
                if inner is not None
            }
    elif sort == _LIST and isinstance(value, list):
        return [_kept(item, message, lost) if isinstance(item, dict) else item for item in value]
    return tidied(value)


def unknown_fields(message: str, obj: Obj, path: str = "") -> Iterator[str]:
    """Paths of the fields a message does not have, such as ``spec.containers[0].imago``."""
    fields = _fields(message)
    for name, value in obj.items():
        here = f"{path}.{name}" if path else name
        known = fields.get(name)
        if known is None:
            yield here
        elif type(value) not in _SCALARS:
            for inner, message_below, place in _inside(value, known, here, None):
                yield from unknown_fields(message_below, inner, place)


def undeclared(resource: Resource, version: str, config: Obj, shape: Shape) -> Iterator[str]:
    """Paths of fields an applied object has and its kind does not, such as ``.spec.containers[name="a"].imago``.

    Versions whose own fields are not in the table are not looked at.
    """
    message = message_of(resource.group, version, resource.kind)
    if message is not None and message.split(".")[1] == version:
        yield from _undeclared(message, config, shape, "")


def _undeclared(message: str, obj: Obj, shape: Shape, path: str) -> Iterator[str]:
    fields = _fields(message)
    for name, value in obj.items():
        here, known = f"{path}.{name}", fields.get(name)
        if known is None:
            yield here
        elif type(value) not in _SCALARS:
            below = shape.child(name)
            inner_shape = below if known[0] == _ONE else below.of_item()
            for inner, message_below, place in _inside(value, known, here, below):
                yield from _undeclared(message_below, inner, inner_shape, place)


def _inside(value: Any, known: Known, path: str, shape: Shape | None) -> Iterator[tuple[Obj, str, str]]:
    """The messages a field holds, each with its place; items of a list that merges are named by their keys."""
    sort, message, _ = known
    if sort == _ONE and isinstance(value, dict):
        yield value, message, path
    elif sort == _MAP and isinstance(value, dict):
        yield from (
            (inner, message, f"{path}.{key}") for key, inner in value.items() if isinstance(inner, dict)
        )
    elif sort == _LIST and isinstance(value, list):
        merges = shape is not None and shape.merges
        for at, item in enumerate(value):
            if isinstance(item, dict):
                place = word(element_of(shape, item)) if shape is not None and merges else f"[{at}]"
                yield item, message, path + place
