"""A mesh of thousands, put straight into the store of a world: nobody waits until ten thousand pods have started."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from upgrader.cluster.identity import identify
from upgrader.cluster.rest import RestCluster
from upgrader.model import kinds
from upgrader.model.kinds import Kind, Obj
from upgrader.model.snapshot import Snapshot
from upgrader.sandbox.scenarios.expand import node
from upgrader.sandbox.world import World
from upgrader.survey.take import take

NAMESPACES, WORKLOADS, PODS, NODES = 200, 10, 5, 120
"""Namespaces, workloads in each of them, pods of each of these; and nodes."""
_HASH = "6f7d9c5b8d"
_ISTIO = {
    kind: Kind("networking.istio.io", "v1beta1", plural, kind)
    for kind, plural in (("VirtualService", "virtualservices"), ("DestinationRule", "destinationrules"), ("Sidecar", "sidecars"))
}  # fmt: skip


def multiply(world: World) -> None:
    """Add the mesh to *world*, in which a scenario is up: its first pod with a sidecar is what all pods are like.

    Every namespace is injected and every workload has a Service, a VirtualService and a DestinationRule; each fourth
    namespace has NetworkPolicies, each fifth a quota, each tenth a LimitRange. Equal worlds become equal.
    """
    pods = world.store.list("", "pods")
    like = next(p for p in pods if "sidecar.istio.io/status" in p["metadata"].get("annotations", {}))
    for number in range(2, NODES + 1):
        _put(world, kinds.NODE, node(number, world.kubernetes))
    for number in range(NAMESPACES):
        space = f"team-{number:03d}"
        labels = {
            "istio-injection": "enabled",
            "kubernetes.io/metadata.name": space,
            "team": f"t{number % 9}",
        }
        _put(world, kinds.NAMESPACE, _named(space, "", labels))
        for kind, obj in _rules(space, number):
            _put(world, kind, obj)
        for app in range(WORKLOADS):
            for kind, obj in _workload(space, f"app-{app}", number):
                _put(world, kind, obj)
            for pod in _pods(space, f"app-{app}", like, ordered=app == 0):
                _put(world, kinds.POD, pod)


def surveyed(world: World) -> Snapshot:
    """What the survey reads there."""
    cluster = RestCluster(world.transport())
    return take(cluster, identify(cluster, "sandbox", "http://sandbox"), world.clock.now())


def _put(world: World, kind: Kind, obj: Obj) -> None:
    metadata = obj["metadata"]
    whole = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
    world.store.put((kind.group, kind.plural, metadata.get("namespace", ""), metadata["name"]), whole)


def _named(name: str, namespace: str, labels: Mapping[str, str], **rest: Any) -> Obj:
    metadata = {"name": name, "labels": dict(labels)} | ({"namespace": namespace} if namespace else {})
    return {"metadata": metadata, **rest}


def _workload(space: str, app: str, number: int) -> Iterator[tuple[Kind, Obj]]:
    """What a team writes down for one application."""
    kind, labels = (kinds.STATEFUL_SET if app == "app-0" else kinds.DEPLOYMENT), {"app": app}
    ordered = {"serviceName": app} if kind == kinds.STATEFUL_SET else {}
    spec = {
        "replicas": PODS,
        "selector": {"matchLabels": labels},
        "template": _template(space, app),
        **ordered,
    }
    counts = ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas", "currentReplicas")
    status = {"observedGeneration": 1, **dict.fromkeys(counts, PODS)}
    made = _named(app, space, labels, spec=spec, status=status)
    made["metadata"]["generation"] = 1
    yield kind, made
    ports = [{"name": "http", "port": 80, "targetPort": 8080, "protocol": "TCP"}]
    yield (
        kinds.SERVICE,
        _named(app, space, labels, spec={"type": "ClusterIP", "selector": labels, "ports": ports}),
    )
    yield kinds.SERVICE_ACCOUNT, _named(app, space, labels)
    host = f"{app}.{space}.svc.cluster.local"
    route = [{"destination": {"host": host, "subset": "v1", "port": {"number": 80}}, "weight": 100}]
    http = [
        {"match": [{"uri": {"prefix": "/slow"}}], "timeout": "10s", "route": route},
        {"retries": {"attempts": 2, "perTryTimeout": "1s", "retryOn": "5xx"}, "route": route},
    ]
    yield _ISTIO["VirtualService"], _named(app, space, labels, spec={"hosts": [host], "http": http})
    policy = {
        "loadBalancer": {"simple": "LEAST_CONN"},
        "connectionPool": {"tcp": {"maxConnections": 100 + number}},
    }
    subsets = [{"name": "v1", "labels": {"version": "v1"}}]
    rule = {"host": host, "trafficPolicy": policy, "subsets": subsets}
    yield _ISTIO["DestinationRule"], _named(app, space, labels, spec=rule)


def _template(space: str, app: str) -> Obj:
    probe = {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10, "timeoutSeconds": 2}
    container = {
        "name": app,
        "image": f"registry.example.com/{space}/{app}:1.4.2",
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "readinessProbe": probe,
        "livenessProbe": probe | {"initialDelaySeconds": 20},
        "resources": {
            "requests": {"cpu": "100m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "256Mi"},
        },
        "env": [{"name": "LOG_LEVEL", "value": "info"}, {"name": "TEAM", "value": space}],
        "volumeMounts": [{"name": "settings", "mountPath": "/etc/app"}],
    }
    return {
        "metadata": {
            "labels": {"app": app, "version": "v1"},
            "annotations": {"prometheus.io/scrape": "true"},
        },
        "spec": {
            "serviceAccountName": app,
            "containers": [container],
            "volumes": [{"name": "settings", "configMap": {"name": app}}],
            "securityContext": {"runAsNonRoot": True},
            "terminationGracePeriodSeconds": 30,
        },
    }


def _pods(space: str, app: str, like: Obj, *, ordered: bool) -> Iterator[Obj]:
    owner = ("StatefulSet", app) if ordered else ("ReplicaSet", f"{app}-{_HASH}")
    for number in range(PODS):
        name = f"{owner[1]}-{number}" if ordered else f"{owner[1]}-x{number}k2p"
        kept = {k: v for k, v in like["metadata"].items() if k in {"annotations", "creationTimestamp"}}
        labels = {"app": app, "version": "v1"} | ({} if ordered else {"pod-template-hash": _HASH})
        owned = {
            "apiVersion": "apps/v1",
            "kind": owner[0],
            "name": owner[1],
            "uid": f"{space}-{app}",
            "controller": True,
        }
        kept |= {"name": name, "namespace": space, "labels": labels, "ownerReferences": [owned]}
        yield {**like, "metadata": kept}


def _rules(space: str, number: int) -> Iterator[tuple[Kind, Obj]]:
    """What a platform team adds to some namespaces."""
    app = {"matchLabels": {"app": "app-1"}}
    yield (
        kinds.PDB,
        _named(
            "app-1", space, {}, spec={"minAvailable": 2, "selector": app}, status={"disruptionsAllowed": 3}
        ),
    )
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "app-1"}
    scaling = {"scaleTargetRef": target, "minReplicas": PODS, "maxReplicas": PODS * 2}
    yield kinds.HPA, _named("app-1", space, {}, spec=scaling)
    yield (
        _ISTIO["Sidecar"],
        _named("default", space, {}, spec={"egress": [{"hosts": ["./*", "istio-system/*"]}]}),
    )
    if number % 4 == 0:
        yield from _policies(space)
    if number % 5 == 0:
        hard = {
            "pods": "80",
            "requests.cpu": "20",
            "requests.memory": "40Gi",
            "limits.cpu": "200",
            "limits.memory": "80Gi",
        }
        used = {
            "pods": "50",
            "requests.cpu": "10",
            "requests.memory": "13Gi",
            "limits.cpu": "150",
            "limits.memory": "60Gi",
        }
        yield kinds.RESOURCE_QUOTA, _named("team", space, {}, spec={"hard": hard}, status={"used": used})
    if number % 10 == 0:
        limit = {"type": "Container", "max": {"cpu": "4", "memory": "4Gi"}, "defaultRequest": {"cpu": "50m"}}
        yield kinds.LIMIT_RANGE, _named("team", space, {}, spec={"limits": [limit]})


def _policies(space: str) -> Iterator[tuple[Kind, Obj]]:
    """Nothing in or out but names, the control plane and what lives in the same namespace."""
    shut: Obj = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    yield kinds.NETWORK_POLICY, _named("default-deny", space, {}, spec=shut)
    here: list[Obj] = [{"podSelector": {}}]
    near: Obj = {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{"from": here}],
        "egress": [{"to": here}],
    }
    yield kinds.NETWORK_POLICY, _named("same-namespace", space, {}, spec=near)
    system = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}}}
    istiod = {"to": [system], "ports": [{"port": 15012, "protocol": "TCP"}]}
    names = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
    out: Obj = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [istiod, names]}
    yield kinds.NETWORK_POLICY, _named("mesh", space, {}, spec=out)
