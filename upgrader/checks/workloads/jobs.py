from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import leave_behind, moving, pods, stays, unrolled
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import Injectors
from upgrader.model.snapshot import Snapshot

CODE = "UPG-0312"


def jobs(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Jobs that run with a sidecar, which must end by themselves, and CronJobs, which may start during a hop."""
    for kind, namespace, name, count in unrolled(mesh, context):
        if kind == "Job":
            yield Finding(
                code=CODE,
                severity=Severity.BLOCKED,
                subject=f"{namespace}/{name}",
                summary=f"{namespace}/{name}: a Job runs with {pods(count)}, and is not restarted",
                why="restarting would lose its work; until it ends, the revision that made its sidecar is needed",
                do=(
                    f"kubectl -n {namespace} wait --for=condition=complete job/{name} --timeout=1h",
                    leave_behind(context, f"{namespace}/{name}"),
                ),
                allowable=True,
                objects=(f"Job {namespace}/{name}",),
            )
    yield from _cron_jobs(mesh, context)


def _cron_jobs(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    revisions = moving(mesh, context)
    injectors = Injectors.of(mesh)
    for workload in mesh.workloads:
        if workload.ref.kind.kind != "CronJob" or stays(context, workload.ref.namespace, workload.ref.name):
            continue
        found = injectors.next_proxy(mesh, workload)
        if found.winner in revisions:
            yield Finding(
                code=CODE,
                severity=Severity.ADVISORY,
                subject=workload.name,
                summary=f"{workload.name}: a CronJob, its runs get a sidecar of {found.winner} until what binds it moves",
                why="a run that starts before that moment keeps its sidecar, and the old revision, until it ends",
                do=(
                    f"kubectl -n {workload.ref.namespace} get cronjob {workload.ref.name}      # when does it run next",
                ),
                objects=(str(workload.ref),),
            )
