from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import kubectl, leave_behind, moved, pods
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def on_delete(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads with update strategy OnDelete: a restart changes their template and replaces no pod."""
    for workload, count in moved(mesh, context):
        if workload.strategy != "OnDelete":
            continue
        kind = workload.ref.kind.kind
        patch = """-p '{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}'"""
        yield Finding(
            code="UPG-0308",
            severity=Severity.BLOCKED,
            subject=workload.name,
            summary=f"{workload.name}: {kind} with OnDelete, a restart would move no pod",
            what=(f"{pods(count)} with a proxy",),
            why="its pods would keep the old sidecar until somebody deletes them, and the old revision with them",
            do=(kubectl(workload.ref, "patch", patch), leave_behind(context, workload.name)),
            objects=(str(workload.ref),),
        )
