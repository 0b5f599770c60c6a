"""Meshes for the bed: namespaces of each way of asking for injection, with workloads of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.bed.api import Obj
from tests.bed.bed import Bed, is_ready
from tests.bed.processes import await_
from tests.e2e.prober import injector, virtual_service

_LISTS = {
    "Namespace": "/api/v1/namespaces",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "Service": "/api/v1/namespaces/{}/services",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
    "VirtualService": "/apis/networking.istio.io/v1/namespaces/{}/virtualservices",
    "DestinationRule": "/apis/networking.istio.io/v1/namespaces/{}/destinationrules",
    "PeerAuthentication": "/apis/security.istio.io/v1/namespaces/{}/peerauthentications",
}


@dataclass(frozen=True)
class Namespace:
    """One way of asking for injection.

    Attributes:
        labels: Of the namespace.
        pod_labels: Of every pod template in it.
        about: Words for the reports of probes.
    """

    name: str
    labels: dict[str, str]
    about: str
    pod_labels: dict[str, str] = field(default_factory=dict)


def usual(old: str) -> tuple[Namespace, ...]:
    """Namespaces on the revision's label, on istio-injection, and on a tag of the user's."""
    return (
        Namespace("default", {"istio.io/rev": old}, f"istio.io/rev={old}"),
        Namespace("legacy", {"istio-injection": "enabled"}, "istio-injection=enabled"),
        Namespace("tagged", {"istio.io/rev": "prod"}, "istio.io/rev=prod"),
    )


def populate(bed: Bed, namespaces: tuple[Namespace, ...]) -> None:
    """Workloads of every kind in each of them, configuration in the first; all injected when this returns.

    Raises:
        TimeoutError: not all pods got a sidecar and became ready.
    """
    for namespace in namespaces:
        _namespace(bed, namespace)
        for body in (*_workloads(namespace), *_budget()):
            put(bed, namespace.name, body)
    first = namespaces[0].name
    for body in _configuration():
        put(bed, first, body)
    await_("every pod is ready and injected", lambda: all(settled(bed, n.name) for n in namespaces))


def put(bed: Bed, namespace: str, body: Obj) -> Obj:
    """Create one object."""
    return bed.api.create(_LISTS[body["kind"]].format(namespace), body)


def settled(bed: Bed, namespace: str) -> bool:
    """Whether every wanted pod is there, ready and injected, and no other."""
    pods = bed.api.items(f"/api/v1/namespaces/{namespace}/pods")
    return len(pods) == wanted(bed, namespace) and all(injector(pod) and is_ready(pod) for pod in pods)


def wanted(bed: Bed, namespace: str) -> int:
    """Pods that the workloads of a namespace ask for."""
    scaled = [_LISTS[kind].format(namespace) for kind in ("Deployment", "StatefulSet")]
    count = sum(int(one["spec"]["replicas"]) for path in scaled for one in bed.api.items(path))
    daemons = bed.api.items(_LISTS["DaemonSet"].format(namespace))
    return count + sum(int(one["status"]["desiredNumberScheduled"]) for one in daemons)


def _namespace(bed: Bed, namespace: Namespace) -> None:
    if bed.api.ask("GET", f"/api/v1/namespaces/{namespace.name}")[0] == 200:
        bed.api.patch(f"/api/v1/namespaces/{namespace.name}", {"metadata": {"labels": namespace.labels}})
        return
    bed.api.create(
        _LISTS["Namespace"],
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": namespace.name, "labels": namespace.labels},
        },
    )


def _workloads(namespace: Namespace) -> Iterator[Obj]:
    yield workload("Deployment", "web", replicas=3, labels=namespace.pod_labels)
    yield workload("Deployment", "api", replicas=2, labels=namespace.pod_labels)
    yield workload("StatefulSet", "store", replicas=2, labels=namespace.pod_labels)
    yield workload("DaemonSet", "agent", labels=namespace.pod_labels)


def workload(kind: str, name: str, *, replicas: int = 1, labels: dict[str, str] | None = None) -> Obj:
    """One workload of a single container."""
    pod_labels = {"app": name, **(labels or {})}
    spec: Obj = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": pod_labels},
            "spec": {"containers": [{"name": "app", "image": "example.test/app:1"}]},
        },
    }
    spec |= {} if kind == "DaemonSet" else {"replicas": replicas}
    spec |= {"serviceName": name} if kind == "StatefulSet" else {}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": spec}


def _budget() -> Iterator[Obj]:
    yield {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
    }
    yield {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": 8080}]},
    }


def _configuration() -> Iterator[Obj]:
    yield virtual_service("web", "web")
    yield {
        "apiVersion": "networking.istio.io/v1",
        "kind": "DestinationRule",
        "metadata": {"name": "web"},
        "spec": {"host": "web", "trafficPolicy": {"connectionPool": {"tcp": {"maxConnections": 100}}}},
    }
    yield {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "web"},
        "spec": {"mtls": {"mode": "PERMISSIVE"}},
    }
