from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import pods, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION, injects
from upgrader.model.snapshot import Namespace, Snapshot

CODE = "UPG-0319"
LEGACY = "istio-injection"
_AMBIENT = "istio.io/dataplane-mode"


def nowhere(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report namespaces and workloads bound to a revision or tag that nothing serves.

    No webhook selects such a pod, so it starts without a sidecar and without an error. Where a webhook selects it
    but leads nowhere, ``webhooks.dangling`` says so.
    """
    for namespace in mesh.namespaces:
        if _unserved(namespace, mesh) and not stays(context, namespace.name):
            yield _lost(mesh, namespace, _running(mesh, namespace.name))
    yield from _workloads(mesh, context)


def _running(mesh: Snapshot, namespace: str) -> int:
    gateways = {w.key for w in mesh.workloads_in(namespace) if w.gateway == "injected"}
    return sum(
        p.kind == "sidecar" or p.workload in gateways for p in mesh.proxies if p.namespace == namespace
    )


def _unserved(namespace: Namespace, mesh: Snapshot) -> bool:
    if namespace.terminating or not mesh.control_planes or _AMBIENT in namespace.labels:
        return False
    asks = namespace.labels.get(LEGACY, "enabled") == "enabled"
    bound = REVISION in namespace.labels or namespace.labels.get(LEGACY) == "enabled"
    return bound and asks and not any(injects(w, namespace.labels, {}) for w in mesh.injectors)


def _lost(mesh: Snapshot, namespace: Namespace, running: int) -> Finding:
    label = f"{LEGACY}=enabled" if LEGACY in namespace.labels else f"{REVISION}={namespace.labels[REVISION]}"
    installed = sorted({w.tag or w.revision for w in mesh.injectors})
    known = next(iter(installed), "REVISION")
    return Finding(
        code=CODE,
        severity=Severity.BLOCKED if running else Severity.ADVISORY,
        subject=f"Namespace {namespace.name}",
        summary=f"Namespace {namespace.name}: nothing serves {label}, new pods start without a sidecar",
        what=(
            f"{pods(running)} with an injected proxy run there and would lose it at their next start",
            f"revisions and tags that are served: {', '.join(installed) or 'none'}",
        ),
        why="Kubernetes gives no error: no webhook selects the pod",
        do=(
            f"kubectl label namespace {namespace.name} {REVISION}={known} --overwrite",
            f"kubectl label namespace {namespace.name} {REVISION}- {LEGACY}-      # if it should have no sidecars",
        ),
        objects=(f"Namespace {namespace.name}",),
    )


def _workloads(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    for workload in mesh.workloads:
        asked = workload.template_labels.get(REVISION)
        if asked is None or stays(context, workload.ref.namespace, workload.ref.name):
            continue
        space = mesh.namespace(workload.ref.namespace)
        labels = space.labels if space else {}
        if LEGACY in labels or REVISION in labels or workload.gateway in {"istioctl", "api"}:
            continue
        if any(injects(w, labels, workload.template_labels) for w in mesh.injectors):
            continue
        yield Finding(
            code=CODE,
            severity=Severity.BLOCKED if workload.key in mesh.live else Severity.ADVISORY,
            subject=workload.name,
            summary=f"{workload.name}: nothing serves {REVISION}={asked}, new pods start without a sidecar",
            why="Kubernetes gives no error: no webhook selects the pod",
            do=(
                f"kubectl -n {workload.ref.namespace} edit {workload.ref.kind.kind.lower()} {workload.ref.name}      # that label of its template",
            ),
            objects=(workload.key,),
        )
