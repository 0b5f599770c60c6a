"""The patches of all EnvoyFilters that people wrote, taken apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from upgrader.checks.configuration.hosts import NETWORKING
from upgrader.checks.context import Context
from upgrader.checks.scope import stays
from upgrader.model.injection import REVISION
from upgrader.model.kinds import Obj, Ref
from upgrader.model.snapshot import CustomResource, Snapshot
from upgrader.model.version import Version

KIND = "EnvoyFilter"
RELATIVE = frozenset({"INSERT_BEFORE", "INSERT_AFTER"})
_TYPES = frozenset({"@type", "type_url", "typeUrl"})
_LONGEST = 300
"""Characters of a regular expression; a longer one is not tried."""


class Patch(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``spec.configPatches``.

    Attributes:
        number: Its place in the list, from 0.
        context: ``SIDECAR_INBOUND``, ``SIDECAR_OUTBOUND``, ``GATEWAY`` …; ``ANY`` when it says none.
        anchors: Names of the filters that it matches, outermost first.
        versions: Regular expression for the version of the proxy; empty for all.
        value: What it brings.
    """

    ref: Ref
    number: int
    priority: int
    apply_to: str
    context: str
    operation: str
    anchors: tuple[str, ...]
    versions: str
    value: Obj

    @property
    def name(self) -> str:
        """``shop/headers`` as people write it."""
        return f"{self.ref.namespace}/{self.ref.name}"

    @property
    def field(self) -> str:
        """Where it stands: ``EnvoyFilter shop/headers spec.configPatches[0]``."""
        return f"{self.ref} spec.configPatches[{self.number}]"


def written(mesh: Snapshot, context: Context) -> Iterator[CustomResource]:
    """EnvoyFilters that every istiod reads and no installer made.

    One that is labelled with a revision is read by that one alone, which ``installation.revision_labelled`` tells.
    """
    made = {(b.ref.namespace, b.ref.name) for b in mesh.belongings if b.ref.kind.kind == KIND}
    for resource in mesh.resources_of(NETWORKING, KIND):
        ref = resource.ref
        if (ref.namespace, ref.name) in made or REVISION in resource.labels:
            continue
        if not stays(context, ref.namespace):
            yield resource


def patches(mesh: Snapshot, context: Context) -> Iterator[Patch]:
    """Every patch of those."""
    for resource in written(mesh, context):
        spec = mapping(resource.body.get("spec"))
        for number, entry in enumerate(spec.get("configPatches") or ()):
            yield _patch(resource.ref, number, spec, mapping(entry))


def applies(patch: Patch, version: Version) -> bool | None:
    """Whether a proxy of *version* gets it; None when its expression cannot be understood here."""
    if not patch.versions:
        return True
    if len(patch.versions) > _LONGEST:
        return None
    try:
        return re.search(patch.versions, str(version)) is not None
    except re.error:
        return None


def mapping(value: Any) -> Obj:
    """*value* if it is a mapping, else an empty one: what people wrote need not have the shape it should."""
    return value if isinstance(value, dict) else {}


def names_in(value: Any) -> Iterator[str]:
    """Every ``name`` at any depth."""
    for key, text in _texts(value):
        if key == "name":
            yield text


def types_in(value: Any) -> Iterator[str]:
    """Every type that a message says of itself."""
    for key, text in _texts(value):
        if key in _TYPES:
            yield text


def texts_in(value: Any) -> Iterator[str]:
    """Every text at any depth."""
    for _, text in _texts(value):
        yield text


def _texts(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, below in value.items():
            yield from _texts(below, name)
    elif isinstance(value, list | tuple):
        for below in value:
            yield from _texts(below, key)


def _patch(ref: Ref, number: int, spec: Obj, entry: Obj) -> Patch:
    match, patch = mapping(entry.get("match")), mapping(entry.get("patch"))
    listener = mapping(match.get("listener"))
    outer = mapping(mapping(listener.get("filterChain")).get("filter"))
    found = (listener.get("listenerFilter"), outer.get("name"), mapping(outer.get("subFilter")).get("name"))
    priority = spec.get("priority")
    return Patch(
        ref=ref,
        number=number,
        priority=priority if isinstance(priority, int) else 0,
        apply_to=str(entry.get("applyTo") or ""),
        context=str(match.get("context") or "ANY"),
        operation=str(patch.get("operation") or ""),
        anchors=tuple(name for name in found if isinstance(name, str) and name),
        versions=str(mapping(match.get("proxy")).get("proxyVersion") or ""),
        value=mapping(patch.get("value")),
    )
