"""Orphans that a selector matches become the selector's, and what it no longer matches is let go."""

from __future__ import annotations

from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.conditions import is_deleted
from upgrader.sandbox.controllers.workloads.templates import owned_by
from upgrader.sandbox.selectors import matches
from upgrader.sandbox.store import Obj


def claim(cluster: Cluster, owner: Obj, place: tuple[str, str], selector: Obj) -> None:
    """Own every matching object of the namespace that has no controller, and none that does not match."""
    meta = owner["metadata"]
    for each in cluster.index.controlled(meta["uid"], *place):
        if not is_deleted(each) and not matches(selector, each["metadata"].get("labels")):
            references = each["metadata"]["ownerReferences"]
            _own(cluster, place, each, [known for known in references if known["uid"] != meta["uid"]])
    for orphan in cluster.index.orphans(*place, meta["namespace"]):
        if not is_deleted(orphan) and matches(selector, orphan["metadata"].get("labels")):
            _own(
                cluster, place, orphan, [*(orphan["metadata"].get("ownerReferences") or ()), owned_by(owner)]
            )


def _own(cluster: Cluster, place: tuple[str, str], obj: Obj, references: list[Obj]) -> None:
    meta = {word: value for word, value in obj["metadata"].items() if word != "ownerReferences"}
    owned = {**obj, "metadata": meta | ({"ownerReferences": references} if references else {})}
    cluster.store.put((*place, meta["namespace"], meta["name"]), owned)
