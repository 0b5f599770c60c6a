from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Belonging, ControlPlane, Snapshot
from upgrader.model.step import counted


def target_installed(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report hops whose revision is there already: it is used as it is, where it equals the manifests.

    Or of which only parts are there, such as roles, which an earlier try left over (istio/istio issue 39646): whoever owns them
    may refuse what the hop writes.
    """
    for number, target in enumerate(context.path[1:], start=1):
        plane = mesh.plane(target.revision)
        if plane is None:
            yield from _left_over(mesh, target.revision, number)
            continue
        if not plane.replicas:
            yield _frozen(plane, number)
            continue
        count = mesh.proxies_on(plane.revision)
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


def _left_over(mesh: Snapshot, revision: str, number: int) -> Iterator[Finding]:
    found = [b for b in mesh.belongings if b.revision == revision]
    if not found:
        return
    names = [f"{b.ref}, {_owners(b)}" for b in found]
    kinds = ",".join(sorted({b.ref.kind.plural for b in found}))
    yield Finding(
        code="UPG-0332",
        severity=Severity.ADVISORY,
        subject=f"revision {revision}",
        summary=f"revision {revision}: {counted(len(found), 'object')} of it left over, and no istiod",
        what=tuple(names[:5]) + ((f"and {len(names) - 5} more",) if len(names) > 5 else ()),
        why="an earlier try or an unfinished removal left them; the hop writes them as their owner, and a second owner refuses that",
        do=(
            f"kubectl get {kinds} -A -l istio.io/rev={revision} --show-managed-fields -o yaml      # whose they are",
            "remove them with the tool that made them, or leave them to the hop",
        ),
        hop=number,
        objects=tuple(str(b.ref) for b in found),
    )


def _owners(belonging: Belonging) -> str:
    owners = " and ".join(sorted(belonging.managers))
    return f"owned by {owners}" if owners else "owned by nobody who says so"
