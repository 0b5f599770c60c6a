from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.documents import documents
from upgrader.checks.nodes.fields import is_cordoned, is_ready
from upgrader.checks.scope import parts_called, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

_ON_EVERY_NODE = (("Cni", "istio-cni-node"), ("Ztunnel", "ztunnel"))


def nodes_ready(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report nodes that are not Ready, or take no new pods: a restart has less room, and some of it never ends.

    A DaemonSet of Istio (CNI, ztunnel) wants a pod on each node, cordoned or not; on one that is away it waits for ever.
    """
    del context
    away = [n.ref.name for n in documents(mesh, "Node") if is_ready(n) is False]
    cordoned = [n.ref.name for n in documents(mesh, "Node") if is_cordoned(n) and n.ref.name not in away]
    if not away and not cordoned:
        return
    daemons = [part for component, name in _ON_EVERY_NODE for part in parts_called(mesh, component, name)]
    known = sum(1 for _ in documents(mesh, "Node"))
    said = [f"{len(away)} not Ready"] * bool(away) + [f"{len(cordoned)} cordoned"] * bool(cordoned)
    blocks = bool(away and daemons)
    yield Finding(
        code="UPG-0380",
        severity=Severity.BLOCKED if blocks else Severity.ADVISORY,
        subject="nodes",
        summary=f"nodes: of {known} are {' and '.join(said)}",
        what=tuple(
            f"{word}: {some(names)}" for word, names in (("not Ready", away), ("cordoned", cordoned)) if names
        ),
        why=f"{some(daemons)} wants a pod on each of them, and its rollout would not end"
        if blocks
        else "restarted pods find less room, and what runs there cannot be seen to be well",
        do=(
            "kubectl get nodes",
            *(f"kubectl describe node {name}" for name in away[:1]),
            *(f"kubectl uncordon {name}" for name in cordoned[:1]),
        ),
        allowable=blocks,
        objects=tuple(f"Node {name}" for name in (*away, *cordoned)),
    )
