from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.capacity.pods import istiod_resources
from upgrader.checks.capacity.quantities import GIB, quantity, told
from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug
from upgrader.checks.nodes.fields import takes_pods
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import ControlPlane, Snapshot

RULE = ((200, 16), (50, 8), (10, 4))
"""More Services than this ask for as many GiB."""
_RANGES = {
    16: "over 200 Services: 16 GiB",
    8: "50 to 200 Services: 8 to 12 GiB",
    4: "10 to 50 Services: 4 GiB",
}


def istiod_memory(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report an istiod that may not use as much memory as so many Services may ask for.

    The rule is not Istio's: teams that lost a control plane in an upgrade made it up afterwards, generously, because
    every proxy connects anew while a revision moves. What counts is the limit, or the largest node where there is none.
    """
    wanted = _wanted(_services(mesh))
    if not wanted:
        return
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is not None:
            yield from _of(mesh, plane, wanted)


def _of(mesh: Snapshot, plane: ControlPlane, wanted: int) -> Iterator[Finding]:
    resources = istiod_resources(mesh, plane)
    limit = quantity(dug(resources, "limits", "memory"))
    largest = max(
        (
            quantity(dug(n.body, "status", "allocatable", "memory"))
            for n in documents(mesh, "Node")
            if takes_pods(n)
        ),
        default=0,
    )
    most = limit or largest
    if not most or most >= wanted * GIB:
        return
    name = f"{plane.ref.namespace}/{plane.ref.name}"
    place = "its memory limit is" if limit else "no node that takes pods offers more memory than"
    yield Finding(
        code="UPG-0375",
        severity=Severity.ADVISORY,
        subject=name,
        summary=f"{name}: {place} {told('memory', most)}, for {_services(mesh)} Services {wanted} GiB are advised",
        what=(
            f"it requests {dug(resources, 'requests', 'memory') or 'none'}",
            f"the rule: {_RANGES[wanted]}",
        ),
        why="a rule of thumb of operators, not Istio's: while a revision moves every proxy connects anew, and istiod that is"
        " killed for memory takes injection with it",
        do=(
            f"kubectl -n {plane.ref.namespace} top pod -l istio.io/rev={plane.revision}      # far below: leave it as it is",
            f"set resources.limits.memory of istiod to {wanted}Gi in the values of the new revision"
            if limit
            else "add a larger node",
        ),
        objects=(str(plane.ref),),
    )


def _services(mesh: Snapshot) -> int:
    return sum(1 for _ in documents(mesh, "Service"))


def _wanted(services: int) -> int:
    return next((gib for least, gib in RULE if services > least), 0)
