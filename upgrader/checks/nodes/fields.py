"""What a Node says of itself."""

from __future__ import annotations

from typing import Any

from upgrader.checks.documents import dug
from upgrader.model.snapshot import Document

_RESERVED = frozenset({"node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"})


def is_ready(node: Document) -> bool | None:
    """Its condition Ready; None when it is not told."""
    conditions = dug(node.body, "status", "conditions") or ()
    found = next((c.get("status") for c in conditions if c.get("type") == "Ready"), None)
    return None if found is None else found == "True"


def is_cordoned(node: Document) -> bool:
    """Whether no new pods are put there."""
    return bool(dug(node.body, "spec", "unschedulable"))


def is_linux(node: Document) -> bool:
    """Whether it runs Linux; one that does not say so does."""
    return (info(node, "operatingSystem") or "linux") == "linux"


def takes_pods(node: Document) -> bool:
    """Whether ordinary Linux pods can be put there: Ready, not cordoned, not kept for the control plane of Kubernetes."""
    taints = dug(node.body, "spec", "taints") or ()
    reserved = any(t.get("key") in _RESERVED and t.get("effect") != "PreferNoSchedule" for t in taints)
    return is_ready(node) is not False and not is_cordoned(node) and is_linux(node) and not reserved


def info(node: Document, field: str) -> str:
    """``status.nodeInfo``: ``kubeletVersion``, ``architecture``, ``kernelVersion``, ``osImage`` …; empty when not told."""
    found: Any = dug(node.body, "status", "nodeInfo", field)
    return str(found or "")
