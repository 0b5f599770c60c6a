from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from upgrader.checks.context import Context
from upgrader.checks.documents import dug
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.kinds import LISTENER_SET, X_LISTENER_SET
from upgrader.model.listeners import (
    ALPHA,
    WITHOUT_LISTENER_SETS,
    alpha_on,
    heeds_owner,
    is_experimental,
    knows,
    takes,
)
from upgrader.model.ownership import owners_of, owners_without_label
from upgrader.model.snapshot import ControlPlane, ListenerSet, Snapshot
from upgrader.model.step import counted

_ROUTES = ("HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute", "UDPRoute")


def listener_sets(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report ListenerSets that the istiod of their Gateway does not read, now or after a hop (istio/istio issue 60388)."""
    if not mesh.listener_sets:
        return
    read: list[tuple[ListenerSet, ControlPlane]] = []
    for listeners, plane in _served(mesh):
        if _takes(mesh, listeners, plane):
            read.append((listeners, plane))
        else:
            yield _unread(listeners, plane)
    yield from _along(mesh, context, read)
    yield from _another_kind(mesh, context, [listeners for listeners, _ in read])


def _served(mesh: Snapshot) -> Iterator[tuple[ListenerSet, ControlPlane]]:
    """Each with the control plane that has its Gateway, where that is one and reads such things."""
    gateways = {
        f"{g.ref.namespace}/{g.ref.name}": g
        for g in mesh.api_gateways
        if g.class_name not in WITHOUT_LISTENER_SETS
    }
    for listeners in mesh.listener_sets:
        gateway = gateways.get(listeners.gateway)
        owners = owners_of(gateway, mesh) if gateway else frozenset()
        plane = mesh.plane(next(iter(owners))) if len(owners) == 1 else None
        kind = listeners.ref.kind
        if plane and knows(plane.version, kind) and (alpha_on(plane.env) or not is_experimental(kind)):
            yield listeners, plane


def _takes(mesh: Snapshot, listeners: ListenerSet, plane: ControlPlane) -> bool:
    owners = owners_without_label(listeners.ref.namespace, mesh)
    kind, label = listeners.ref.kind, listeners.labels.get(REVISION)
    return takes(plane.revision, plane.version, kind, label, owners)


def _label(listeners: ListenerSet, change: str) -> str:
    ref = listeners.ref
    return f"kubectl -n {ref.namespace} label {ref.kind.resource} {ref.name} {change}"


def _unread(listeners: ListenerSet, plane: ControlPlane) -> Finding:
    name, bound = str(listeners.ref), listeners.labels.get(REVISION)
    said = f"its label says {REVISION}={bound}" if bound is not None else "it inherits another revision"
    literal = "; such a label is never read as a tag" if bound is not None else ""
    own = heeds_owner(plane.version)
    return Finding(
        code="UPG-0339",
        severity=Severity.ADVISORY,
        subject=name,
        summary=f"{name}: istiod {plane.revision} does not read it, but has its Gateway {listeners.gateway}",
        what=(f"{said}, and its Gateway belongs to {plane.revision}{literal}",),
        why="its listeners and all their routes are missing today, though its status may say Programmed",
        do=(_label(listeners, f"{REVISION}={plane.revision} --overwrite" if own else f"{REVISION}-"),),
        objects=(name,),
    )


def _along(
    mesh: Snapshot, context: Context, read: Iterable[tuple[ListenerSet, ControlPlane]]
) -> Iterator[Finding]:
    """Those of an istiod that would leave them out as soon as a label or tag moves them, or they are labelled for it."""
    revisions = moving(mesh, context)
    found: dict[str, list[str]] = {}
    for listeners, plane in read:
        bound = REVISION in listeners.labels or heeds_owner(plane.version)
        if bound and plane.revision in revisions:
            found.setdefault(plane.revision, []).append(str(listeners.ref))
    for revision, names in sorted(found.items()):
        told = counted(len(names), "ListenerSet")
        yield Finding(
            code="UPG-0339",
            severity=Severity.ADVISORY,
            subject=f"revision {revision}",
            summary=f"revision {revision}: {told} must change hands with the Gateway that they add to",
            what=(f"{len(names)} concerned: {some(names)}",),
            why="an istiod that has a Gateway, but does not take a ListenerSet for its own, serves none of its routes",
            do=(
                f"nothing: the plan keeps their label {REVISION} with that of their Gateway, and puts it back at the end",
            ),
            objects=tuple(names),
        )


def _another_kind(mesh: Snapshot, context: Context, read: Iterable[ListenerSet]) -> Iterator[Finding]:
    """XListenerSets before a hop to an istiod that reads ListenerSets instead."""
    lost = [one for one in read if is_experimental(one.ref.kind)]
    for number, (source, target) in enumerate(pairwise(context.path), start=1):
        if not knows(str(source), X_LISTENER_SET) or knows(str(target), X_LISTENER_SET):
            continue
        left = [one for one in lost if not _has_twin(mesh, one)]
        routes = [route for one in lost for route in _routes_of(mesh, one)]
        if left or routes:
            yield _replaced(target.series, number, left, routes)


def _has_twin(mesh: Snapshot, listeners: ListenerSet) -> bool:
    """Whether a ListenerSet of its namespace adds its listeners to the same Gateway; 1.29 leaves that one alone."""
    place = listeners.ref.namespace, listeners.gateway
    there = {
        name
        for one in mesh.listener_sets
        if one.ref.kind.kind == LISTENER_SET.kind and (one.ref.namespace, one.gateway) == place
        for name in one.listeners
    }
    return set(listeners.listeners) <= there


def _routes_of(mesh: Snapshot, listeners: ListenerSet) -> Iterator[str]:
    """Routes whose parents have it among them, and no ListenerSet."""
    for kind in _ROUTES:
        for route in mesh.resources_of(LISTENER_SET.group, kind):
            parents = dug(route.body, "spec", "parentRefs") or ()
            named = any(
                p.get("kind") == X_LISTENER_SET.kind
                and p.get("name") == listeners.ref.name
                and (p.get("namespace") or route.ref.namespace) == listeners.ref.namespace
                for p in parents
            )
            if named and not any(p.get("kind") == LISTENER_SET.kind for p in parents):
                yield str(route.ref)


def _replaced(series: str, number: int, left: list[ListenerSet], routes: list[str]) -> Finding:
    subject = f"istiod {series}"
    names = [str(one.ref) for one in left]
    concerned = counted(len(names), "XListenerSet") if names else counted(len(routes), "route")
    return Finding(
        code="UPG-0339",
        severity=Severity.BLOCKED,
        subject=subject,
        summary=f"{subject}: reads ListenerSet instead of XListenerSet; {concerned} would have no effect",
        what=(
            *((f"without a ListenerSet that says the same: {some(names)}",) if names else ()),
            *((f"routes that name an XListenerSet only: {some(routes)}",) if routes else ()),
        ),
        why="their listeners and routes would be missing on every Gateway that the new istiod has",
        do=(
            f"install release 1.5 of the Gateway API or later before hop {number}, which has {LISTENER_SET.resource}",
            "write a ListenerSet of the same content beside each XListenerSet, and name it in parentRefs of its routes too",
            f"read by the new istiod only, so both may stay until hop {number} is over; {ALPHA} is not needed then",
        ),
        hop=number,
        allowable=True,
        objects=(*names, *routes),
    )
