"""Defaults by kind: functions that fill in an object in place."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping

from upgrader.sandbox.api.kinds.catalogue import Resource, singular_of
from upgrader.sandbox.api.rules.pod.defaults import pod, pod_spec, template
from upgrader.sandbox.api.rules.shape import look, maps, setdefaults, table
from upgrader.sandbox.store import Obj

Default = Callable[[Obj], None]

_RBAC = "rbac.authorization.k8s.io"


def default(resource: Resource, obj: Obj) -> None:
    """Fill in what a built-in object leaves open; specifications that are no maps become empty ones."""
    fill = DEFAULTS.get(resource.kind)
    if fill is not None:
        fill(obj)


def _deployment(obj: Obj) -> None:
    spec = table(obj, "spec")
    setdefaults(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = table(spec, "strategy")
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        setdefaults(table(strategy, "rollingUpdate"), maxUnavailable="25%", maxSurge="25%")
    template(spec)


def _replica_set(obj: Obj) -> None:
    spec = table(obj, "spec")
    spec.setdefault("replicas", 1)
    template(spec)


def _stateful_set(obj: Obj) -> None:
    spec = table(obj, "spec")
    setdefaults(spec, replicas=1, revisionHistoryLimit=10, podManagementPolicy="OrderedReady")
    if table(spec, "updateStrategy").setdefault("type", "RollingUpdate") == "RollingUpdate":
        table(spec, "updateStrategy", "rollingUpdate").setdefault("partition", 0)
    setdefaults(
        table(spec, "persistentVolumeClaimRetentionPolicy"), whenDeleted="Retain", whenScaled="Retain"
    )
    for claim in maps(spec.get("volumeClaimTemplates")):
        setdefaults(claim, apiVersion="v1", kind="PersistentVolumeClaim")
        _claim(claim)
    template(spec)


def _daemon_set(obj: Obj) -> None:
    spec = table(obj, "spec")
    spec.setdefault("revisionHistoryLimit", 10)
    if table(spec, "updateStrategy").setdefault("type", "RollingUpdate") == "RollingUpdate":
        setdefaults(table(spec, "updateStrategy", "rollingUpdate"), maxUnavailable=1, maxSurge=0)
    template(spec)


def _job(obj: Obj) -> None:
    spec = table(obj, "spec")
    _job_spec(spec)
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    labels = look(spec, "template", "metadata", "labels")
    if labels and not look(obj, "metadata", "labels"):
        table(obj, "metadata")["labels"] = dict(labels)


def _job_spec(spec: Obj) -> None:
    policy = "Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed"
    setdefaults(spec, backoffLimit=6, completionMode="NonIndexed", suspend=False, podReplacementPolicy=policy)
    template(spec)


def _cron_job(obj: Obj) -> None:
    spec = table(obj, "spec")
    setdefaults(
        spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1
    )
    table(spec, "jobTemplate", "metadata")
    template(table(spec, "jobTemplate", "spec"))


def _replication_controller(obj: Obj) -> None:
    spec = table(obj, "spec")
    spec.setdefault("replicas", 1)
    if spec.get("template"):
        template(spec)
        labels = look(spec, "template", "metadata", "labels")
        if labels:
            spec.setdefault("selector", dict(labels))


def _service(obj: Obj) -> None:
    spec = table(obj, "spec")
    kind = spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        table(spec, "sessionAffinityConfig", "clientIP").setdefault("timeoutSeconds", 10800)
    for port in maps(spec.get("ports")):
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in {None, "", 0}:
            port["targetPort"] = port.get("port")
    if kind in {"NodePort", "LoadBalancer"}:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _secret(obj: Obj) -> None:
    obj.setdefault("type", "Opaque")
    told = obj.pop("stringData", None)
    if told:
        coded = {name: base64.b64encode(str(value).encode()).decode() for name, value in told.items()}
        obj["data"] = {**(obj.get("data") or {}), **coded}


def _namespace(obj: Obj) -> None:
    name = look(obj, "metadata", "name")
    if name:
        table(obj, "metadata", "labels").setdefault("kubernetes.io/metadata.name", name)


def _lease(obj: Obj) -> None:
    """Nobody need hold it."""
    table(obj, "spec")


def _claim(obj: Obj) -> None:
    table(obj, "spec").setdefault("volumeMode", "Filesystem")
    table(obj, "status").setdefault("phase", "Pending")


def _autoscaler(obj: Obj) -> None:
    spec = table(obj, "spec")
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _hooks(obj: Obj) -> None:
    for hook in maps(obj.get("webhooks")):
        setdefaults(hook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
        table(hook, "namespaceSelector")
        table(hook, "objectSelector")
        for rule in maps(hook.get("rules")):
            rule.setdefault("scope", "*")
        service = look(hook, "clientConfig", "service")
        if isinstance(service, dict):
            service.setdefault("port", 443)


def _mutating_hooks(obj: Obj) -> None:
    _hooks(obj)
    for hook in maps(obj.get("webhooks")):
        hook.setdefault("reinvocationPolicy", "Never")


def _binding(obj: Obj) -> None:
    table(obj, "roleRef").setdefault("apiGroup", _RBAC)
    for subject in maps(obj.get("subjects")):
        if subject.get("kind") in {"User", "Group"}:
            subject.setdefault("apiGroup", _RBAC)


def _policy(obj: Obj) -> None:
    spec = table(obj, "spec")
    table(spec, "podSelector")
    spec.setdefault("policyTypes", ["Ingress", "Egress"] if "egress" in spec else ["Ingress"])
    for direction in ("ingress", "egress"):
        for rule in maps(spec.get(direction)):
            for port in maps(rule.get("ports")):
                port.setdefault("protocol", "TCP")


def _endpoints(obj: Obj) -> None:
    for subset in maps(obj.get("subsets")):
        for port in maps(subset.get("ports")):
            port.setdefault("protocol", "TCP")


def _slice(obj: Obj) -> None:
    for port in maps(obj.get("ports")):
        setdefaults(port, name="", protocol="TCP")


def _definition(obj: Obj) -> None:
    spec = table(obj, "spec")
    names = table(spec, "names")
    kind = names.get("kind")
    if kind:
        setdefaults(names, singular=singular_of(kind), listKind=f"{kind}List")
    table(spec, "conversion").setdefault("strategy", "None")
    if spec.get("preserveUnknownFields") is False:
        del spec["preserveUnknownFields"]


def _storage_class(obj: Obj) -> None:
    setdefaults(obj, reclaimPolicy="Delete", volumeBindingMode="Immediate")


def _priority_class(obj: Obj) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def _persistent_volume(obj: Obj) -> None:
    setdefaults(table(obj, "spec"), persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")


def _pod_template(obj: Obj) -> None:
    pod_spec(table(obj, "template", "spec"))


DEFAULTS: Mapping[str, Default] = {
    "Pod": pod,
    "PodTemplate": _pod_template,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "ReplicationController": _replication_controller,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "Secret": _secret,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "PersistentVolume": _persistent_volume,
    "HorizontalPodAutoscaler": _autoscaler,
    "MutatingWebhookConfiguration": _mutating_hooks,
    "ValidatingWebhookConfiguration": _hooks,
    "RoleBinding": _binding,
    "ClusterRoleBinding": _binding,
    "NetworkPolicy": _policy,
    "Endpoints": _endpoints,
    "EndpointSlice": _slice,
    "CustomResourceDefinition": _definition,
    "Lease": _lease,
    "StorageClass": _storage_class,
    "PriorityClass": _priority_class,
}
