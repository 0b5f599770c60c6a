from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import kubectl, moved
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import label_selector_matches
from upgrader.model.rolling import rolling, share
from upgrader.model.snapshot import Disruption, Snapshot, Workload


def budgets(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads whose own update strategy takes down more pods than their PodDisruptionBudget allows.

    Kubernetes does not apply budgets to rolling updates (they limit evictions), so nothing would hold the restart
    back; the budget tells what its owner thinks is safe.
    """
    there: dict[str, list[Disruption]] = {}
    for budget in mesh.disruptions:
        there.setdefault(budget.ref.namespace, []).append(budget)
    for workload, _ in moved(mesh, context):
        for budget in there.get(workload.ref.namespace, ()):
            if not label_selector_matches(budget.selector, workload.template_labels):
                continue
            down, wanted = unavailable(workload), kept(budget, workload.replicas)
            tight = workload.replicas == 1 and wanted >= 1
            if tight or workload.replicas - down < wanted:
                yield _finding(workload, budget, down, wanted)


def _finding(workload: Workload, budget: Disruption, down: int, wanted: int) -> Finding:
    single = workload.replicas == 1
    said = (
        "runs a single pod"
        if single
        else f"its strategy takes down {down} of {workload.replicas} pods at once"
    )
    return Finding(
        code="UPG-0317",
        severity=Severity.ADVISORY,
        subject=workload.name,
        summary=f"{workload.name}: {said}, although its budget {budget.ref.name} wants {wanted} to stay",
        what=(f"{budget.ref}", f"strategy {workload.strategy or 'unknown'}: {down} down at once"),
        why="Kubernetes does not apply a PodDisruptionBudget to a rolling update: nothing holds this restart back",
        do=(kubectl(workload.ref, "scale", "--replicas=2"),)
        if single
        else (f"{kubectl(workload.ref, 'edit')}      # a smaller maxUnavailable",),
        objects=(str(workload.ref), str(budget.ref)),
    )


def unavailable(workload: Workload) -> int:
    """How many pods its update strategy takes down at the same time, at worst."""
    return rolling(workload).down


def kept(budget: Disruption, replicas: int) -> int:
    """How many pods the budget wants to stay; both its percentages are rounded up (pkg/controller/disruption)."""
    if budget.min_available:
        return share(budget.min_available, replicas, up=True)
    if budget.max_unavailable:
        return replicas - share(budget.max_unavailable, replicas, up=True)
    return 0
