from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from math import ceil

from upgrader.checks.context import Context
from upgrader.checks.restarts.outlook import outlook, pace_of
from upgrader.checks.restarts.restart import Restart
from upgrader.checks.restarts.surroundings import Surroundings
from upgrader.checks.scope import kubectl, moved
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Ref
from upgrader.model.snapshot import Snapshot


def slow(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads whose restart may take longer than a run waits for one step: the run would stop in the middle of it.

    Also those of which one pod may take longer than the progress deadline of its Deployment: Kubernetes then calls the rollout
    failed (pkg/controller/deployment, ``DeploymentTimedOut``), and so does the step.
    """
    around = Surroundings.of(mesh)
    for workload, _ in moved(mesh, context):
        pace = pace_of(workload, around)
        if pace.length.longest > context.step_patience:
            yield _finding(workload.ref, outlook(workload, around), context)
            continue
        pod, deadline = pace.start.longest.total_seconds() + workload.min_ready, workload.progress_deadline
        if deadline and pod > deadline:
            yield _late(workload.ref, outlook(workload, around), pod, deadline)


def _finding(ref: Ref, found: Restart, context: Context) -> Finding:
    waits = _minutes(context.step_patience)
    longest = ceil(found.length.longest.total_seconds() / 600) * 10
    return Finding(
        code="UPG-0349",
        severity=Severity.ADVISORY,
        subject=found.name,
        summary=f"{found.name}: its restart takes {_minutes(found.length.shortest)} to {_minutes(found.length.longest)} min, "
        f"and a run waits {waits} min for a step",
        what=(
            f"{found.replicas} pods in {found.batches} batches, one after the other",
            f"a pod takes {_seconds(found)} to be ready, and may take {found.stop.longest.total_seconds():.0f} s to end",
        ),
        why="after that time the run stops, with both revisions serving, while the rollout goes on by itself",
        do=(
            f"patience: {{step: {longest}m}}      # in the playbook",
            f"{kubectl(ref, 'edit')}      # or more pods at a time: maxUnavailable",
        ),
        objects=(found.workload,),
    )


def _late(ref: Ref, found: Restart, pod: float, deadline: int) -> Finding:
    return Finding(
        code="UPG-0349",
        severity=Severity.ADVISORY,
        subject=found.name,
        summary=f"{found.name}: a pod takes up to {pod:.0f} s until it counts, and its rollout is called failed "
        f"after {deadline} s",
        what=(
            f"progressDeadlineSeconds {deadline}",
            f"a pod takes {_seconds(found)} to be ready",
        ),
        why="Kubernetes then reports ProgressDeadlineExceeded, and the run stops there",
        do=(f"{kubectl(ref, 'edit')}      # a longer progressDeadlineSeconds",),
        objects=(found.workload,),
    )


def _seconds(found: Restart) -> str:
    low, high = (one.total_seconds() for one in (found.start.shortest, found.start.longest))
    source = f"as {found.seen} of its pods tell" if found.seen else "assumed"
    return f"{low:.0f}-{high:.0f} s ({source})"


def _minutes(length: timedelta) -> int:
    return ceil(length.total_seconds() / 60)
