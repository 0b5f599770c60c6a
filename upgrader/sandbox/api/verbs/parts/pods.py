"""Subresources of pods: eviction, binding, logs."""

from __future__ import annotations

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import success
from upgrader.sandbox.api.verbs.bodies import read_object
from upgrader.sandbox.api.verbs.deleting import deleted
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.errors import ApiError, bad_request, conflict, too_many_requests
from upgrader.sandbox.selectors import matches
from upgrader.sandbox.store import Obj

_POLICY = "policy"
_BUDGETS = "poddisruptionbudgets"
_VIOLATES = "Cannot evict pod as it would violate the pod's disruption budget."
_SEVERAL = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
_DONE = frozenset({"Succeeded", "Failed", "Pending"})
_RETRY_SECONDS = 10


def evict(call: Call) -> Response:
    """Delete the pod if its disruption budget allows it.

    Raises:
        ApiError: 404, 429 while the budget is used up, 500 when two budgets are about the pod.
    """
    asked = read_object(call)
    told, name = asked["metadata"].get("name"), call.target.name
    if told and told != name:
        raise bad_request(f"name in URL does not match name in Eviction object: {name} vs {told}")
    pod = call.entry().obj
    options = asked.get("deleteOptions") or {}
    dry = call.dry_run or options.get("dryRun") == ["All"]
    if not _free(pod):
        _spend(call, pod, dry=dry)
    deleted(call, pod, options, dry=dry)
    return success(status=201)


def _free(pod: Obj) -> bool:
    """Pods that are over, not begun or going already are nobody's budget."""
    return (pod.get("status") or {}).get("phase") in _DONE or "deletionTimestamp" in pod["metadata"]


def _spend(call: Call, pod: Obj, *, dry: bool) -> None:
    labels, namespace = pod["metadata"].get("labels"), call.target.namespace
    budgets = [
        budget
        for budget in call.store.list(_POLICY, _BUDGETS, namespace)
        if matches((budget.get("spec") or {}).get("selector"), labels)
    ]
    if len(budgets) > 1:
        raise ApiError(500, "", _SEVERAL)
    if not budgets:
        return
    budget = budgets[0]
    status = budget.get("status") or {}
    if not _ready(pod) and _unhealthy_may_go(budget, status):
        return
    _check_budget(budget, status)
    if dry:
        return
    left = {
        **status,
        "disruptionsAllowed": status["disruptionsAllowed"] - 1,
        "disruptedPods": {**(status.get("disruptedPods") or {}), pod["metadata"]["name"]: call.backend.now()},
    }
    key = (_POLICY, _BUDGETS, namespace, budget["metadata"]["name"])
    call.store.put(key, {**budget, "status": left})


def _ready(pod: Obj) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def _unhealthy_may_go(budget: Obj, status: Obj) -> bool:
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    wanted = status.get("desiredHealthy", 0)
    return bool(wanted) and status.get("currentHealthy", 0) >= wanted


def _check_budget(budget: Obj, status: Obj) -> None:
    name = budget["metadata"]["name"]
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        why = f"The disruption budget {name} is still being processed by the server."
        raise too_many_requests(_VIOLATES, [{"reason": "DisruptionBudget", "message": why}], _RETRY_SECONDS)
    if status.get("disruptionsAllowed", 0) <= 0:
        needs, has = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        why = f"The disruption budget {name} needs {needs} healthy pods and has {has} currently"
        raise too_many_requests(_VIOLATES, [{"reason": "DisruptionBudget", "message": why}])


def bind(call: Call) -> Response:
    """Put the pod onto a node.

    Raises:
        ApiError: 404, 409 when it is bound already.
    """
    binding = read_object(call)
    pod = call.entry().obj
    node = (binding.get("target") or {}).get("name")
    if not node:
        raise bad_request("binding.target.name is required")
    known = pod["spec"].get("nodeName")
    if known:
        raise conflict(
            "pods/binding",
            call.target.name,
            "",
            f'pod {call.target.name} is already assigned to node "{known}"',
        )
    scheduled = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": call.backend.now(),
    }
    status = pod.get("status") or {}
    conditions = [c for c in status.get("conditions") or () if c.get("type") != "PodScheduled"]
    new = {
        **pod,
        "spec": {**pod["spec"], "nodeName": node},
        "status": {**status, "conditions": [*conditions, scheduled]},
    }
    if not call.dry_run:
        call.store.put(call.key, new)
    return success(status=201)


def log(call: Call) -> Response:
    """A few lines about the container, for there is no process that could have written any.

    Raises:
        ApiError: 400 for an unknown container or an unscheduled pod, 404.
    """
    pod = call.entry().obj
    spec, name = pod["spec"], call.target.name
    names = [c["name"] for c in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]]
    told = call.request.query.get("container")
    plain = [c["name"] for c in spec.get("containers") or ()]
    if not told and len(plain) > 1:
        raise bad_request(
            f"a container name must be specified for pod {name}, choose one of: [{' '.join(plain)}]"
        )
    container = told or plain[0]
    if container not in names:
        raise bad_request(f"container {container} is not valid for pod {name}")
    if not spec.get("nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")
    status = pod.get("status") or {}
    began = status.get("startTime") or pod["metadata"].get("creationTimestamp")
    text = f"{began} {container} started\n{began} {container} of {name} is {status.get('phase', 'Pending')}\n"
    return Response(200, {"Content-Type": "text/plain"}, text.encode())
