from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug
from upgrader.checks.network.policies import KUBE_SYSTEM
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Document, Snapshot

_NAMES = frozenset({"coredns", "kube-dns", "rke2-coredns-rke2-coredns"})
_LABEL = {"k8s-app": "kube-dns"}


def cluster_dns(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a cluster DNS that is not wholly there: every proxy that starts resolves the name of its istiod.

    One that runs outside of the cluster, or as a DaemonSet, is not seen, and nothing is said about it.
    """
    del context
    for found in documents(mesh, "Deployment", KUBE_SYSTEM):
        if found.ref.name in _NAMES or _LABEL.items() <= found.labels.items():
            yield from _of(found)


def _of(found: Document) -> Iterator[Finding]:
    status = dug(found.body, "status")
    wanted = dug(found.body, "spec", "replicas")
    wanted = 1 if wanted is None else int(wanted)
    if status is None:
        return
    ready = int(status.get("readyReplicas") or 0)
    if ready >= wanted > 0:
        return
    name = f"{found.ref.namespace}/{found.ref.name}"
    yield Finding(
        code="UPG-0383",
        severity=Severity.ADVISORY if ready else Severity.BLOCKED,
        subject=name,
        summary=f"{name}: {ready} of {wanted} pods of the cluster DNS are ready",
        why="a proxy that starts must resolve the name of its istiod, and thousands of pods will start",
        do=(f"kubectl -n {found.ref.namespace} rollout status deployment/{found.ref.name}",),
        allowable=not ready,
        objects=(str(found.ref),),
    )
