"""Two clusters side by side: everything that an operator would call different, and nothing else."""

from __future__ import annotations

from collections import Counter
from typing import Any

from upgrader.sandbox.world import World

_OURS = "istio-upgrade"
_PASSING = {"events", "leases", "endpoints", "endpointslices", "replicasets", "controllerrevisions", "pods"}
_META = {"name", "namespace", "labels", "annotations", "finalizers"}
_PASSING_NOTES = {"deployment.kubernetes.io/revision", "gateway.istio.io/controller-version"}


def contents(world: World, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Every object by kind and name, as a person wrote it; pods as counts per workload, revision and image.

    Args:
        without: Plurals that do not count.
    """
    found: dict[str, Any] = {}
    for resource in world.api.catalogue:
        if resource.plural in _PASSING | without or resource.home != (resource.group, resource.plural):
            continue
        for obj in world.store.list(resource.group, resource.plural):
            meta = obj["metadata"]
            if _OURS in {meta.get("namespace"), meta["name"]}:
                continue
            found[f"{resource.plural}.{resource.group} {meta.get('namespace', '')}/{meta['name']}"] = _bare(
                obj
            )
    found["pods"] = _pods(world)
    return found


def _bare(obj: dict[str, Any]) -> dict[str, Any]:
    meta = {k: v for k, v in obj["metadata"].items() if k in _META}
    notes = {k: v for k, v in (meta.pop("annotations", None) or {}).items() if k not in _PASSING_NOTES}
    return {k: v for k, v in obj.items() if k not in {"metadata", "status"}} | {
        "metadata": meta | {"annotations": notes}
    }


def _pods(world: World) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for pod in world.store.list("", "pods"):
        meta = pod["metadata"]
        owner = (meta.get("ownerReferences") or [{}])[0]
        name = (
            owner.get("name", meta["name"]).rsplit("-", 1)[0]
            if owner.get("kind") == "ReplicaSet"
            else owner.get("name", meta["name"])
        )
        images = sorted(
            c["image"] for c in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]
        )
        revision = (meta.get("annotations") or {}).get("istio.io/rev", "")
        gone = " going" if meta.get("deletionTimestamp") else ""
        counts[f"{meta.get('namespace')}/{name} {revision} {' '.join(images)}{gone}"] += 1
    return dict(counts)


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """What differs, a line each; empty when the clusters are the same."""
    lines = []
    for key in sorted({*one, *other}):
        if one.get(key) != other.get(key):
            lines += [f"{key}: {part}" for part in _parts(one.get(key), other.get(key), "")]
    return lines


def _parts(one: Any, other: Any, path: str) -> list[str]:
    if isinstance(one, dict) and isinstance(other, dict):
        keys = sorted({*one, *other}, key=str)
        return [
            line
            for k in keys
            if one.get(k) != other.get(k)
            for line in _parts(one.get(k), other.get(k), f"{path}.{k}")
        ]
    return [f"{path}: {one!r} | {other!r}"[:300]]
