from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog.needs import Need, needs_of
from upgrader.checks.context import Context
from upgrader.checks.scope import new_minors, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version

PART = "crds"


def istio_definitions(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report CustomResourceDefinitions of Istio that a hop's istiod needs, and that the hop brings (istio/istio issue 22560).

    Where its manifests have none, ``versions.crd_versions`` tells it.
    """
    there = {d.name: d.served for d in mesh.definitions}
    if not there:
        return
    told: set[str] = set()
    for number, target in new_minors(context):
        if PART not in context.parts.get(str(target), {PART}):
            continue
        for need in needs_of(target.series):
            names = [n for n in need.names if need.serves not in there.get(n, ()) and n not in told]
            if names and not need.optional:
                yield _finding(names, need, context, number, target)
                told |= set(names) if need.serves == "v1" else set()


def _finding(names: list[str], need: Need, context: Context, number: int, target: Version) -> Finding:
    subject = f"CRD {names[0]}" if len(names) == 1 else "CRDs of Istio"
    has = "have it" if str(target) in context.parts else "must have it"
    return Finding(
        code="UPG-0356",
        severity=Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: istiod {target.series} reads {need.serves}, which is not served yet; manifests of hop {number} {has}",
        what=(some(names),),
        why="definitions exist once for all revisions: newer ones serve the old istiod too, and they stay after a rollback",
        do=("nothing, the hop applies them before istiod",),
        hop=number,
        objects=tuple(f"CustomResourceDefinition {n}" for n in names),
    )
