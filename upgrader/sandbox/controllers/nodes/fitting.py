"""Whether a pod may run on a node: selectors, affinity to nodes, taints."""

from __future__ import annotations

from typing import Any

from upgrader.sandbox.controllers.conditions import holds
from upgrader.sandbox.selectors import matches, read_field
from upgrader.sandbox.store import Obj

CORDONED = "node.kubernetes.io/unschedulable"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_ON_EVERY_NODE = (CORDONED, "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
"""Taints the pods of a DaemonSet always tolerate."""


def daemon_tolerations() -> list[Obj]:
    """What a DaemonSet adds to the tolerations of its pods."""
    effects = {CORDONED: "NoSchedule"}
    return [
        {"key": key, "operator": "Exists", "effect": effects.get(key, "NoExecute")} for key in _ON_EVERY_NODE
    ]


def fits(spec: Obj, node: Obj) -> bool:
    """Whether a pod specification may be bound to a node, readiness of the node included."""
    return chosen(spec, node) and tolerated(spec, node) and holds(node, "Ready")


def chosen(spec: Obj, node: Obj) -> bool:
    """Whether nodeSelector and required node affinity name the node."""
    labels = node["metadata"].get("labels") or {}
    if not (spec.get("nodeSelector") or {}).items() <= labels.items():
        return False
    required = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get(_REQUIRED)
    terms = (required or {}).get("nodeSelectorTerms") or ()
    return not terms or any(_term(term, node, labels) for term in terms)


def _term(term: Obj, node: Obj, labels: Obj) -> bool:
    fields = term.get("matchFields") or ()
    if any(read_field(node, each["key"]) not in each["values"] for each in fields):
        return False
    return matches({"matchExpressions": term.get("matchExpressions") or []}, labels)


def tolerated(spec: Obj, node: Obj) -> bool:
    """Whether the pod tolerates every taint that keeps pods away, a cordon included."""
    about = node.get("spec") or {}
    taints = [taint for taint in about.get("taints") or () if taint.get("effect") != "PreferNoSchedule"]
    if about.get("unschedulable") and all(taint["key"] != CORDONED for taint in taints):
        taints.append({"key": CORDONED, "effect": "NoSchedule"})
    tolerations = spec.get("tolerations") or ()
    return all(any(_tolerates(each, taint) for each in tolerations) for taint in taints)


def _tolerates(toleration: Obj, taint: dict[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator") == "Exists":
        return True
    return bool(toleration.get("key")) and toleration.get("value", "") == taint.get("value", "")
