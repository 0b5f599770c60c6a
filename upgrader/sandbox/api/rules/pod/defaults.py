"""What a pod's specification says where its author said nothing."""

from __future__ import annotations

from typing import Any

from upgrader.sandbox.api.rules.shape import look, maps, setdefaults, table
from upgrader.sandbox.store import Obj

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_MODES = ("secret", "configMap", "projected", "downwardAPI")


def pod_spec(spec: Obj) -> None:
    """Defaults of the specification of a pod or a template."""
    setdefaults(
        spec,
        restartPolicy="Always",
        terminationGracePeriodSeconds=30,
        dnsPolicy="ClusterFirst",
        securityContext={},
    )
    spec.setdefault("schedulerName", "default-scheduler")
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    for name in ("containers", "initContainers", "ephemeralContainers"):
        for container in maps(spec.get(name)):
            _container(container)
            if spec.get("hostNetwork"):
                for port in maps(container.get("ports")):
                    port.setdefault("hostPort", port.get("containerPort"))
    for volume in maps(spec.get("volumes")):
        _volume(volume)


def pod(obj: Obj) -> None:
    """Defaults of a pod."""
    spec = table(obj, "spec")
    pod_spec(spec)
    spec.setdefault("enableServiceLinks", True)
    for name in ("containers", "initContainers"):
        for container in maps(spec.get(name)):
            limits = look(container, "resources", "limits")
            if limits:
                requests = table(container, "resources", "requests")
                for resource, value in limits.items():
                    requests.setdefault(resource, value)


def _container(container: Obj) -> None:
    for port in maps(container.get("ports")):
        port.setdefault("protocol", "TCP")
    for variable in maps(container.get("env")):
        field = look(variable, "valueFrom", "fieldRef")
        if isinstance(field, dict):
            field.setdefault("apiVersion", "v1")
    setdefaults(
        container,
        resources={},
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
        imagePullPolicy=_pull_policy(container.get("image") or ""),
    )
    for name in _PROBES:
        if isinstance(container.get(name), dict):
            _probe(container[name])
    for hook in ("postStart", "preStop"):
        _http(look(container, "lifecycle", hook))


def _pull_policy(image: Any) -> str:
    """Always for images without a tag or with the tag latest; a digest counts as a tag."""
    last = str(image).rpartition("/")[2]
    if "@" in last:
        return "IfNotPresent"
    _, colon, tag = last.partition(":")
    return "Always" if not colon or tag == "latest" else "IfNotPresent"


def _probe(probe: Obj) -> None:
    setdefaults(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
    _http(probe)
    if isinstance(probe.get("grpc"), dict):
        probe["grpc"].setdefault("service", "")


def _http(action: Any) -> None:
    found = look(action, "httpGet")
    if isinstance(found, dict):
        setdefaults(found, path="/", scheme="HTTP")


def _volume(volume: Obj) -> None:
    sources = [name for name in volume if name != "name"]
    if not sources:
        volume["emptyDir"] = {}
    for mode in _MODES:
        if isinstance(volume.get(mode), dict):
            volume[mode].setdefault("defaultMode", 420)
    if isinstance(volume.get("hostPath"), dict):
        volume["hostPath"].setdefault("type", "")
    _fields(volume.get("downwardAPI"))
    for source in maps(look(volume, "projected", "sources")):
        _fields(source.get("downwardAPI"))
        token = source.get("serviceAccountToken")
        if isinstance(token, dict):
            token.setdefault("expirationSeconds", 3600)


def _fields(source: Any) -> None:
    for item in maps(look(source, "items")):
        if isinstance(item.get("fieldRef"), dict):
            item["fieldRef"].setdefault("apiVersion", "v1")


def template(holder: Obj) -> None:
    """Defaults of the pod template a specification holds."""
    found = table(holder, "template")
    table(found, "metadata")
    pod_spec(table(found, "spec"))


def quality(spec: Obj) -> str:
    """The quality-of-service class: BestEffort, Burstable or Guaranteed."""
    wanted: list[tuple[Obj, Obj]] = []
    for name in ("containers", "initContainers"):
        for container in maps(spec.get(name)):
            resources = container.get("resources") or {}
            wanted.append((_compute(resources.get("requests")), _compute(resources.get("limits"))))
    if not any(requests or limits for requests, limits in wanted):
        return "BestEffort"
    sure = all(limits and requests == limits and len(limits) == 2 for requests, limits in wanted)
    return "Guaranteed" if sure else "Burstable"


def _compute(amounts: Any) -> Obj:
    return {name: str(value) for name, value in (amounts or {}).items() if name in {"cpu", "memory"}}
