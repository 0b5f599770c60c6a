from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import kubectl, leave_behind, moved, pods
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def partition(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report StatefulSets whose partition keeps pods below an ordinal from being replaced."""
    for workload, _ in moved(mesh, context):
        if workload.partition <= 0 or workload.strategy == "OnDelete":
            continue
        kept = min(workload.partition, workload.replicas)
        patch = """-p '{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}'"""
        yield Finding(
            code="UPG-0314",
            severity=Severity.BLOCKED,
            subject=workload.name,
            summary=f"{workload.name}: partition {workload.partition}, a restart would leave {pods(kept)} behind",
            why="pods below that ordinal keep the old template, so also the old sidecar",
            do=(kubectl(workload.ref, "patch", patch), leave_behind(context, workload.name)),
            objects=(str(workload.ref),),
        )
