from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import Injectors, injects
from upgrader.model.snapshot import Labels, Namespace, Snapshot


def two_injectors(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report namespaces in which two revisions would inject the same pod; the name of a webhook then decides."""
    if len({w.revision for w in mesh.injectors}) < 2:
        return
    injectors = Injectors.of(mesh)
    for namespace in mesh.namespaces:
        if stays(context, namespace.name):
            continue
        asking = injectors.within(namespace.name, namespace.labels)
        for labels, notes, name in _pods_of(mesh, namespace):
            found = asking.injection(labels, notes)
            if found.conflict:
                yield _finding(mesh, namespace, labels, name, found.revisions)
                break


def _pods_of(mesh: Snapshot, namespace: Namespace) -> Iterator[tuple[Labels, Labels, str]]:
    """A plain pod, then one of each workload: labels, annotations, and what to call it."""
    yield {}, {}, "a pod without labels"
    for workload in mesh.workloads_in(namespace.name):
        if not workload.host_network:
            yield workload.template_labels, workload.template_annotations, workload.name


def _finding(
    mesh: Snapshot, namespace: Namespace, labels: Labels, name: str, revisions: tuple[str, ...]
) -> Finding:
    webhooks = sorted(w.ref.name for w in mesh.injectors if injects(w, namespace.labels, labels))
    return Finding(
        code="UPG-0320",
        severity=Severity.BLOCKED,
        subject=f"Namespace {namespace.name}",
        summary=f"Namespace {namespace.name}: revisions {' and '.join(revisions)} both inject {name}",
        what=(f"webhook configurations: {some(webhooks)}",),
        why="the one whose name comes last wins, and a rename or a new tag would change that silently",
        do=(
            f"kubectl get mutatingwebhookconfigurations {' '.join(webhooks)} -o yaml",
            "remove the one that is left over",
        ),
        objects=(f"Namespace {namespace.name}", *(f"MutatingWebhookConfiguration {w}" for w in webhooks)),
    )
