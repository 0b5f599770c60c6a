from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot, Workload
from upgrader.model.step import counted

_MARKS = {
    "linkerd.io/inject": ("Linkerd", frozenset({"enabled", "ingress"})),
    "consul.hashicorp.com/connect-inject": ("Consul", frozenset({"true"})),
    "kuma.io/sidecar-injection": ("Kuma", frozenset({"enabled", "true"})),
}
"""Label or annotation to the mesh that reads it, and the values with which it injects."""
_KEYS = frozenset(_MARKS)


def other_meshes(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads of this mesh into which another mesh's injector puts a proxy as well."""
    del context
    proxies = mesh.live
    spaces = {n.name: {**n.labels, **n.annotations} for n in mesh.namespaces}
    found: dict[str, list[str]] = {}
    for workload in mesh.workloads:
        if workload.key in proxies:
            for name in _injecting(workload, spaces.get(workload.ref.namespace, {})):
                found.setdefault(name, []).append(workload.key)
    for name, objects in sorted(found.items()):
        yield Finding(
            code="UPG-0390",
            severity=Severity.ADVISORY,
            subject=name,
            summary=f"{name}: injects {counted(len(objects), 'workload')} that has a sidecar of Istio too"
            if len(objects) == 1
            else f"{name}: injects {len(objects)} workloads that have a sidecar of Istio too",
            what=(some(objects),),
            why="each pod starts with two proxies, and which of them gets its traffic depends on the order of two webhooks, which a new revision may change",
            do=("choose one mesh for these workloads before the run, or leave them behind with --exclude",),
            objects=tuple(objects),
        )


def _injecting(workload: Workload, space: dict[str, str]) -> list[str]:
    said = (workload.template_annotations, workload.template_labels, space)
    if _KEYS.isdisjoint(said[0]) and _KEYS.isdisjoint(said[1]) and _KEYS.isdisjoint(space):
        return []
    return [
        name
        for key, (name, values) in _MARKS.items()
        if next((marks[key] for marks in said if key in marks), None) in values
    ]
