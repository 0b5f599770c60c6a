from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import leave_behind, moved
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version

PART = "ingress-gateway"


def no_manifests(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report istioctl gateways for which the manifests of a hop have no counterpart: a restart keeps their image."""
    for workload, _ in moved(mesh, context):
        if workload.gateway != "istioctl":
            continue
        for number, target in enumerate(context.path[1:], start=1):
            parts = context.parts.get(str(target))
            if parts is None or PART in parts:
                continue
            yield Finding(
                code="UPG-0333",
                severity=Severity.BLOCKED,
                subject=workload.name,
                summary=f"{workload.name}: hop {number} can not move it, the manifests of {target} have no ingress gateway",
                what=(f"parts of {target}: {', '.join(sorted(parts)) or 'none'}",),
                why="istioctl writes the proxy image into its Deployment, so only a new Deployment moves it",
                do=(_rendered(workload.ref.name, target), leave_behind(context, workload.name)),
                hop=number,
                objects=(str(workload.ref),),
            )
            break


def _rendered(name: str, target: Version) -> str:
    only = f"--set components.ingressGateways[0].name={name} --set components.ingressGateways[0].enabled=true"
    made = f"istioctl-{target} manifest generate --set profile=empty --set revision={target.revision} {only}"
    return f"{made} > MANIFESTS/{target}/ingress-gateway.yaml"
