from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def no_istio(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a cluster without an istiod: there is nothing to upgrade, or we look at the wrong cluster."""
    del context
    if mesh.control_planes:
        return
    yield Finding(
        code="UPG-0106",
        severity=Severity.BLOCKED,
        subject="",
        summary=f"no Istio control plane in {mesh.cluster.context}",
        what=(f"looked for Deployments labelled app=istiod in every namespace of {mesh.cluster.server}",),
        why="an upgrade starts from a control plane that runs",
        do=("kubectl config get-contexts      # is it this cluster", "upgrade check --context NAME"),
    )
