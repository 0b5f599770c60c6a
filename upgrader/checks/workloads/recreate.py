from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import kubectl, moved, pods
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def recreate(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Deployments with strategy Recreate: between the old pods and the new ones nothing serves."""
    for workload, count in moved(mesh, context):
        if workload.strategy != "Recreate":
            continue
        patch = """-p '{"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":null}}}'"""
        yield Finding(
            code="UPG-0309",
            severity=Severity.ADVISORY,
            subject=workload.name,
            summary=f"{workload.name} uses strategy Recreate: nothing serves between its old pods and its new ones",
            what=(f"{pods(count)} with a proxy",),
            why="each hop restarts it once, so each hop has such a gap",
            do=(
                "choose a quiet hour for its wave",
                f"{kubectl(workload.ref, 'patch', patch)}      # if it can run twice",
            ),
            objects=(str(workload.ref),),
        )
