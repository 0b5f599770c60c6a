from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import leave_behind, unrolled
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def bare_pods(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report pods with a sidecar and without an owner: nothing would make them again."""
    for kind, namespace, name, _ in unrolled(mesh, context):
        if kind != "Pod":
            continue
        yield Finding(
            code="UPG-0311",
            severity=Severity.BLOCKED,
            subject=f"{namespace}/{name}",
            summary=f"{namespace}/{name}: a pod without an owner, nothing would make it again",
            why="it is not restarted, so it keeps the old sidecar and the old revision with it",
            do=(
                f"kubectl -n {namespace} get pod {name} -o yaml > {name}.yaml      # keep it, if it is needed again",
                f"kubectl -n {namespace} delete pod {name}",
                leave_behind(context, f"{namespace}/{name}"),
            ),
            objects=(f"Pod {namespace}/{name}",),
        )
