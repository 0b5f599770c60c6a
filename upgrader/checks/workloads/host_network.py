from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import leave_behind, moved, pods
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def host_network(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads on the host network that have a proxy: the webhook would not give it to them again.

    Fact: pkg/kube/inject/inject.go (``injectRequired``) of Istio 1.12 to 1.31.
    """
    for workload, count in moved(mesh, context):
        if not workload.host_network or workload.gateway in {"istioctl", "api"}:
            continue
        yield Finding(
            code="UPG-0336",
            severity=Severity.BLOCKED,
            subject=workload.name,
            summary=f"{workload.name}: on the host network, {pods(count)} would come back without a proxy",
            why="istiod never injects pods on the host network, whatever their labels say",
            do=(
                f"kubectl -n {workload.ref.namespace} get {workload.ref.kind.kind.lower()} {workload.ref.name} -o yaml",
                leave_behind(context, workload.name),
            ),
            objects=(str(workload.ref),),
        )
