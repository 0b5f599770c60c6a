from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.capacity.pods import (
    containers_of,
    istiod_resources,
    requested,
    written_containers,
)
from upgrader.checks.capacity.quantities import quantity, told
from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug, pod_template
from upgrader.checks.nodes.fields import takes_pods
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import ControlPlane, Document, Snapshot

RESOURCES = ("cpu", "memory")
_AGENTS = ("Deployment", "StatefulSet", "DaemonSet")


def second_control_plane(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report nodes that have no room for as many istiods again as run today.

    What pods outside of the mesh ask for is known only in part, so there is less room than is said: a finding is sure,
    silence is not. An autoscaler that adds nodes is not seen, which is why it never blocks.
    """
    nodes = _nodes(mesh)
    planes = [p for r in sorted(moving(mesh, context)) if (p := mesh.plane(r)) is not None and p.replicas]
    if not nodes or not planes or len(context.path) < 2:
        return
    taken = taken_of(mesh)
    for plane in planes:
        one = requested(istiod_resources(mesh, plane))
        for resource, need in zip(RESOURCES, one, strict=True):
            offered = [quantity(dug(n.body, "status", "allocatable", resource)) for n in nodes]
            free = sum(offered) - taken[resource]
            if need > max(offered):
                yield _finding(
                    plane, f"no node offers the {told(resource, need)} of {resource} that one pod requests",
                    (f"the largest node offers {told(resource, max(offered))}",),
                )  # fmt: skip
            elif need * plane.replicas > free + 1e-6:
                yield _finding(
                    plane, f"a second one requests {told(resource, need * plane.replicas)} of {resource}, "
                    f"and the nodes have {told(resource, max(free, 0))} left",
                    (f"{len(nodes)} nodes that take pods offer {told(resource, sum(offered))}",),
                )  # fmt: skip


def free_of(mesh: Snapshot, resource: str) -> float | None:
    """How much of *resource* (``cpu``, ``memory``) the nodes have left, as far as is seen; None where no node was read."""
    offered = [quantity(dug(n.body, "status", "allocatable", resource)) for n in _nodes(mesh)]
    return sum(offered) - taken_of(mesh)[resource] if offered else None


def _nodes(mesh: Snapshot) -> list[Document]:
    """Those that take pods, and say how much they offer."""
    return [n for n in documents(mesh, "Node") if takes_pods(n) and dug(n.body, "status", "allocatable")]


def _finding(plane: ControlPlane, said: str, what: tuple[str, ...]) -> Finding:
    name = f"{plane.ref.namespace}/{plane.ref.name}"
    return Finding(
        code="UPG-0376",
        severity=Severity.ADVISORY,
        subject=name,
        summary=f"{name}: {said}",
        what=(*what, "pods outside of the mesh were seen only in part, so there is less room than this"),
        why="both revisions run side by side until the last proxy has moved; the new istiod would stay Pending",
        do=("kubectl describe nodes      # Allocated resources", "add a node, or let the autoscaler do it"),
        hop=1,
        objects=(str(plane.ref),),
    )


def taken_of(mesh: Snapshot) -> Mapping[str, float]:
    """Cores (``cpu``) and bytes (``memory``) that the pods which the snapshot knows of request together."""
    if taken_of not in mesh.remembered:
        cpu = memory = 0.0
        for resources, count in _running(mesh):
            cores, size = requested(resources)
            cpu, memory = cpu + cores * count, memory + size * count
        mesh.remembered[taken_of] = {"cpu": cpu, "memory": memory}
    found: Mapping[str, float] = mesh.remembered[taken_of]
    return found


def _running(mesh: Snapshot) -> Iterator[tuple[Obj | None, int]]:
    """Resources of each container, and how many such containers there are."""
    proxies = mesh.live
    for workload in mesh.workloads:
        served = proxies.get(workload.key)
        containers = (
            containers_of(mesh, workload, served[0].revision) if served else written_containers(workload)
        )
        for container in containers:
            yield container.get("resources"), workload.replicas
    yield from _beside(mesh)


def _beside(mesh: Snapshot) -> Iterator[tuple[Obj | None, int]]:
    """The same of what is no workload of the mesh."""
    known = {w.ref for w in mesh.workloads}
    for plane in mesh.control_planes:
        if not pod_template(mesh, plane):  # else it is among the Deployments below
            yield istiod_resources(mesh, plane), plane.replicas
    for kind in _AGENTS:
        for agent in documents(mesh, kind):
            if agent.ref not in known:
                for container in dug(agent.body, "spec", "template", "spec", "containers") or ():
                    yield container.get("resources"), _pods(agent)


def _pods(agent: Document) -> int:
    scheduled, wanted = (
        dug(agent.body, "status", "desiredNumberScheduled"),
        dug(agent.body, "spec", "replicas"),
    )
    if agent.ref.kind.kind == "DaemonSet":
        return int(scheduled or 0)
    return 1 if wanted is None else int(wanted)
