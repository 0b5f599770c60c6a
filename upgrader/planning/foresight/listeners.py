"""Listeners from outside that a Gateway would miss at a moment of the plan, and the label under which it does not.

The rules are in ``model.listeners``. A Gateway of a revision whose istiod does not read one of its ListenerSets serves
none of its routes, although both may say Programmed (istio/istio issue 60388).
"""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.model.listeners import (
    WITHOUT_LISTENER_SETS,
    alpha_on,
    heeds_owner,
    is_experimental,
    knows,
    takes,
)
from upgrader.model.snapshot import ApiGateway, ListenerSet, Snapshot
from upgrader.planning.foresight.forecast import REV, Forecast, gateway_name
from upgrader.planning.foresight.foresee import after
from upgrader.planning.plan import Gate
from upgrader.steps import AnyStep

Pair = tuple[ApiGateway, ListenerSet]
"""A Gateway and what adds to it."""


def attached(mesh: Snapshot) -> Iterator[Pair]:
    """Every ListenerSet of a Gateway of istiod's that takes listeners from outside; XListenerSets where any istiod may read them."""
    takes = {gateway_name(g): g for g in mesh.api_gateways if g.class_name not in WITHOUT_LISTENER_SETS}
    alpha = any(alpha_on(plane.env) for plane in mesh.control_planes)
    for listeners in mesh.listener_sets:
        if listeners.gateway in takes and (alpha or not is_experimental(listeners.ref.kind)):
            yield takes[listeners.gateway], listeners


def label_of(moment: Forecast, listeners: ListenerSet) -> str | None:
    """Its label ``istio.io/rev`` then."""
    return moment.listeners.get(str(listeners.ref), listeners.labels).get(REV)


def reads(moment: Forecast, revision: str, listeners: ListenerSet) -> bool:
    """Whether the istiod of *revision* reads *listeners*: it knows the kind, and takes it for its own."""
    version, label = moment.versions.get(revision, ""), label_of(moment, listeners)
    owners: frozenset[str] = frozenset()
    if label is None and heeds_owner(version):
        owners = moment.owners_by({}, listeners.ref.namespace, moment.versions)
    return takes(revision, version, listeners.ref.kind, label, owners)


def missing(moment: Forecast, pair: Pair) -> bool:
    """Whether a live istiod that has the Gateway leaves the ListenerSet out, though it knows such things."""
    gateway, listeners = pair
    return any(
        knows(moment.versions.get(owner, ""), listeners.ref.kind) and not reads(moment, owner, listeners)
        for owner in moment.owners(gateway)
    )


def served(moment: Forecast, pair: Pair) -> bool:
    """Whether the istiod that has the Gateway reads the ListenerSet."""
    owners = moment.claimants(pair[0])
    return bool(owners) and all(reads(moment, owner, pair[1]) for owner in owners)


def label_for(
    moment: Forecast, action: AnyStep | Gate, start: Forecast, pair: Pair
) -> tuple[str | None, ...] | None:
    """The label that the ListenerSet must have before *action*, so that none is missing before it and after it.

    Returns:
        () where it may stay as it is, else the value, of which None is no label; None where no label does.
    """
    gateway, name = pair[0], str(pair[1].ref)
    later = after(moment, action, start)
    if not missing(later, pair):
        return ()
    owners = sorted(moment.owners(gateway) | later.owners(gateway))
    bare: list[str | None] = [None]
    follow = any(heeds_owner(later.versions.get(owner, "")) for owner in later.owners(gateway))
    for value in [*owners, *bare] if follow else [*bare, *owners]:
        labelled = moment.listeners_labelled(name, value)
        if not missing(labelled, pair) and not missing(after(labelled, action, start), pair):
            return (value,)
    return None
