from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

CODE = "UPG-0107"
LARGEST = 2
"""One revision that is left and one that is moved to; a third would be left half-way by somebody."""


def two_meshes(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report control planes in several namespaces, and more than two revisions that serve proxies."""
    del context
    roots = sorted({plane.ref.namespace for plane in mesh.control_planes})
    if len(roots) > 1:
        yield Finding(
            code=CODE,
            severity=Severity.BLOCKED,
            subject="",
            summary=f"control planes in {len(roots)} namespaces: {', '.join(roots)}",
            what=tuple(
                f"{p.ref}: revision {p.revision}, {p.version or 'version unknown'}"
                for p in mesh.control_planes
            ),
            why="two root namespaces are two meshes, and one run drives one mesh",
            do=("kubectl get deployments -A -l app=istiod      # remove the one that is not used",),
            objects=tuple(str(p.ref) for p in mesh.control_planes),
        )
    serving = sorted(r for r in mesh.revisions if mesh.plane(r))
    if len(serving) > LARGEST:
        yield Finding(
            code=CODE,
            severity=Severity.BLOCKED,
            subject="",
            summary=f"{len(serving)} revisions serve proxies: {', '.join(serving)}",
            what=tuple(f"{revision}: {mesh.proxies_on(revision)} proxies" for revision in serving),
            why="a hop moves proxies from one revision to another; which of the others should be left is not ours to guess",
            do=("finish the earlier move first: restart what still runs on the oldest of them",),
            objects=tuple(serving),
        )
