from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.images.cause import INJECTED
from upgrader.checks.scope import ROLLED, pods, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import INJECT, INJECTION, REVISION, injects
from upgrader.model.snapshot import Namespace, Snapshot, Workload

PROXY = "istio-proxy"
_DECIDES = frozenset({INJECTION, REVISION, "istio.io/dataplane-mode"})


def unasked(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report sidecars that nobody asked for by a label, where no webhook injects what has none any more.

    ``enableNamespacesByDefault`` does so, in an installation without a revision or in tag ``default``; an istioctl that
    made that tag anew lost it (istio/istio issue 36258).
    """
    for space in mesh.namespaces:
        if not _DECIDES.isdisjoint(space.labels):
            continue
        for workload in mesh.workloads_in(space.name):
            count = sum(proxy.kind == "sidecar" for proxy in mesh.live.get(workload.key, ()))
            if (
                count
                and _is_silent(mesh, space, workload)
                and not stays(context, space.name, workload.ref.name)
            ):
                yield _finding(workload, count)


def _is_silent(mesh: Snapshot, space: Namespace, workload: Workload) -> bool:
    """Whether it says nothing, as its namespace does, its template has no proxy, and no webhook selects it."""
    said = {*workload.template_labels} & {REVISION, INJECT}
    written = PROXY in workload.images or INJECTED in workload.template_annotations
    if said or written or workload.gateway or workload.ref.kind.kind not in ROLLED:
        return False
    return not any(injects(webhook, space.labels, workload.template_labels) for webhook in mesh.injectors)


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
