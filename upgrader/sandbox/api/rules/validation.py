"""Validation of the built-in kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from upgrader.sandbox.api.definitions import check_definition
from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.rules.pod.checks import check_pod, check_template, duplicate
from upgrader.sandbox.api.rules.policies import (
    check_autoscaler,
    check_binding,
    check_budget,
    check_hooks,
    check_lease,
)
from upgrader.sandbox.api.rules.shape import look, maps
from upgrader.sandbox.errors import Cause, forbidden_field, required, wrong
from upgrader.sandbox.selectors import matches
from upgrader.sandbox.store import Obj

_MOST = 1024 * 1024
"""Bytes the values of a Secret or ConfigMap may have together."""

Check = Callable[[Obj, Obj | None], Iterable[Cause]]


def check(resource: Resource, obj: Obj, old: Obj | None) -> Iterable[Cause]:
    """What is wrong with an object of a built-in kind."""
    found = CHECKS.get(resource.kind)
    return () if found is None else found(obj, old)


def _same(obj: Obj, old: Obj | None, field: str) -> Iterator[Cause]:
    """A field that may never change."""
    path = field.split(".")
    if old is not None and look(obj, *path) != look(old, *path):
        yield wrong(field, look(obj, *path), "field is immutable")


def _selector(obj: Obj) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    selector, labels = spec.get("selector"), look(spec, "template", "metadata", "labels") or {}
    if selector is None:
        yield required("spec.selector")
        yield wrong(
            "spec.template.metadata.labels", labels or None, "`selector` does not match template `labels`"
        )
    elif not selector:
        yield wrong("spec.selector", selector, "empty selector is invalid for deployment")
    elif not matches(selector, labels):
        yield wrong("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")


def _count(obj: Obj, field: str = "spec.replicas") -> Iterator[Cause]:
    value = look(obj, *field.split("."))
    if isinstance(value, int) and value < 0:
        yield wrong(field, value, "must be greater than or equal to 0")


def _workload(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    yield from _count(obj)
    yield from _selector(obj)
    yield from check_template(obj["spec"], "spec.template")
    yield from _same(obj, old, "spec.selector")


_STATEFUL = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_STATEFUL_FREE = frozenset(
    {
        "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
    }
)  # fmt: skip


def _stateful_set(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    yield from _count(obj)
    yield from _selector(obj)
    yield from check_template(obj["spec"], "spec.template")
    if old is not None and _fixed(obj) != _fixed(old):
        yield forbidden_field("spec", _STATEFUL)


def _fixed(obj: Obj) -> Obj:
    return {name: value for name, value in obj["spec"].items() if name not in _STATEFUL_FREE}


def _job(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    yield from _count(obj, "spec.parallelism")
    yield from check_template(obj["spec"], "spec.template", ("OnFailure", "Never"))
    if old is not None:
        for field in ("spec.selector", "spec.completions", "spec.completionMode"):
            yield from _same(obj, old, field)
        if not look(old, "spec", "suspend"):
            yield from _same(obj, old, "spec.template")


def _cron_job(obj: Obj, _: Obj | None) -> Iterator[Cause]:
    spec = obj["spec"]
    schedule = spec.get("schedule")
    if not schedule:
        yield required("spec.schedule")
    elif not str(schedule).startswith("@") and len(str(schedule).split()) != 5:
        yield wrong(
            "spec.schedule",
            schedule,
            f"expected exactly 5 fields, found {len(str(schedule).split())}: {schedule}",
        )
    yield from check_template(
        spec["jobTemplate"]["spec"], "spec.jobTemplate.spec.template", ("OnFailure", "Never")
    )


def _service(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    spec = obj["spec"]
    ports = maps(spec.get("ports"))
    headless = spec.get("clusterIP") == "None" or spec.get("type") == "ExternalName"
    if not ports and not headless:
        yield required("spec.ports")
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        yield required("spec.externalName")
    names: set[str] = set()
    for at, port in enumerate(ports):
        yield from _port(port, f"spec.ports[{at}]", names, several=len(ports) > 1)
    yield from _address(spec, look(old, "spec"))


def _address(spec: Obj, before: Any) -> Iterator[Cause]:
    """A cluster IP stays as long as the Service has one."""
    known = look(before, "clusterIP")
    external = "ExternalName" in {spec.get("type"), look(before, "type")}
    if known and not external and spec.get("clusterIP") != known:
        yield wrong("spec.clusterIPs[0]", spec.get("clusterIPs"), "may not change once set")


def _port(port: Obj, field: str, names: set[str], *, several: bool) -> Iterator[Cause]:
    number, name = port.get("port"), port.get("name")
    if several and not name:
        yield required(f"{field}.name")
    elif name and name in names:
        yield duplicate(f"{field}.name", name)
    names.add(str(name))
    if not isinstance(number, int) or not 0 < number < 65536:
        yield wrong(f"{field}.port", number or 0, "must be between 1 and 65535, inclusive")


def _immutable_map(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    """ConfigMaps and Secrets that were sealed."""
    if old is not None and old.get("immutable"):
        if not obj.get("immutable"):
            yield forbidden_field("immutable", "field is immutable when `immutable` is set")
        for name in ("data", "binaryData"):
            if obj.get(name) != old.get(name):
                yield forbidden_field(name, "field is immutable when `immutable` is set")
    yield from _strings(obj.get("data"))
    if obj["kind"] == "ConfigMap":
        yield from _sized("[]", len, obj.get("data"), _coded, obj.get("binaryData"))


def _sized(field: str, *measured: Any) -> Iterator[Cause]:
    """The values of maps, each with the measure before it, may have 1 MiB together."""
    pairs = zip(measured[::2], measured[1::2], strict=True)
    total = sum(measure(str(value)) for measure, values in pairs for value in (values or {}).values())
    if total > _MOST:
        yield Cause(field, "FieldValueTooLong", f"Too long: may not be more than {_MOST} bytes")


def _coded(text: str) -> int:
    """How many bytes base64 stands for."""
    return len(text) * 3 // 4 - text[-2:].count("=")


def _strings(data: Any) -> Iterator[Cause]:
    for key, value in (data or {}).items() if isinstance(data, dict) else ():
        if not isinstance(value, str):
            yield wrong(f"data[{key}]", value, "must be a string")


def _secret(obj: Obj, old: Obj | None) -> Iterator[Cause]:
    yield from _immutable_map(obj, old)
    yield from _sized("data", _coded, obj.get("data"))
    yield from _same(obj, old, "type")
    if obj.get("type") == "kubernetes.io/tls":
        missing = [name for name in ("tls.crt", "tls.key") if name not in (obj.get("data") or {})]
        yield from (required(f"data[{name}]") for name in missing)


CHECKS: Mapping[str, Check] = {
    "Pod": check_pod,
    "Deployment": _workload,
    "ReplicaSet": _workload,
    "DaemonSet": _workload,
    "StatefulSet": _stateful_set,
    "Job": _job,
    "CronJob": _cron_job,
    "Service": _service,
    "ConfigMap": _immutable_map,
    "Secret": _secret,
    "PodDisruptionBudget": check_budget,
    "HorizontalPodAutoscaler": check_autoscaler,
    "MutatingWebhookConfiguration": check_hooks,
    "ValidatingWebhookConfiguration": check_hooks,
    "RoleBinding": check_binding,
    "ClusterRoleBinding": check_binding,
    "Lease": check_lease,
    "CustomResourceDefinition": check_definition,
}
