"""EnvoyFilters that build on each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from upgrader.checks.advisories.settings import inner
from upgrader.checks.advisories.world import Hit, World
from upgrader.model.kinds import Obj

_ADDS = frozenset({"ADD", "INSERT_BEFORE", "INSERT_AFTER", "INSERT_FIRST", "REPLACE"})
_LISTS = frozenset({"HTTP_FILTER", "NETWORK_FILTER", "LISTENER_FILTER"})


class _Patch(NamedTuple):
    title: str
    namespace: str
    number: int
    priority: int
    place: str
    operation: str
    anchor: str
    added: str


def removals_that_others_build_on(world: World) -> Iterator[Hit]:
    """EnvoyFilters that remove a filter which another patch of theirs or of another one names, not before the removal.

    A patch that is done before the removal meets the same list as ever.

    Source: pilot/pkg/networking/core/v1alpha3/envoyfilter/listener_patch.go of 1.18.0 and 1.19.0.
    """
    patches = list(_patches(world))
    for gone in (p for p in patches if p.operation == "REMOVE" and p.anchor):
        for other in (p for p in patches if p.operation in _ADDS and p.place == gone.place):
            named = gone.anchor in {other.anchor, other.added}
            if named and _meet(gone, other, world) and not _is_earlier(other, gone):
                yield Hit(
                    gone.title,
                    f"spec.configPatches[{gone.number}] removes {gone.anchor}, which {other.title} names",
                )


def _is_earlier(one: _Patch, other: _Patch) -> bool:
    """Whether it is certainly done first: by priority, or by its place in the same object."""
    return one.priority < other.priority or (one.title == other.title and one.number < other.number)


def _meet(one: _Patch, other: _Patch, world: World) -> bool:
    root = world.mesh.config_root or world.mesh.root_namespace
    return one.namespace == other.namespace or root in {one.namespace, other.namespace}


def _patches(world: World) -> Iterator[_Patch]:
    for one in world.objects("EnvoyFilter.networking.istio.io"):
        spec = inner(one.body, "spec")
        priority = int(spec.get("priority") or 0)
        for number, patch in enumerate(spec.get("configPatches") or ()):
            place = str(patch.get("applyTo", ""))
            if place in _LISTS:
                told = inner(patch, "patch")
                added = str(inner(told, "value").get("name", ""))
                operation = str(told.get("operation", ""))
                yield _Patch(
                    one.title, one.namespace, number, priority, place, operation, _anchor(patch, place), added
                )


def _anchor(patch: Obj, place: str) -> str:
    """Name of the filter of that list which the match names."""
    listener = inner(patch, "match", "listener")
    if place == "LISTENER_FILTER":
        return str(listener.get("listenerFilter", ""))
    found = inner(listener, "filterChain", "filter")
    if place == "HTTP_FILTER":
        found = inner(found, "subFilter")
    return str(found.get("name", ""))
