from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.images.cause import INJECTED
from upgrader.checks.scope import ROLLED, pods, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import INJECT, REVISION, injects
from upgrader.model.snapshot import Snapshot, Workload

PROXY = "istio-proxy"
_DECIDES = ("istio-injection", REVISION, "istio.io/dataplane-mode")


def unasked(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report sidecars that nobody asked for by a label, where no webhook injects what has none any more.

    ``enableNamespacesByDefault`` does so, in an installation without a revision or in tag ``default``; an istioctl that
    made that tag anew lost it (istio/istio issue 36258).
    """
    for workload in mesh.workloads:
        count = sum(proxy.kind == "sidecar" for proxy in mesh.live.get(workload.key, ()))
        if (
            count
            and _is_silent(mesh, workload)
            and not stays(context, workload.ref.namespace, workload.ref.name)
        ):
            yield _finding(workload, count)


def _is_silent(mesh: Snapshot, workload: Workload) -> bool:
    """Whether neither it nor its namespace says anything, its template has no proxy, and no webhook selects it."""
    space = mesh.namespace(workload.ref.namespace)
    labels = space.labels if space else {}
    said = {*labels} & {*_DECIDES} or {*workload.template_labels} & {REVISION, INJECT}
    written = PROXY in workload.images or INJECTED in workload.template_annotations
    if said or written or workload.gateway or workload.ref.kind.kind not in ROLLED:
        return False
    return not any(injects(webhook, labels, workload.template_labels) for webhook in mesh.injectors)


def _finding(workload: Workload, count: int) -> Finding:
    namespace, name = workload.ref.namespace, workload.name
    return Finding(
        code="UPG-0347",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: no label asks for its sidecars, and nothing injects without one any more",
        what=(f"{pods(count)} with an injected proxy would lose it at their next start",),
        why="whatever injected pods without labels is gone, as when tag default was made without enableNamespacesByDefault",
        do=(
            f"kubectl label namespace {namespace} {REVISION}=REVISION_OR_TAG      # if it should have sidecars",
            f"kubectl -n {namespace} rollout restart {workload.ref.kind.kind.lower()}/{workload.ref.name}      # if not",
        ),
        objects=(workload.key,),
    )
