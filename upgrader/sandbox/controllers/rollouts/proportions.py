"""Resizing a Deployment in the middle of a rollout, or while it is paused."""

from __future__ import annotations

import math

from upgrader.sandbox.controllers.rollouts.rollout import DESIRED, MAXIMUM, Rollout, available, size
from upgrader.sandbox.store import Obj


def spread(rollout: Rollout) -> None:
    """Share the wanted number of pods among the ReplicaSets that have some, in proportion to their sizes."""
    active = [each for each in rollout.sets if size(each)]
    if len(active) < 2:
        only = active[0] if active else (rollout.new or (rollout.old[-1] if rollout.old else None))
        if only is not None:
            rollout.scale(only, rollout.replicas)
        return
    if _is_saturated(rollout):
        for each in rollout.old:
            if size(each):
                rollout.scale(each, 0)
        return
    if (rollout.deployment["spec"].get("strategy") or {}).get("type") != "Recreate":
        _share(rollout, active)


def _is_saturated(rollout: Rollout) -> bool:
    new, wanted = rollout.new, rollout.replicas
    if new is None:
        return False
    desired = (new["metadata"].get("annotations") or {}).get(DESIRED)
    return size(new) == wanted == available(new) and desired == str(wanted)


def _share(rollout: Rollout, active: list[Obj]) -> None:
    allowed = rollout.replicas + rollout.surge if rollout.replicas else 0
    left = allowed - sum(size(each) for each in active)
    newest_first = active[::-1] if left > 0 else active
    ranked = sorted(newest_first, key=size, reverse=True)
    sizes = [size(each) for each in ranked]
    for at, each in enumerate(ranked):
        part = _fraction(rollout, each)
        part = min(part, left) if left > 0 else max(part, left)
        sizes[at] += part
        left -= part
    sizes[0] = max(0, sizes[0] + left)
    for each, wanted in zip(ranked, sizes, strict=True):
        rollout.scale(each, wanted)


def _fraction(rollout: Rollout, each: Obj) -> int:
    if not rollout.replicas:
        return -size(each)
    former = (each["metadata"].get("annotations") or {}).get(MAXIMUM)
    whole = int(former) if former else int((rollout.deployment.get("status") or {}).get("replicas", 0))
    if not whole:
        return 0
    return math.floor(size(each) * (rollout.replicas + rollout.surge) / whole + 0.5) - size(each)
