"""Workloads, and whether they have come to rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from upgrader.cluster.read.pods import COMPONENT, GATEWAY_COMPONENTS, MANAGED, TEMPLATES, is_live, is_ready
from upgrader.cluster.read.templates import template_facts
from upgrader.model.kinds import (
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    JOB,
    POD,
    REPLICA_SET,
    STATEFUL_SET,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.snapshot import Workload

_KINDS = {k.kind: k for k in (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, REPLICA_SET, JOB, CRON_JOB, POD)}
_GATEWAY_GROUP = "gateway.networking.k8s.io/"


def ref_of(obj: Obj) -> Ref:
    """Where a workload is; of a kind that is not built in, with the plural that most kinds have."""
    metadata = obj["metadata"]
    known = _KINDS.get(obj["kind"])
    if known is None:
        group, _, version = str(obj["apiVersion"]).rpartition("/")
        known = Kind(group, version, f"{obj['kind'].lower()}s", obj["kind"])
    return Ref(known, metadata["name"], metadata.get("namespace", ""))


def template_of(obj: Obj) -> Obj:
    """What its pods are made of (metadata and spec); a bare pod is its own template."""
    kind, spec = obj["kind"], obj.get("spec") or {}
    if kind == "Pod":
        return obj
    if kind == "CronJob":
        spec = (spec.get("jobTemplate") or {}).get("spec") or {}
    found: Obj = spec.get("template") or {}
    return found


def workload_of(obj: Obj) -> Workload:
    """The workload that *obj* is: Deployment, StatefulSet, DaemonSet, Job, CronJob, Pod, or anything with a pod template."""
    spec, template = obj.get("spec") or {}, template_of(obj)
    metadata = template.get("metadata") or {}
    pod_spec = template.get("spec") or {}
    strategy, rolling = _strategy(obj["kind"], spec)
    return Workload(
        ref=ref_of(obj),
        uid=obj["metadata"].get("uid", ""),
        replicas=_wanted(obj),
        strategy=strategy,
        partition=int(rolling.get("partition") or 0),
        paused=bool(spec.get("paused") or spec.get("suspend")),
        settled=settled(obj),
        template_labels=dict(metadata.get("labels") or {}),
        template_annotations=dict(metadata.get("annotations") or {}),
        images={
            c["name"]: str(c.get("image", ""))
            for place in ("initContainers", "containers")
            for c in pod_spec.get(place) or ()
        },
        host_network=bool(pod_spec.get("hostNetwork")),
        gateway=gateway_kind(obj),
        gateway_owner=gateway_owner(obj),
        max_unavailable=_text(rolling.get("maxUnavailable")),
        max_surge=_text(rolling.get("maxSurge")),
        min_ready=int(spec.get("minReadySeconds") or 0),
        progress_deadline=int(spec.get("progressDeadlineSeconds") or 0),
        labels=dict(obj["metadata"].get("labels") or {}),
        template=template_facts(template),
    )


def gateway_kind(obj: Obj) -> str:
    """How a gateway came to be: ``api``, ``istioctl``, ``injected``; empty for what is no gateway."""
    labels = obj["metadata"].get("labels") or {}
    if MANAGED in labels or gateway_owner(obj):
        return "api"
    if labels.get(COMPONENT) in GATEWAY_COMPONENTS:
        return "istioctl"
    annotations = (template_of(obj).get("metadata") or {}).get("annotations") or {}
    templates = [name.strip() for name in str(annotations.get(TEMPLATES, "")).split(",")]
    return "injected" if "gateway" in templates else ""


def gateway_owner(obj: Obj) -> str:
    """``namespace/name`` of the Gateway API gateway that *obj* was made for; empty when there is none."""
    metadata = obj["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("kind") == "Gateway" and str(owner.get("apiVersion", "")).startswith(_GATEWAY_GROUP):
            return f"{metadata.get('namespace', '')}/{owner['name']}"
    return ""


def settled(obj: Obj) -> bool:
    """Whether every pod is of the present template and available, and the controller has seen that template.

    A StatefulSet whose partition holds pods back, and anything with strategy OnDelete whose pods were not deleted, is
    not settled: some of its pods are not what the template says. A Job is settled when it has ended, a CronJob when
    none of its jobs runs.
    """
    return _SETTLED.get(obj["kind"], _replicas_are_there)(obj)


def _observed(obj: Obj) -> bool:
    seen = (obj.get("status") or {}).get("observedGeneration", 0)
    return int(seen) >= int(obj["metadata"].get("generation", 0))


def _replicas_are_there(obj: Obj) -> bool:
    """Deployment; also a Rollout and others that report the same counters."""
    status, wanted = obj.get("status") or {}, _wanted(obj)
    counters = ("replicas", "updatedReplicas", "availableReplicas")
    return _observed(obj) and all(int(status.get(c) or 0) == wanted for c in counters)


def _set_is_there(obj: Obj) -> bool:
    """``availableReplicas`` exists since Kubernetes 1.22; before, ready is all that is said."""
    status, wanted = obj.get("status") or {}, _wanted(obj)
    counters = ["replicas", "updatedReplicas", "readyReplicas"]
    counters += ["availableReplicas"] if "availableReplicas" in status else []
    return _observed(obj) and all(int(status.get(c) or 0) == wanted for c in counters)


def _daemons_are_there(obj: Obj) -> bool:
    status = obj.get("status") or {}
    wanted = int(status.get("desiredNumberScheduled") or 0)
    counters = ("updatedNumberScheduled", "numberAvailable")
    return _observed(obj) and all(int(status.get(c) or 0) == wanted for c in counters)


def _job_has_ended(obj: Obj) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(c.get("type") in {"Complete", "Failed"} and c.get("status") == "True" for c in conditions)


def _nothing_runs(obj: Obj) -> bool:
    return not (obj.get("status") or {}).get("active")


def _pod_is_there(obj: Obj) -> bool:
    return is_ready(obj) or not is_live(obj)


_SETTLED: Mapping[str, Callable[[Obj], bool]] = {
    "Deployment": _replicas_are_there,
    "StatefulSet": _set_is_there,
    "DaemonSet": _daemons_are_there,
    "Job": _job_has_ended,
    "CronJob": _nothing_runs,
    "Pod": _pod_is_there,
}


def _wanted(obj: Obj) -> int:
    spec, kind = obj.get("spec") or {}, obj["kind"]
    if kind == "DaemonSet":
        return int((obj.get("status") or {}).get("desiredNumberScheduled") or 0)
    if kind == "Pod":
        return 1
    if kind == "CronJob":
        return len((obj.get("status") or {}).get("active") or ())
    asked = spec.get("parallelism" if kind == "Job" else "replicas")
    return 1 if asked is None else int(asked)


def _strategy(kind: str, spec: Obj) -> tuple[str, Obj]:
    if kind not in {"Deployment", "StatefulSet", "DaemonSet"}:
        return "", {}
    chosen = spec.get("strategy" if kind == "Deployment" else "updateStrategy") or {}
    return str(chosen.get("type") or "RollingUpdate"), chosen.get("rollingUpdate") or {}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
