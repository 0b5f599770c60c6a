from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import moved, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION, Injectors
from upgrader.model.ownership import resolve
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.model.step import counted


def ignored_labels(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report pod templates that name a revision which does not inject them, for their namespace decides (istio/istio issue 48316).

    ``rev.object.`` selects only where the namespace has neither of the two labels (mutatingwebhook.yaml of istiod's
    chart, 1.12 to 1.31), so whoever put a workload on another revision by its own label did not.
    """
    injectors = Injectors.of(mesh)
    found: dict[str, list[tuple[Workload, str, str]]] = {}
    for workload, _ in moved(mesh, context):
        asked = workload.template_labels.get(REVISION)
        if asked is None or workload.gateway:
            continue
        winner = injectors.next_proxy(mesh, workload).winner
        if winner and winner not in resolve(asked, mesh):
            found.setdefault(workload.ref.namespace, []).append((workload, asked, winner))
    for namespace, workloads in found.items():
        yield _finding(namespace, workloads)


def _finding(namespace: str, workloads: list[tuple[Workload, str, str]]) -> Finding:
    names = [w.ref.name for w, _, _ in workloads]
    first, asked, _ = workloads[0]
    count = counted(len(names), "workload")
    return Finding(
        code="UPG-0338",
        severity=Severity.ADVISORY,
        subject=f"pods of {namespace}",
        summary=f"pods of {namespace}: {count} with a label of another revision than the one that injects",
        what=tuple(
            f"{w.ref}: {REVISION}={label}, injected by {winner}" for w, label, winner in workloads[:8]
        ),
        why="the label of the namespace decides, so they move with it, and were never on the revision that they name",
        do=(
            f"take {REVISION}={asked} out of the template: kubectl -n {namespace} edit {first.ref.kind.kind.lower()} {first.ref.name}",
            f"or take the label off the namespace, and put one on every workload of it: {some(names, 3)} and the rest",
        ),
        objects=tuple(str(w.ref) for w, _, _ in workloads),
    )
