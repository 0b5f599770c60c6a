"""What is kept of which kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from upgrader.cluster.read import template_facts
from upgrader.model.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ENDPOINTS,
    HPA,
    INGRESS,
    INGRESS_CLASS,
    LIMIT_RANGE,
    NETWORK_POLICY,
    NODE,
    PDB,
    PRIORITY_CLASS,
    RESOURCE_QUOTA,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    STORAGE_CLASS,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.snapshot import Document
from upgrader.model.snapshot.documented import AGENTS

_SILENT = frozenset({
    "kubectl.kubernetes.io/last-applied-configuration",
    "control-plane.alpha.kubernetes.io/leader",
    "endpoints.kubernetes.io/last-change-trigger-time",
})  # fmt: skip
"""Annotations that repeat the object, or change all the time."""


def document(kind: Kind, obj: Obj, kept: Obj | None = None) -> Document:
    """*obj* as far as ``kept_of`` (or *kept*) says, in the shape it has on the API server.

    Args:
        kind: In the version it was read in.
        obj: The whole object.
        kept: What stands beside its metadata.
    """
    metadata = obj["metadata"]
    name, namespace = metadata["name"], metadata.get("namespace", "")
    labels = dict(metadata.get("labels") or {})
    annotations = {k: v for k, v in (metadata.get("annotations") or {}).items() if k not in _SILENT}
    known: Obj = {"name": name, "labels": labels, "annotations": annotations}
    body = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": known | ({"namespace": namespace} if namespace else {}),
        **(kept_of(kind, obj) if kept is None else kept),
    }
    return Document(ref=Ref(kind, name, namespace), labels=labels, annotations=annotations, body=body)


def kept_of(kind: Kind, obj: Obj) -> Obj:
    """What is kept of an object of *kind* beside its metadata; of a kind that is not among them, nothing."""
    keep = _KEPT.get((kind.group, kind.plural))
    return {k: v for k, v in keep(obj).items() if v not in ({}, [], None)} if keep else {}


def only(value: Any, *keys: str) -> Obj:
    """Those *keys* of a mapping that it has."""
    return (
        {key: value[key] for key in keys if value.get(key) is not None} if isinstance(value, Mapping) else {}
    )


def _service(obj: Obj) -> Obj:
    """With ``clusterIP`` only where it is ``None``, for addresses say nothing."""
    spec = obj.get("spec") or {}
    kept = only(
        spec, "type", "ports", "selector", "externalName", "trafficDistribution", "ipFamilies", "ipFamilyPolicy",
        "externalTrafficPolicy", "internalTrafficPolicy", "publishNotReadyAddresses", "sessionAffinity",
    )  # fmt: skip
    kept |= {"clusterIP": "None"} if spec.get("clusterIP") == "None" else {}
    return {"spec": kept, **_balanced(obj)}


def _balanced(obj: Obj) -> Obj:
    """The addresses that a load balancer gave."""
    given = ((obj.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return (
        {"status": {"loadBalancer": {"ingress": [only(a, "hostname", "ip") for a in given]}}} if given else {}
    )


def _node(obj: Obj) -> Obj:
    status = obj.get("status") or {}
    ready = [only(c, "type", "status") for c in status.get("conditions") or () if c.get("type") == "Ready"]
    return {
        "spec": only(obj.get("spec"), "taints", "unschedulable", "providerID"),
        "status": {**only(status, "nodeInfo", "allocatable", "capacity"), "conditions": ready},
    }


def _agent(obj: Obj) -> Obj:
    """A Deployment, StatefulSet or DaemonSet that is not of the mesh."""
    spec = obj.get("spec") or {}
    kept = only(spec, "replicas", "strategy", "updateStrategy", "selector", "paused")
    template = template_facts(spec.get("template") or {}, args=True)
    counted = only(obj.get("status"), "readyReplicas", "numberReady", "desiredNumberScheduled")
    return {"spec": {**kept, "template": template}, "status": counted}


def _endpoints(obj: Obj) -> Obj:
    return {
        "subsets": [
            {
                key: [only(a, "ip", "hostname", "nodeName") for a in subset[key]]
                for key in ("addresses", "notReadyAddresses")
                if subset.get(key)
            }
            | only(subset, "ports")
            for subset in obj.get("subsets") or ()
        ]
    }


def _spec(obj: Obj) -> Obj:
    return only(obj, "spec")


_KEPT: Mapping[tuple[str, str], Callable[[Obj], Obj]] = {
    (kind.group, kind.plural): keep
    for kind, keep in (
        (SERVICE, _service),
        (NODE, _node),
        (ENDPOINTS, _endpoints),
        *((kind, _agent) for kind in AGENTS),
        (NETWORK_POLICY, _spec),
        (LIMIT_RANGE, _spec),
        (RESOURCE_QUOTA, lambda o: _spec(o) | {"status": only(o.get("status"), "used")}),
        (HPA, lambda o: _spec(o) | {"status": only(o.get("status"), "currentReplicas", "desiredReplicas")}),
        (
            PDB,
            lambda o: _spec(o)
            | {"status": only(o.get("status"), "disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")},
        ),
        (INGRESS, lambda o: _spec(o) | _balanced(o)),
        (INGRESS_CLASS, _spec),
        (STORAGE_CLASS, lambda o: only(o, "provisioner", "reclaimPolicy", "volumeBindingMode", "allowVolumeExpansion")),
        (PRIORITY_CLASS, lambda o: only(o, "value", "globalDefault", "preemptionPolicy")),
        (SERVICE_ACCOUNT, lambda o: only(o, "imagePullSecrets", "automountServiceAccountToken")),
        *((kind, lambda o: only(o, "rules", "aggregationRule")) for kind in (ROLE, CLUSTER_ROLE)),
        *((kind, lambda o: only(o, "roleRef", "subjects")) for kind in (ROLE_BINDING, CLUSTER_ROLE_BINDING)),
    )
}  # fmt: skip
"""By group and plural. Of ConfigMaps and Secrets ``configuration`` and ``secrets`` say what is kept."""
