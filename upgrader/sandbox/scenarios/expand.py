"""From the few words of a scenario to whole objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from upgrader.sandbox.scenarios.scenario import Workload
from upgrader.sandbox.store import Obj

PORT: Final = 8080
_GROUPS: Final = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}


def node(number: int, kubernetes: str) -> Obj:
    """A Linux node that is Ready; its kubelet is of the cluster's minor."""
    name = f"node-{number}"
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
    capacity = {"cpu": "16", "memory": "64Gi", "pods": "110"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"podCIDR": f"10.244.{number}.0/24"},
        "status": {
            "capacity": capacity,
            "allocatable": capacity,
            "conditions": [{"type": "Ready", "status": "True", "reason": "KubeletReady", "message": ""}],
            "addresses": [
                {"type": "InternalIP", "address": f"10.0.0.{number}"},
                {"type": "Hostname", "address": name},
            ],
            "nodeInfo": {
                "kubeletVersion": f"v{kubernetes}.0",
                "operatingSystem": "linux",
                "architecture": "amd64",
                "containerRuntimeVersion": "containerd://2.0.0",
                "kernelVersion": "6.8.0",
                "osImage": "sandbox",
                "machineID": name,
                "systemUUID": name,
                "bootID": name,
                "kubeProxyVersion": "",
            },
        },
    }


def namespace(name: str, labels: Mapping[str, str]) -> Obj:
    """A namespace with its labels."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


def objects_of(workload: Workload) -> Iterator[Obj]:
    """The workload, before it its Service where it has one."""
    if workload.service and workload.kind not in {"Job", "CronJob", "Pod"}:
        yield _service(workload)
    meta = {"name": workload.name, "namespace": workload.namespace, "annotations": dict(workload.annotations)}
    template = {"metadata": _pod_meta(workload), "spec": _pod_spec(workload)}
    if workload.kind == "Pod":
        yield {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": meta | template["metadata"],
            "spec": template["spec"],
        }
        return
    yield {
        "apiVersion": _GROUPS.get(workload.kind, "apps/v1"),
        "kind": workload.kind,
        "metadata": meta | {"labels": {"app": workload.name}},
        "spec": overlaid(_spec(workload, template), workload.spec),
    }


def overlaid(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Two mappings as one: mappings are joined, anything else of *above* wins."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = (
            overlaid(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
        )
    return merged


def _service(workload: Workload) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": workload.name,
            "namespace": workload.namespace,
            "labels": {"app": workload.name},
        },
        "spec": {
            "selector": {"app": workload.name},
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    }


def _pod_meta(workload: Workload) -> Obj:
    labels = {"app": workload.name, **workload.pod_labels}
    return {"labels": labels, "annotations": dict(workload.pod_annotations)}


def _pod_spec(workload: Workload) -> Obj:
    container: Obj = {
        "name": workload.name,
        "image": workload.image or f"docker.io/example/{workload.name}:1.0",
    }
    if workload.kind not in {"Job", "CronJob"}:
        container["ports"] = [{"name": "http", "containerPort": PORT, "protocol": "TCP"}]
        container["readinessProbe"] = {"httpGet": {"path": "/ready", "port": PORT}}
    return overlaid({"containers": [container]}, workload.pod_spec)


def _spec(workload: Workload, template: Obj) -> Obj:
    selector = {"matchLabels": {"app": workload.name}}
    job = {"template": overlaid(template, {"spec": {"restartPolicy": "Never"}})}
    scaled = {"replicas": workload.replicas, "selector": selector, "template": template}
    shapes: dict[str, Obj] = {
        "Deployment": scaled,
        "StatefulSet": scaled | {"serviceName": workload.name},
        "DaemonSet": {"selector": selector, "template": template},
        "Job": job,
        "CronJob": {"schedule": "0 3 * * 0", "jobTemplate": {"spec": job}},
    }
    return shapes[workload.kind]
