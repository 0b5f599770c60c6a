from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import leave_behind, pods, unrolled
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

_KNOWN = frozenset({"Pod", "Job", "CronJob"})


def foreign_owner(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads of other controllers (Rollout, a bare ReplicaSet, an operator's own kind)."""
    for kind, namespace, name, count in unrolled(mesh, context):
        if kind in _KNOWN:
            continue
        yield Finding(
            code="UPG-0315",
            severity=Severity.BLOCKED,
            subject=f"{namespace}/{name}",
            summary=f"{namespace}/{name}: {kind} is restarted by its own controller, {pods(count)} would stay behind",
            why="only Deployments, StatefulSets and DaemonSets are restarted; what another controller does is unknown",
            do=(
                leave_behind(context, f"{namespace}/{name}"),
                f"kubectl -n {namespace} get pods      # to restart it as {kind} wants it, once its namespace has moved",
            ),
            objects=(f"{kind} {namespace}/{name}",),
        )
