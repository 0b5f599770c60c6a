from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import ControlPlane, Snapshot


def target_installed(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report hops whose revision is there already: it is used as it is, where it equals the manifests."""
    for number, target in enumerate(context.path[1:], start=1):
        plane = mesh.plane(target.revision)
        if plane is None:
            continue
        if not plane.replicas:
            yield _frozen(plane, number)
            continue
        count = len(mesh.proxies_of(plane.revision))
        yield Finding(
            code="UPG-0332",
            severity=Severity.ADVISORY,
            subject=f"revision {plane.revision}",
            summary=f"revision {plane.revision}: installed already, {count} proxies use it",
            what=(f"{plane.ref}, istiod {plane.version or 'of unknown version'}",),
            why="an earlier run, or somebody by hand, has begun this hop; going back leaves that revision in place",
            do=("upgrade status      # is another run open",),
            hop=number,
            objects=(str(plane.ref),),
        )


def _frozen(plane: ControlPlane, number: int) -> Finding:
    name = f"deployment/{plane.ref.name}"
    return Finding(
        code="UPG-0332",
        severity=Severity.BLOCKED,
        subject=f"revision {plane.revision}",
        summary=f"revision {plane.revision}: installed already, but scaled to 0",
        what=(f"{plane.ref}, istiod {plane.version or 'of unknown version'}",),
        why="a revision that is there is used as it is, and this one could serve nobody",
        do=(f"kubectl -n {plane.ref.namespace} scale {name} --replicas=1",),
        hop=number,
        objects=(str(plane.ref),),
    )
