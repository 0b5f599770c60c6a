from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.model.step import counted

_REMOTE_SECRET = "istio/multiCluster"  # noqa: S105  the name of a label
_REMOTE_SERVICE = "istiod-remote"
_NETWORK = "topology.istio.io/network"
_ORDER = "the order is: istiod of every cluster, applications, east-west gateways, then ingress gateways (istio.io issue 8603)"


def clusters(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report other clusters of the same mesh: joined by a remote secret, served by this istiod, or behind a gateway."""
    del context
    secrets = [str(d.ref) for d in mesh.documents_of("Secret") if d.labels.get(_REMOTE_SECRET) == "true"]
    gateways = [str(w.ref) for w in mesh.workloads if _east_west(w)]
    if secrets or gateways:
        yield Finding(
            code="UPG-0394",
            severity=Severity.ADVISORY,
            subject="other clusters",
            summary=f"other clusters: {counted(len(secrets), 'remote secret')}, {counted(len(gateways), 'east-west gateway')}",
            what=tuple(some(found) for found in (secrets, gateways) if found),
            why="one run drives one cluster; the others go on with their own version, at most one minor away from this one",
            do=(
                _ORDER,
                "leave east-west gateways to a wave of their own, and send requests across clusters before and after it",
            ),
            objects=(*secrets, *gateways),
        )
    service = f"{mesh.root_namespace}/{_REMOTE_SERVICE}"
    if service in mesh.services:
        yield Finding(
            code="UPG-0395",
            severity=Severity.BLOCKED,
            subject=service,
            summary=f"{service}: other clusters reach istiod by a name that no revision is part of",
            what=(f"Service {service}",),
            why="all revisions share that Service, so remote clusters would be moved at once and by no wave (istio/istio issues 34867 and 35682)",
            do=(
                "bring the clusters that depend on it one minor further in place, after this one",
                f"kubectl -n {mesh.root_namespace} get endpoints {_REMOTE_SERVICE}      # nothing behind it, and nobody uses it: allow this finding",
            ),
            allowable=True,
            objects=(f"Service {service}",),
        )


def _east_west(workload: Workload) -> bool:
    if not workload.gateway:
        return False
    labels = {**workload.labels, **workload.template_labels}
    return labels.get("istio") == "eastwestgateway" or _NETWORK in labels
