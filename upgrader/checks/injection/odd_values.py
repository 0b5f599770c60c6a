from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.context import Context
from upgrader.checks.scope import kubectl, leave_behind, moving, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import INJECT, Injectors, Istiods
from upgrader.model.kinds import CRON_JOB
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
    running = Istiods.of(mesh)
    istiods = Istiods({**running.versions, **instead}, running.settings)
    return Injectors(mesh.injectors, istiods).next_proxy(mesh, workload).winner


def asking(workload: Workload, value: str, kind: str = "labels") -> str:
    """The command that writes ``sidecar.istio.io/inject`` into its pod template, among *kind* (``labels`` or ``annotations``)."""
    spec = f"""{{"template":{{"metadata":{{"{kind}":{{"{INJECT}":"{value}"}}}}}}}}"""
    if workload.ref.kind == CRON_JOB:
        spec = f"""{{"jobTemplate":{{"spec":{spec}}}}}"""
    return kubectl(workload.ref, "patch", f"""-p '{{"spec":{spec}}}'""")


def _finding(workload: Workload, value: str, number: int, gains: bool, context: Context) -> Finding:
    change = "get a sidecar, which they do not have now" if gains else "lose their sidecar"
    where = "label" if INJECT in workload.template_labels else "annotation"
    kind = "labels" if where == "label" else "annotations"
    right = "false" if gains else "true"
    return Finding(
        code="UPG-0321",
        severity=Severity.BLOCKED,
        subject=workload.name,
        summary=f"{workload.name}: hop {number} reads {INJECT}={value} in another way, its pods would {change}",
        what=(f"{where} {INJECT}={value} of the pod template",),
        why="from 1.27 on only true and false are understood, every other value counts as not set",
        do=(asking(workload, right, kind), leave_behind(context, workload.name)),
        hop=number,
        allowable=True,
        objects=(str(workload.ref),),
    )
