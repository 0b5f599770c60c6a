from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted

_KEYS = {
    "argocd.argoproj.io/tracking-id": "Argo CD",
    "argocd.argoproj.io/instance": "Argo CD",
    "kustomize.toolkit.fluxcd.io/name": "Flux",
    "helm.toolkit.fluxcd.io/name": "Flux",
}
"""Labels or annotations that say who keeps an object as its repository says."""


def gitops(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report control planes and namespaces that a repository keeps as it says: it may undo what a hop changes."""
    del context
    spaces = {*mesh.owners.values()}
    kept: dict[str, list[str]] = {}
    for plane in mesh.control_planes:
        for tool in _tools(plane.labels, plane.annotations):
            kept.setdefault(tool, []).append(f"{plane.ref}")
    for namespace in mesh.namespaces:
        for tool in _tools(namespace.labels, namespace.annotations) if namespace.name in spaces else ():
            kept.setdefault(tool, []).append(f"Namespace {namespace.name}")
    for tool, objects in sorted(kept.items()):
        yield Finding(
            code="UPG-0331",
            severity=Severity.ADVISORY,
            subject=tool,
            summary=f"{tool} keeps {counted(len(objects), 'object')} of this mesh as a repository says",
            what=(some(objects),),
            why="labels that a hop changes may be changed back, and pods would then start on the old revision",
            do=(
                "make the same change in the repository, in the same order",
                "or suspend it for these objects until the run has ended",
            ),
            objects=tuple(objects),
        )


def _tools(*marks: Mapping[str, str]) -> list[str]:
    return sorted({tool for key, tool in _KEYS.items() for mark in marks if key in mark})
