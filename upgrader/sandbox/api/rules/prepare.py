"""What the server itself decides about an object: identity, generation, status, allocations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.fields.zero import zero_status
from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.rules.allocation import allocate
from upgrader.sandbox.api.rules.pod.defaults import quality
from upgrader.sandbox.api.rules.shape import look, maps, table
from upgrader.sandbox.store import Obj

_KEPT = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "generateName",
)
_PODS = ("", "pods")
_NOT_SPEC = frozenset({"kind", "apiVersion", "metadata", "status"})


def prepare_create(call: Call, obj: Obj) -> None:
    """Give a new object what only the server may give it, in place."""
    resource, meta = call.target.resource, obj["metadata"]
    for name in (
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
        "selfLink",
        "generation",
        "resourceVersion",
    ):
        meta.pop(name, None)
    meta["uid"], meta["creationTimestamp"] = call.store.new_uid(), call.backend.now()
    if resource.generation:
        meta["generation"] = 1
    if resource.has_status:
        obj.pop("status", None)
        status = zero_status(resource)
        if status is not None:
            obj["status"] = dict(status)
    begin = _CREATE.get(resource.kind)
    if begin is not None and resource.crd is None:
        begin(call, obj)


def prepare_update(call: Call, obj: Obj, old: Obj) -> Obj:
    """The object with the parts this endpoint may not change as they were."""
    resource = call.target.resource
    if call.target.subresource == "status":
        return _pod_status(obj, old) if resource.home == _PODS else _status_only(obj, old)
    meta = obj["metadata"]
    for name in _KEPT:
        meta.pop(name, None)
        if name in old["metadata"]:
            meta[name] = old["metadata"][name]
    if resource.has_status:
        obj.pop("status", None)
        if "status" in old:
            obj["status"] = old["status"]
    go_on = _UPDATE.get(resource.kind)
    if go_on is not None and resource.crd is None:
        go_on(call, obj, old)
    if resource.generation and _spec(resource, obj) != _spec(resource, old):
        meta["generation"] = old["metadata"].get("generation", 0) + 1
    return obj


def _spec(resource: Resource, obj: Obj) -> Obj:
    """What the generation counts: all but metadata, and status where it has its own endpoint."""
    skipped = _NOT_SPEC if resource.crd is None or resource.has_status else _NOT_SPEC - {"status"}
    return {name: value for name, value in obj.items() if name not in skipped}


def _status_only(obj: Obj, old: Obj) -> Obj:
    meta = {name: value for name, value in old["metadata"].items() if name != "managedFields"}
    if "managedFields" in obj["metadata"]:
        meta["managedFields"] = obj["metadata"]["managedFields"]
    kept = {name: value for name, value in old.items() if name != "status"}
    status = {"status": obj["status"]} if "status" in obj else {}
    return {**kept, "metadata": meta, **status}


def _pod_status(obj: Obj, old: Obj) -> Obj:
    """The kubelet's endpoint: labels and annotations may be written here too."""
    meta = {**obj["metadata"], **{name: old["metadata"][name] for name in _KEPT if name in old["metadata"]}}
    found = _status_only(obj, old)
    for each in maps(look(found, "status", "conditions")):
        for name in ("lastProbeTime", "lastTransitionTime"):
            each.setdefault(name, None)
    return {**found, "metadata": meta}


def _pod(_: Call, obj: Obj) -> None:
    obj["status"] = {"phase": "Pending", "qosClass": quality(obj["spec"])}


def _namespace(_: Call, obj: Obj) -> None:
    finalizers = table(obj, "spec").setdefault("finalizers", ["kubernetes"])
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")
    obj["status"] = {"phase": "Active"}


def _claim(_: Call, obj: Obj) -> None:
    obj["status"] = {"phase": "Pending"}


def _definition(_: Call, obj: Obj) -> None:
    status: Obj = {"conditions": None, "acceptedNames": {"plural": "", "kind": ""}}
    stored = [v.get("name") for v in maps(look(obj, "spec", "versions")) if v.get("storage")]
    obj["status"] = {**status, "storedVersions": stored}


def _service(call: Call, obj: Obj) -> None:
    allocate(call.store, obj, None)


def _job(_: Call, obj: Obj) -> None:
    """A selector by the uid that nobody else can have, unless the author manages selectors."""
    spec, meta = obj["spec"], obj["metadata"]
    if spec.get("manualSelector"):
        return
    labels = table(spec, "template", "metadata", "labels")
    for prefix in ("", "batch.kubernetes.io/"):
        labels[f"{prefix}controller-uid"] = meta["uid"]
        labels[f"{prefix}job-name"] = meta["name"]
    chosen = table(spec, "selector", "matchLabels")
    chosen["batch.kubernetes.io/controller-uid"] = meta["uid"]


_CREATE: Mapping[str, Callable[[Call, Obj], None]] = {
    "Pod": _pod,
    "Namespace": _namespace,
    "PersistentVolumeClaim": _claim,
    "CustomResourceDefinition": _definition,
    "Service": _service,
    "Job": _job,
}


def _service_again(call: Call, obj: Obj, old: Obj) -> None:
    allocate(call.store, obj, old)


def _namespace_again(call: Call, obj: Obj, old: Obj) -> None:
    if call.target.subresource == "finalize":
        obj["metadata"] = dict(old["metadata"])
        return
    table(obj, "spec")["finalizers"] = look(old, "spec", "finalizers") or []


def _definition_again(_: Call, obj: Obj, old: Obj) -> None:
    stored: list[Any] = list(look(old, "status", "storedVersions") or ())
    for version in maps(look(obj, "spec", "versions")):
        if version.get("storage") and version.get("name") not in stored:
            stored.append(version.get("name"))
    obj["status"] = {**(obj.get("status") or {}), "storedVersions": stored}


_UPDATE: Mapping[str, Callable[[Call, Obj, Obj], None]] = {
    "Service": _service_again,
    "Namespace": _namespace_again,
    "CustomResourceDefinition": _definition_again,
}
