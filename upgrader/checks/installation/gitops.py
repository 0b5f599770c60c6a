from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.context import Context
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import INJECTION, REVISION
from upgrader.model.ownership import DEFAULT_TAG, Tags, tags_of
from upgrader.model.snapshot import Namespace, Snapshot
from upgrader.model.step import counted
from upgrader.model.version import UNNAMED

_KEYS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}
"""Labels or annotations that say who keeps an object as its repository says."""
_MANAGERS = {
    "argocd-controller": "Argo CD",
    "argocd-application-controller": "Argo CD",
    "kustomize-controller": "Flux",
    "helm-controller": "Flux",
    "helm": "Helm",
}
"""Field managers of drivers that write what they keep again, with the next sync or the next upgrade of a chart."""


def gitops(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report control planes and namespaces that a repository or a chart keeps as it says: it may undo what a hop changes.

    Of a namespace it is told by marks of the object, or by who wrote the label that a hop changes.
    """
    leaving, tags = moving(mesh, context), tags_of(mesh)
    spaces = {*mesh.owners.values()}
    kept: dict[str, list[str]] = {}
    for plane in mesh.control_planes:
        for tool in _tools(plane.labels, plane.annotations):
            kept.setdefault(tool, []).append(f"{plane.ref}")
    for namespace in mesh.namespaces:
        found = _tools(namespace.labels, namespace.annotations) if namespace.name in spaces else set()
        for tool in found | _writers(namespace, leaving, tags):
            kept.setdefault(tool, []).append(f"Namespace {namespace.name}")
    for tool, objects in sorted(kept.items()):
        yield Finding(
            code="UPG-0331",
            severity=Severity.ADVISORY,
            subject=tool,
            summary=f"{tool} keeps {counted(len(objects), 'object')} of this mesh as a {'chart' if tool == 'Helm' else 'repository'} says",
            what=(some(objects),),
            why="labels that a hop changes may be changed back, and pods would then start on the old revision",
            do=(
                f"make the same change in the {'values of the chart' if tool == 'Helm' else 'repository'}, in the same order",
                "or suspend it for these objects until the run has ended",
            ),
            objects=tuple(objects),
        )


def _tools(*marks: Mapping[str, str]) -> set[str]:
    return {tool for key, tool in _KEYS.items() for mark in marks if key in mark}


def _writers(namespace: Namespace, leaving: frozenset[str], tags: Tags) -> set[str]:
    """Tools that wrote the label which a hop changes here; one that names a tag stays as it is, the tag moves."""
    labels = namespace.labels
    if INJECTION in labels:
        changed = (
            INJECTION
            if labels[INJECTION] == "enabled" and UNNAMED in leaving and DEFAULT_TAG not in tags
            else ""
        )
    else:
        changed = REVISION if labels.get(REVISION) in leaving - tags.keys() else ""
    writers = namespace.label_owners.get(changed, "").split(", ")
    return {_MANAGERS[one] for one in writers if one in _MANAGERS}
