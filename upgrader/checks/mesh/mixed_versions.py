from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import ControlPlane, Snapshot


def mixed_versions(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a revision that is served by istiods of several images: which one answers is chance."""
    del context
    planes: dict[str, list[ControlPlane]] = {}
    for plane in mesh.control_planes:
        planes.setdefault(plane.revision, []).append(plane)
    for revision, members in planes.items():
        images = {(m.image.repository, m.image.tag, m.image.digest) for m in members}
        injected = members[0].proxy_image
        if len(images) > 1:
            yield _finding(revision, members, f"{len(members)} istiods with {len(images)} images")
        elif injected and injected.tag and members[0].image.tag and injected.tag != members[0].image.tag:
            yield _finding(revision, members, f"istiod is {members[0].image.tag}, but injects {injected.tag}")


def _finding(revision: str, members: list[ControlPlane], trouble: str) -> Finding:
    return Finding(
        code="UPG-0202",
        severity=Severity.BLOCKED,
        subject=f"revision {revision}",
        summary=f"revision {revision}: {trouble}",
        what=tuple(f"{m.ref}: {m.image.repository}:{m.image.tag}" for m in members),
        why="two versions under one name can not be told apart later, nor gone back to",
        do=(
            f"kubectl get deployments -A -l app=istiod,istio.io/rev={revision} -o wide",
            "install that revision again with the installer of one version",
        ),
        objects=tuple(str(m.ref) for m in members),
    )
