from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import kubectl
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def unknown_version(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report control planes whose image tag names no release, such as ``latest`` or only a digest."""
    for plane in mesh.control_planes:
        if plane.version:
            continue
        name = f"{plane.ref.namespace}/{plane.ref.name}"
        tag = f"tag {plane.image.tag}" if plane.image.tag else "image without a tag"
        example = str(context.path[0]) if context.path else "1.29.6"
        yield Finding(
            code="UPG-0103",
            severity=Severity.BLOCKED,
            subject=name,
            summary=f"{name}: {tag} does not say which release runs",
            what=(f"image {plane.image.repository}:{plane.image.tag or plane.image.digest}",),
            why="one minor version per hop can only be kept when the first one is known",
            do=(kubectl(plane.ref, "set image", f"discovery={plane.image.repository}:{example}"),),
            objects=(str(plane.ref),),
        )
