from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import kubectl, moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import ControlPlane, Snapshot


def not_ready(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report control planes that are not wholly there: nothing is moved away from, or back to, a sick istiod.

    One that nothing uses and no hop touches is only mentioned.
    """
    concerned = moving(mesh, context) | mesh.revisions | {v.revision for v in context.path}
    for plane in mesh.control_planes:
        trouble = _trouble(plane, mesh.proxies_on(plane.revision))
        if trouble:
            yield Finding(
                code="UPG-0305",
                severity=Severity.BLOCKED if plane.revision in concerned else Severity.ADVISORY,
                subject=f"{plane.ref.namespace}/{plane.ref.name}",
                summary=f"{plane.ref.namespace}/{plane.ref.name}: {trouble}",
                what=(f"revision {plane.revision}: {plane.ready} of {plane.replicas} ready",),
                why="going back needs the old control plane, and going on needs one to compare with",
                do=(kubectl(plane.ref, "rollout status"), kubectl(plane.ref, "describe")),
                objects=(str(plane.ref),),
            )


def _trouble(plane: ControlPlane, proxies: int) -> str:
    if plane.replicas == 0:
        return f"scaled to 0 while {proxies} proxies use it" if proxies else ""
    if plane.ready < plane.replicas:
        return f"{plane.ready} of {plane.replicas} istiod pods are ready"
    return "" if plane.settled else "its rollout has not finished"
