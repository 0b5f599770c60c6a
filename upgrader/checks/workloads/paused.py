from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import kubectl, leave_behind, moved, pods
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def paused(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report paused Deployments: a restart is noted but not carried out, and resuming brings what else has gathered."""
    for workload, count in moved(mesh, context):
        if not workload.paused:
            continue
        yield Finding(
            code="UPG-0310",
            severity=Severity.BLOCKED,
            subject=workload.name,
            summary=f"{workload.name}: its rollout is paused, a restart would move no pod",
            what=(f"{pods(count)} with a proxy",),
            why="somebody paused it for a reason; resuming also rolls out every change made since then",
            do=(kubectl(workload.ref, "rollout resume"), leave_behind(context, workload.name)),
            objects=(str(workload.ref),),
        )
