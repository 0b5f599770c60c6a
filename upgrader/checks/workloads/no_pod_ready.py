from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.restarts.outlook import outlook, pace_of
from upgrader.checks.restarts.restart import Restart
from upgrader.checks.restarts.surroundings import Surroundings
from upgrader.checks.scope import kubectl, moved, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Ref
from upgrader.model.snapshot import Snapshot, Workload

CODE = "UPG-0348"
_SURGE = """-p '{"spec":{"strategy":{"rollingUpdate":{"maxSurge":1,"maxUnavailable":0}}}}'"""


def no_pod_ready(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads of which no pod is ready for a while, or of which nobody can tell: their only pod has no readinessProbe.

    Recreate is told by ``recreate``. Facts: ``model.rolling``; a container without a readinessProbe counts as ready as soon as
    it runs (kubernetes.io, concepts/workloads/pods/pod-lifecycle), so the old pod goes before the new one can serve.
    """
    around = Surroundings.of(mesh)
    unproven: list[Workload] = []
    for workload, _ in moved(mesh, context):
        rolls = pace_of(workload, around).rolls
        if not workload.replicas or rolls.per_node or workload.strategy == "Recreate":
            continue
        if not rolls.lowest:
            yield _outage(workload.ref, outlook(workload, around))
        elif workload.replicas == 1 and rolls.pods:
            found = outlook(workload, around)
            unproven += [workload] if found.served and found.probed is False else []
    if unproven:
        yield _unproven(unproven)


def _outage(ref: Ref, found: Restart) -> Finding:
    only = found.replicas == 1
    pods = "its only pod ends" if only else f"all {found.replicas} pods may end"
    gap = found.gap.longest.total_seconds() if found.gap else 0
    if ref.kind.kind == "Deployment":
        do: tuple[str, ...] = (f"{kubectl(ref, 'patch', _SURGE)}      # if one pod more may run meanwhile",)
    elif only:
        do = (f"{kubectl(ref, 'scale', '--replicas=2')}      # if it can run twice",)
    else:
        do = (f"{kubectl(ref, 'edit')}      # a smaller maxUnavailable",)
    return Finding(
        code=CODE,
        severity=Severity.ADVISORY,
        subject=found.name,
        summary=f"{found.name}: {pods} before a new one is ready, so nothing serves for a while",
        what=(
            f"{found.kind} with {found.strategy or 'unknown strategy'}, {found.replicas} replicas",
            f"up to {gap:.0f} s, {'as its pods tell' if found.seen else 'assumed, for no pod told how long it takes'}",
        ),
        why="each hop restarts it once, so each hop has such a gap",
        do=("choose a quiet hour for its wave", *do),
        objects=(found.workload,),
    )


def _unproven(workloads: list[Workload]) -> Finding:
    names = [w.name for w in workloads]
    first = workloads[0].ref
    one = len(names) == 1
    return Finding(
        code=CODE,
        severity=Severity.ADVISORY,
        subject="",
        summary=f"{len(names)} workload{' has' if one else 's have'} a single pod without a readinessProbe: the old one goes "
        "as soon as the new one runs",
        what=(some(names, 10),),
        why="a container without a readinessProbe counts as ready at once, also while its application still starts",
        do=(
            f"{kubectl(first, 'edit')}      # a readinessProbe, or minReadySeconds as long as it takes to start",
        ),
        objects=tuple(w.key for w in workloads),
    )
