"""What pods ask for: an application with its sidecar, and istiod.

Facts: requests and limits of the charts, the same from Istio 1.12.9 to 1.31.0-rc.0 (istio-discovery/values.yaml: istiod
500m and 2048Mi, sidecar 100m and 128Mi, at most 2 and 1024Mi); annotations: pkg/kube/inject and
istio.io, reference/config/annotations. A pod counts as its containers together, or as its largest init container
(kubernetes.io, concepts/workloads/pods/init-containers).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from upgrader.checks.capacity.quantities import quantity
from upgrader.checks.documents import dug, pod_template
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import ControlPlane, Snapshot, Workload

PROXY = "istio-proxy"
ISTIOD: Obj = {"requests": {"cpu": "500m", "memory": "2048Mi"}}
SIDECAR: Obj = {
    "requests": {"cpu": "100m", "memory": "128Mi"},
    "limits": {"cpu": "2000m", "memory": "1024Mi"},
}
ANNOTATIONS = {
    "sidecar.istio.io/proxyCPU": ("requests", "cpu"),
    "sidecar.istio.io/proxyMemory": ("requests", "memory"),
    "sidecar.istio.io/proxyCPULimit": ("limits", "cpu"),
    "sidecar.istio.io/proxyMemoryLimit": ("limits", "memory"),
}
_NOTHING: Mapping[str, Any] = {}
Amounts = Mapping[str, float]
"""Resource, ``requests.cpu`` or ``limits.memory``, to amount."""


def sidecar_resources(mesh: Snapshot, workload: Workload, revision: str) -> Obj:
    """Requests and limits of the sidecar that a pod of *workload* gets; with one of the annotations only they count."""
    notes = workload.template_annotations
    if not ANNOTATIONS.keys().isdisjoint(notes):
        said = {place: notes[key] for key, place in ANNOTATIONS.items() if key in notes}
        made: dict[str, dict[str, str]] = {}
        for (part, resource), value in said.items():
            made.setdefault(part, {})[resource] = value
        return made
    return injected_resources(mesh, revision)


def injected_resources(mesh: Snapshot, revision: str) -> Obj:
    """What the injector of *revision* gives a sidecar; what the chart says where its values do not tell."""
    found = dug(mesh.injector_values.get(revision), "global", "proxy", "resources")
    return SIDECAR if found is None else found


def istiod_resources(mesh: Snapshot, plane: ControlPlane) -> Obj:
    """Requests and limits of the container of an istiod; what the chart says where its Deployment is not a document."""
    containers = dug(pod_template(mesh, plane), "spec", "containers") or ()
    found = next((c for c in containers if c.get("name") == "discovery"), None)
    return ISTIOD if found is None else (found.get("resources") or {})


def containers_of(mesh: Snapshot, workload: Workload, revision: str) -> list[Obj]:
    """The containers of a pod of *workload* after injection, init containers left out."""
    made, own = [], None
    for container in written_containers(workload):
        if container.get("name") != PROXY:
            made.append(container)
        elif own is None:
            own = container.get("resources")
    return [*made, {"name": PROXY, "resources": own or sidecar_resources(mesh, workload, revision)}]


def written_containers(workload: Workload) -> Sequence[Obj]:
    """The containers of its pod template, init containers left out."""
    return (workload.template.get("spec") or {}).get("containers") or ()


def asked(containers: Iterable[Obj], init: Iterable[Obj] = ()) -> dict[str, float]:
    """What a pod of these containers counts for: ``requests.cpu`` and the like, where one of them says so."""
    found: dict[str, float] = {}
    for container in containers:
        for resource, amount in flat(container.get("resources") or {}).items():
            found[resource] = found.get(resource, 0) + amount
    for container in init:
        for resource, amount in flat(container.get("resources") or {}).items():
            found[resource] = max(found.get(resource, 0), amount)
    return found


def requested(resources: Obj | None) -> tuple[float, float]:
    """Cores and bytes that a container requests; one that says only a limit requests as much."""
    if not resources:
        return 0.0, 0.0
    requests = resources.get("requests") or _NOTHING
    cpu, memory = requests.get("cpu"), requests.get("memory")
    if cpu is None or memory is None:
        limits = resources.get("limits") or _NOTHING
        cpu = limits.get("cpu") if "cpu" not in requests else cpu
        memory = limits.get("memory") if "memory" not in requests else memory
    return _amounts(str(cpu), str(memory))


@lru_cache(maxsize=4096)
def _amounts(cpu: str, memory: str) -> tuple[float, float]:
    return quantity(cpu), quantity(memory)


def flat(resources: Mapping[str, Any]) -> dict[str, float]:
    """``requests.cpu`` … to amount; a container that says only a limit requests as much."""
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    found = {f"limits.{name}": quantity(value) for name, value in limits.items()}
    return found | {
        f"requests.{name}": quantity(value) for name, value in (dict(limits) | dict(requests)).items()
    }
