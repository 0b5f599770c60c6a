"""The built-in admission plugins that matter here: they run before webhooks and are no field managers."""

from __future__ import annotations

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.rules.shape import maps
from upgrader.sandbox.errors import ApiError, forbidden, not_found
from upgrader.sandbox.store import Obj

_SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
_EVICTING = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
_DEFAULT = "default"
_UNDELETABLE = frozenset({"default", "kube-system", "kube-public"})


def check_namespace(call: Call, name: str) -> None:
    """Whether something may be created here.

    Raises:
        ApiError: 404 when the namespace is missing, 403 while it is terminating.
    """
    target = call.target
    if not target.resource.namespaced or target.resource.verbs == ("create",):
        return
    space = call.store.get(("", "namespaces", "", target.namespace))
    if space is None:
        raise not_found("namespaces", target.namespace)
    if "deletionTimestamp" in space["metadata"]:
        why = f"unable to create new content in namespace {target.namespace} because it is being terminated"
        error = forbidden(target.resource.plural, target.name or name, why, target.resource.group)
        told = f"namespace {target.namespace} is being terminated"
        error.details["causes"] = [
            {"reason": "NamespaceTerminating", "message": told, "field": "metadata.namespace"}
        ]
        raise error


def check_deletable(call: Call) -> None:
    """Refuse to delete the namespaces every cluster has.

    Raises:
        ApiError: 403.
    """
    if call.target.resource.plural == "namespaces" and call.target.name in _UNDELETABLE:
        raise forbidden("namespaces", call.target.name, "this namespace may not be deleted")


def admit_pod(call: Call, obj: Obj) -> None:
    """Service account, priority and default tolerations of a new pod, in place.

    Raises:
        ApiError: 403 when its priority class is unknown.
    """
    spec = obj["spec"]
    _account(call, spec)
    priority, preemption = _priority(call, spec.get("priorityClassName", ""))
    spec.setdefault("priority", priority)
    spec.setdefault("preemptionPolicy", preemption)
    tolerations = spec.setdefault("tolerations", [])
    for key in _EVICTING:
        if not any(_tolerates(t, key) for t in maps(tolerations)):
            tolerations.append(
                {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            )


def _account(call: Call, spec: Obj) -> None:
    """The account of pods that name none, once the namespace has it; its token is not mounted."""
    if not spec.get("serviceAccountName") and call.store.get(
        ("", "serviceaccounts", call.target.namespace, _DEFAULT)
    ):
        spec["serviceAccountName"] = spec["serviceAccount"] = _DEFAULT


def _tolerates(toleration: Obj, key: str) -> bool:
    return toleration.get("key") in {None, "", key} and toleration.get("effect") in {None, "", "NoExecute"}


def _priority(call: Call, name: str) -> tuple[int, str]:
    if not name:
        return 0, "PreemptLowerPriority"
    found = call.store.get(("scheduling.k8s.io", "priorityclasses", "", name))
    if found is not None:
        return found.get("value", 0), found.get("preemptionPolicy", "PreemptLowerPriority")
    if name in _SYSTEM:
        return _SYSTEM[name], "PreemptLowerPriority"
    raise _unknown_class(call, name)


def _unknown_class(call: Call, name: str) -> ApiError:
    return forbidden("pods", call.target.name, f"no PriorityClass with name {name} was found")
