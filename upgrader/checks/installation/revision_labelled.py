from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import moving, some, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.snapshot import CustomResource, Snapshot
from upgrader.model.step import counted

_INSTALL = "install.istio.io"


def revision_labelled(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Istio objects that are labelled for a revision that is left: nothing else reads them.

    Fact: pkg/config/model.go (``LabelsInRevision``) of Istio 1.12 to 1.31 compares with the revision itself; a tag
    does not count. What the installer made for that revision goes with it and is no loss.
    """
    revisions = moving(mesh, context)
    installed = {(b.ref.kind.kind, b.ref.namespace, b.ref.name) for b in mesh.belongings}
    found: dict[tuple[str, str], list[CustomResource]] = {}
    for resource in mesh.resources:
        revision = resource.labels.get(REVISION, "")
        if revision not in revisions:
            continue
        group = resource.ref.kind.group
        part_of_it = (resource.ref.kind.kind, resource.ref.namespace, resource.ref.name) in installed
        ours = group.endswith("istio.io") and group != _INSTALL and not part_of_it
        if ours and not stays(context, resource.ref.namespace):
            found.setdefault((resource.ref.namespace, revision), []).append(resource)
    for (namespace, revision), resources in sorted(found.items()):
        yield _finding(namespace, revision, resources)


def _finding(namespace: str, revision: str, resources: list[CustomResource]) -> Finding:
    names = [f"{r.ref.kind.kind} {r.ref.name}" for r in resources]
    return Finding(
        code="UPG-0328",
        severity=Severity.BLOCKED,
        subject=f"Namespace {namespace}",
        summary=f"Namespace {namespace}: {counted(len(names), 'Istio object')} for revision {revision} only",
        what=(f"label {REVISION}={revision} on {some(names)}",),
        why="a workload that moves to another revision no longer gets them: routes, policies or filters vanish silently",
        do=tuple(
            f"kubectl -n {namespace} label {r.ref.kind.resource} {r.ref.name} {REVISION}-"
            for r in resources[:5]
        ),
        allowable=True,
        objects=tuple(str(r.ref) for r in resources),
    )
