"""How the parts of an object merge: which lists are keyed, which maps are atomic.

One table serves strategic merge and server-side apply. What it does not name is the usual case: maps merge key by key,
lists are replaced whole.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import orjson

from upgrader.sandbox.api.fields.table import TYPES
from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.store import Obj

KEY_DEFAULTS: Mapping[str, Any] = {"protocol": "TCP"}
"""Values of list keys that may be left out."""


@dataclass(frozen=True)
class Shape:
    """How one value merges.

    Attributes:
        atomic: Server-side apply treats it as one value.
        keys: Of a list: the fields that tell its items apart.
        unique: A list of distinct scalars.
        strategic: Key of a list for strategic merge; empty when the list is replaced, ``.`` for scalars.
        fields: Of a map: shapes of its named fields.
        item: Of a list: the shape of its items; of a map: that of fields it does not name.
        open: Fields it does not name are members of an applied set even when something is beneath them.
    """

    atomic: bool = False
    keys: tuple[str, ...] = ()
    unique: bool = False
    strategic: str = ""
    fields: Mapping[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    open: bool = False

    def child(self, name: str) -> Shape:
        """The shape of a field of this map."""
        return self.fields.get(name) or self.item or PLAIN

    def of_item(self) -> Shape:
        """The shape of an item of this list."""
        return self.item or PLAIN

    @property
    def merges(self) -> bool:
        """Whether a list of this shape merges item by item in server-side apply."""
        return not self.atomic and bool(self.keys or self.unique)


PLAIN = Shape()
ATOMIC = Shape(atomic=True)
_WORD = re.compile(r"(?P<name>\w+)?(?:\[(?P<keys>[\w,]*)(?P<only>~?)\])?")


def shape_of(resource: Resource, version: str) -> Shape:
    """The shape of a resource's objects."""
    if resource.crd is None:
        return _builtin(resource.kind)
    return _custom(resource, version)


@cache
def _builtin(kind: str) -> Shape:
    shape = _type(kind) if kind in TYPES else PLAIN
    return Shape(fields={**shape.fields, "metadata": _type("ObjectMeta")})


@cache
def _type(name: str) -> Shape:
    fields = {}
    for word in TYPES[name].split():
        label, _, told = word.partition("=")
        fields[label] = _told(told)
    return Shape(fields=fields)


def _told(text: str) -> Shape:
    """``Container[name]`` is a list keyed by name, ``[key~]`` one that only strategic merge knows by its key."""
    if text == "atomic":
        return ATOMIC
    if text == "set":
        return Shape(unique=True, strategic=".")
    found = _WORD.fullmatch(text)
    if found is None:
        raise ValueError(f"not a shape: {text}")
    inner = _type(found["name"]) if found["name"] else None
    if found["keys"] is None:
        return inner or PLAIN
    keys = tuple(found["keys"].split(","))
    return Shape(keys=() if found["only"] else keys, strategic=keys[0], item=inner)


_CUSTOM: dict[tuple[int, str], tuple[Obj, Shape]] = {}


def _custom(resource: Resource, version: str) -> Shape:
    crd = resource.crd or {}
    known = _CUSTOM.get((id(crd), version))
    if known is not None and known[0] is crd:
        return known[1]
    found: Obj = next((v for v in crd["versions"] if v["name"] == version), {})
    schema = (found.get("schema") or {}).get("openAPIV3Schema") or {}
    shape = of_schema(schema)
    shape = Shape(fields={**shape.fields, "metadata": _type("ObjectMeta")}, open=True)
    if len(_CUSTOM) > 512:
        _CUSTOM.clear()
    _CUSTOM[id(crd), version] = (crd, shape)
    return shape


def of_schema(schema: Obj) -> Shape:
    """The shape a structural schema describes."""
    kind = schema.get("x-kubernetes-list-type")
    if schema.get("type") == "array":
        item = of_schema(schema.get("items") or {})
        if kind == "map":
            return Shape(keys=tuple(sorted(schema.get("x-kubernetes-list-map-keys") or ())), item=item)
        return Shape(unique=True) if kind == "set" else ATOMIC
    if schema.get("x-kubernetes-map-type") == "atomic":
        return ATOMIC
    named = {name: of_schema(below) for name, below in (schema.get("properties") or {}).items()}
    further = schema.get("additionalProperties")
    item = of_schema(further) if isinstance(further, dict) else OPEN
    return Shape(fields=named, item=item, open=True)


OPEN = Shape(open=True)
"""A value nobody described."""


def element_of(shape: Shape, item: Any) -> str:
    """The path element of an item in a keyed list or a set."""
    if shape.unique:
        return "v:" + orjson.dumps(item).decode()
    source = item if isinstance(item, dict) else {}
    pairs = {}
    for key in shape.keys:
        value = source.get(key, KEY_DEFAULTS.get(key))
        if value is not None:
            pairs[key] = value
    return "k:" + orjson.dumps(pairs, option=orjson.OPT_SORT_KEYS).decode()
