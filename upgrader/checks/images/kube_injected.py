from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.images.cause import INJECTED
from upgrader.checks.scope import leave_behind, moved, pods
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def kube_injected(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report templates that istioctl kube-inject wrote: their sidecar is part of the manifest, not of the injection."""
    for workload, count in moved(mesh, context):
        if INJECTED not in workload.template_annotations or workload.gateway:
            continue
        namespace = workload.ref.namespace
        yield Finding(
            code="UPG-0316",
            severity=Severity.BLOCKED,
            subject=workload.name,
            summary=f"{workload.name}: its template was written by istioctl kube-inject, a restart would not move {pods(count)}",
            what=(f"annotation {INJECTED} is in the pod template",),
            why="the webhook leaves such pods alone, so they keep the sidecar and the istiod that were written in",
            do=(
                f"kubectl -n {namespace} apply -f ORIGINAL.yaml      # the manifest before kube-inject",
                leave_behind(context, workload.name),
            ),
            objects=(str(workload.ref),),
        )
