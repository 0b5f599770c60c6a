"""Objects of Kubernetes as a snapshot has them."""

from __future__ import annotations

from typing import Any

from upgrader.model import kinds
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.snapshot import Document

_KINDS = {
    "NetworkPolicy": Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    "ResourceQuota": Kind("", "v1", "resourcequotas", "ResourceQuota"),
    "LimitRange": Kind("", "v1", "limitranges", "LimitRange"),
} | {
    kind.kind: kind
    for kind in (kinds.NODE, kinds.SERVICE, kinds.CONFIG_MAP, kinds.DEPLOYMENT, kinds.DAEMON_SET, kinds.HPA)
}


def thing(kind: str, name: str, body: Obj, labels: dict[str, str] | None = None) -> Document:
    """Anything; *name* is ``namespace/name``, or a name alone."""
    namespace, _, short = name.rpartition("/")
    return Document(ref=Ref(_KINDS[kind], short, namespace), labels=labels or {}, body=body)


def policy(name: str, selector: Obj, labels: dict[str, str] | None = None, **spec: Any) -> Document:
    """A NetworkPolicy; ``ingress=[]`` or ``egress=[]`` denies all of it."""
    types = [word.capitalize() for word in ("ingress", "egress") if word in spec]
    return thing(
        "NetworkPolicy", name, {"spec": {"podSelector": selector, "policyTypes": types, **spec}}, labels
    )


def node(name: str = "node-1", *, ready: bool = True, cordoned: bool = False, **info: str) -> Document:
    """A Linux node of 16 cores and 64 GiB; keywords are of ``status.nodeInfo``, or ``cpu`` and ``memory``."""
    offers = {"cpu": info.pop("cpu", "16"), "memory": info.pop("memory", "64Gi")}
    told = {
        "kubeletVersion": "v1.33.1", "operatingSystem": "linux", "architecture": "amd64", "kernelVersion": "6.8.0",
        "osImage": "Ubuntu 24.04", "containerRuntimeVersion": "containerd://2.0.0",
    }  # fmt: skip
    status = {
        "conditions": [{"type": "Ready", "status": str(ready)}], "allocatable": offers, "nodeInfo": told | info,
    }  # fmt: skip
    return thing("Node", name, {"spec": {"unschedulable": True} if cordoned else {}, "status": status})


def quota(name: str, hard: Obj, used: Obj | None = None, **spec: Any) -> Document:
    """A ResourceQuota of which *used* is taken."""
    return thing("ResourceQuota", name, {"spec": {"hard": hard, **spec}, "status": {"used": used or {}}})


def ranged(name: str, **limit: Obj) -> Document:
    """A LimitRange for containers."""
    return thing("LimitRange", name, {"spec": {"limits": [{"type": "Container", **limit}]}})


def service(name: str, target: Any = 8080, port: int = 80) -> Document:
    """A Service of one port."""
    return thing("Service", name, {"spec": {"ports": [{"port": port, "targetPort": target}]}})


def istiod(
    revision: str, *, resources: Obj | None = None, labels: dict[str, str] | None = None, **spec: Any
) -> Document:
    """The Deployment of an istiod."""
    pod = {"app": "istiod", "istio.io/rev": revision, "istio": "istiod", "sidecar.istio.io/inject": "false"}
    container = {
        "name": "discovery",
        "resources": resources or {"requests": {"cpu": "500m", "memory": "2Gi"}},
    }
    template = {"metadata": {"labels": pod | (labels or {})}, "spec": {"containers": [container], **spec}}
    return thing("Deployment", f"istio-system/istiod-{revision}", {"spec": {"template": template}})


def daemon(name: str, **spec: Any) -> Document:
    """A DaemonSet, such as the agent of a network plugin."""
    return thing(
        "DaemonSet", name, {"spec": {"template": {"spec": {"containers": [{"name": "agent", **spec}]}}}}
    )
