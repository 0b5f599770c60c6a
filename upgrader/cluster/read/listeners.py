"""ListenerSets and XListenerSets of the Gateway API."""

from __future__ import annotations

from upgrader.model.kinds import K8S_GATEWAY, Obj, Ref
from upgrader.model.snapshot import Labels, ListenerSet


def listener_set_of(ref: Ref, uid: str, labels: Labels, spec: Obj) -> ListenerSet | None:
    """None for what adds to something else than a Gateway. Source: ListenerSetSpec of the Gateway API, 1.3 to 1.5."""
    parent = spec.get("parentRef") or {}
    named = parent.get("group", K8S_GATEWAY.group), parent.get("kind", K8S_GATEWAY.kind)
    if named != (K8S_GATEWAY.group, K8S_GATEWAY.kind):
        return None
    return ListenerSet(
        ref=ref,
        uid=uid,
        labels=labels,
        gateway=f"{parent.get('namespace') or ref.namespace}/{parent.get('name', '')}",
        listeners=tuple(str(listener.get("name", "")) for listener in spec.get("listeners") or ()),
    )
