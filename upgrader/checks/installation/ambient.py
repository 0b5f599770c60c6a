from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import parts_called, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

MODE = "istio.io/dataplane-mode"
WAYPOINT = "istio-waypoint"


def ambient(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report parts of an ambient mesh: ztunnel and its node agent have no second revision to move to."""
    del context
    found = parts_called(mesh, "Ztunnel", "ztunnel")
    nodes = sum(c.count for c in mesh.crowds if c.kind == "ztunnel")
    found += [f"{nodes} ztunnel pods"] if nodes else []
    found += [f"Namespace {n.name}" for n in mesh.namespaces if n.labels.get(MODE) == "ambient"]
    found += [f"{g.ref}" for g in mesh.api_gateways if g.class_name == WAYPOINT]
    if not found:
        return
    yield Finding(
        code="UPG-0334",
        severity=Severity.BLOCKED,
        subject="",
        summary=f"this mesh has ambient parts ({len(found)}), which are not moved by this release",
        what=(some(found),),
        why="ztunnel and the node agent exist once: they are replaced in place, node by node, and connections with them",
        do=(
            "move ambient parts by hand, one minor at a time: istiod, then istio-cni, then ztunnel, then waypoints",
        ),
        objects=tuple(found),
    )
