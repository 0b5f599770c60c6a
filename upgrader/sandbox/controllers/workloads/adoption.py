"""Orphans that a selector matches become the selector's."""

from __future__ import annotations

from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.conditions import is_deleted
from upgrader.sandbox.controllers.workloads.templates import owned_by
from upgrader.sandbox.selectors import matches
from upgrader.sandbox.store import Obj


def adopt(cluster: Cluster, owner: Obj, place: tuple[str, str], selector: Obj) -> None:
    """Put the owner's reference on every matching object of its namespace that has no controller."""
    namespace = owner["metadata"]["namespace"]
    for orphan in cluster.index.orphans(*place, namespace):
        meta = orphan["metadata"]
        if is_deleted(orphan) or not matches(selector, meta.get("labels")):
            continue
        references = [*(meta.get("ownerReferences") or ()), owned_by(owner)]
        key = (*place, namespace, meta["name"])
        cluster.store.put(key, {**orphan, "metadata": {**meta, "ownerReferences": references}})
