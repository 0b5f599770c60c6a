"""What a run would not be able to see, told before it starts."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.cli.wiring import Connection
from upgrader.cluster.identity import may
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.planning.permissions import useful


def blind_spots(connection: Connection, mesh: Snapshot) -> Iterator[Finding]:
    """UPG-0350 for each namespace of an istiod whose ``/debug/syncz`` may not be asked; nothing is blocked by it.

    Raises:
        ClusterFailure: the API server was not willing to say.
    """
    for root in sorted({plane.ref.namespace for plane in mesh.control_planes}):
        missing = [
            p for p in useful(root) if not may(connection.cluster, p.verb, p.kind, namespace=p.namespace)
        ]
        if missing:
            yield Finding(
                code="UPG-0350",
                severity=Severity.ADVISORY,
                subject=f"Namespace {root}",
                summary=f"pods/portforward in {root} is not allowed: gates count proxies and cannot see whether they are in sync",
                what=tuple(f"not allowed: {p}" for p in missing),
                why="istiod tells which proxies took their configuration to port-forwarded callers only",
                do=(
                    f"kubectl auth can-i create pods/portforward -n {root}",
                    "a Role with get and create on pods/portforward there",
                ),
            )
