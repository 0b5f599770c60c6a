from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.context import Context
from upgrader.checks.scope import leave_behind, moving, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import INJECT
from upgrader.model.injection import injection as injection_of
from upgrader.model.snapshot import Snapshot, Workload

_PLAIN = frozenset({"", "true", "false"})


def odd_values(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads for which a hop reads ``sidecar.istio.io/inject`` in another way.

    Since 1.27.0 (PR 56737) only ``true`` and ``false`` are understood; ``no``, ``off`` or ``False`` no longer opt out.
    """
    revisions = moving(mesh, context)
    for workload in mesh.workloads:
        value = workload.template_labels.get(INJECT, workload.template_annotations.get(INJECT, ""))
        if value in _PLAIN or stays(context, workload.ref.namespace, workload.ref.name):
            continue
        before = _gets(mesh, workload, {})
        for number, target in enumerate(context.path[1:], start=1):
            after = _gets(mesh, workload, dict.fromkeys(revisions, str(target)))
            if bool(after) != bool(before):
                yield _finding(workload, value, number, bool(after), context)
                break


def _gets(mesh: Snapshot, workload: Workload, instead: Mapping[str, str]) -> str:
    space = mesh.namespace(workload.ref.namespace)
    versions = {p.revision: p.version for p in mesh.control_planes} | dict(instead)
    return injection_of(
        workload.ref.namespace,
        space.labels if space else {},
        workload.template_labels,
        workload.template_annotations,
        workload.host_network,
        mesh.injectors,
        versions,
    ).winner


def _finding(workload: Workload, value: str, number: int, gains: bool, context: Context) -> Finding:
    change = "get a sidecar, which they do not have now" if gains else "lose their sidecar"
    where = "label" if INJECT in workload.template_labels else "annotation"
    kind = "labels" if where == "label" else "annotations"
    right = "false" if gains else "true"
    patch = f"""-p '{{"spec":{{"template":{{"metadata":{{"{kind}":{{"{INJECT}":"{right}"}}}}}}}}}}'"""
    command = (
        f"kubectl -n {workload.ref.namespace} patch {workload.ref.kind.kind.lower()}/{workload.ref.name}"
    )
    return Finding(
        code="UPG-0321",
        severity=Severity.BLOCKED,
        subject=workload.name,
        summary=f"{workload.name}: hop {number} reads {INJECT}={value} in another way, its pods would {change}",
        what=(f"{where} {INJECT}={value} of the pod template",),
        why="from 1.27 on only true and false are understood, every other value counts as not set",
        do=(f"{command} {patch}", leave_behind(context, workload.name)),
        hop=number,
        allowable=True,
        objects=(str(workload.ref),),
    )
