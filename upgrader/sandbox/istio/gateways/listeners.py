"""Listeners that are added to a Gateway from outside, and which istiod leaves them out.

Sources: ``ListenerSetCollection`` in pilot/pkg/config/kube/gateway/gateway_collection.go and ``buildClient`` in
controller.go beside it, at 1.28.10, 1.29.6, 1.30.1 and 1.31.0-rc.0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from upgrader.model.ownership import old_has_drop
from upgrader.sandbox.istio.gateways.ownership import GROUP, REVISION, is_owner, name_of
from upgrader.sandbox.istio.planes import Istio, labels_of
from upgrader.sandbox.store import Obj, Store

EXPERIMENTAL: Final = "gateway.networking.x-k8s.io"
KINDS: Final = ((GROUP, "listenersets"), (EXPERIMENTAL, "xlistenersets"))
_ALPHA: Final = "PILOT_ENABLE_ALPHA_GATEWAY_API"
_EXPERIMENTAL_SINCE, _STANDARD_SINCE = 27, 30


def parent_of(listeners: Obj) -> str:
    """``namespace/name`` of the Gateway that it adds to."""
    parent = (listeners.get("spec") or {}).get("parentRef") or {}
    return f"{parent.get('namespace') or listeners['metadata']['namespace']}/{parent.get('name', '')}"


def added_to(store: Store, gateway: Obj) -> Iterator[tuple[str, Obj]]:
    """API group and object of everything that adds to *gateway*."""
    for group, plural in KINDS:
        for listeners in store.list(group, plural):
            if parent_of(listeners) == name_of(gateway):
                yield group, listeners


def left_out(store: Store, gateway: Obj, istiod: Istio) -> Iterator[str]:
    """``Kind namespace/name`` of what *istiod* could read and does not, whoever has the Gateway."""
    for group, listeners in added_to(store, gateway):
        if _knows(istiod, group) and not _takes(store, listeners, istiod):
            yield f"{listeners['kind']} {name_of(listeners)}"


def _knows(istiod: Istio, group: str) -> bool:
    if group == GROUP:
        return istiod.at_least(_STANDARD_SINCE)
    between = istiod.at_least(_EXPERIMENTAL_SINCE) and not istiod.at_least(_STANDARD_SINCE)
    return between and istiod.env.get(_ALPHA) == "true"


def _takes(store: Store, listeners: Obj, istiod: Istio) -> bool:
    """A label must be this very revision; without one, only an istiod with the fault asks whose it is."""
    named = labels_of(listeners).get(REVISION)
    if named is not None:
        return named == istiod.revision
    return not old_has_drop(istiod.version) or is_owner(store, listeners, istiod)
