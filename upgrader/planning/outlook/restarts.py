"""What the restarts of a plan mean for those who use what is restarted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from upgrader.checks.capacity.pods import asked, containers_of
from upgrader.checks.capacity.room import free_of
from upgrader.checks.restarts.outlook import outlook
from upgrader.checks.restarts.restart import How, Restart
from upgrader.checks.restarts.surroundings import Surroundings
from upgrader.model.kinds import DEPLOYMENT
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.planning.foresight.forecast import gateway_name
from upgrader.planning.outlook.expected import Outlook, Peak
from upgrader.planning.plan import Hop, Planned, Wave
from upgrader.steps import ApplyManifests, RestartWorkload


def outlook_of(mesh: Snapshot, hops: Sequence[Hop]) -> Outlook:
    """Every workload whose pods a hop replaces, each once, with the hops that do; the same snapshot serves all hops."""
    if not hops:
        return Outlook()
    around, known = Surroundings.of(mesh), {w.key: w for w in mesh.workloads}
    gateways = {gateway_name(g): f"Deployment {g.deployment}" for g in mesh.api_gateways}
    found: dict[str, tuple[How, list[int]]] = {}
    for hop in hops:
        once: dict[str, How] = {}
        for item in hop.items():
            for key, how in replaced(item, gateways):
                once.setdefault(key, how)
        for key, how in once.items():
            found.setdefault(key, (how, []))[1].append(hop.number)
    restarts = tuple(
        outlook(known[key], around, how=how, hops=tuple(numbers))
        for key, (how, numbers) in found.items()
        if key in known
    )
    by_name = {r.workload: r for r in restarts}
    return Outlook(restarts=restarts, peak=_peak(mesh, hops, by_name, known), unknown=around.unknown)


def replaced(item: Planned, gateways: Mapping[str, str]) -> Sequence[tuple[str, How]]:
    """``Kind namespace/name`` of every workload whose pods *item* replaces, and by whom.

    Args:
        item: A step or gate.
        gateways: Gateway (``namespace/name``) to the Deployment that istiod keeps for it.
    """
    match item.action:
        case RestartWorkload() as step:
            return ((str(step.ref), "restart"),)
        case ApplyManifests(part="ingress-gateway") as step:
            return [(str(d.ref), "apply") for d in step.documents if d.ref.kind == DEPLOYMENT]
        case _:
            return [(gateways[name], "roll") for name in item.rolls if name in gateways]


def _peak(
    mesh: Snapshot, hops: Sequence[Hop], restarts: Mapping[str, Restart], known: Mapping[str, Workload]
) -> Peak | None:
    """The wave with most pods beside those that run now: its restarts with most of them, as many as go at once."""
    waves = [(hop, wave, _largest(wave, restarts)) for hop in hops for wave in hop.waves]
    hop, wave, largest = max(waves, key=lambda row: sum(r.extra for r in row[2]))
    if not sum(r.extra for r in largest):
        return None
    wanted = {"requests.cpu": 0.0, "requests.memory": 0.0}
    for restart in largest:
        workload = known[restart.workload]
        live = mesh.live.get(restart.workload)
        one = asked(containers_of(mesh, workload, live[0].revision if live else hop.old))
        for resource in wanted:
            wanted[resource] += one.get(resource, 0) * restart.extra
    return Peak(
        hop=hop.number,
        wave=wave.name,
        pods=sum(r.extra for r in largest),
        cpu=wanted["requests.cpu"],
        memory=wanted["requests.memory"],
        free_cpu=free_of(mesh, "cpu"),
        free_memory=free_of(mesh, "memory"),
    )


def _largest(wave: Wave, restarts: Mapping[str, Restart]) -> list[Restart]:
    refs = (str(i.action.ref) for i in wave.items if isinstance(i.action, RestartWorkload))
    found = sorted((restarts[ref] for ref in refs if ref in restarts), key=lambda r: r.extra, reverse=True)
    return found[: max(1, wave.at_once)]
