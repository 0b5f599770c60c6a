"""How long a pod takes to start and to stop.

Facts: kubelet kills what is left after terminationGracePeriodSeconds (30 where nothing is said), and a preStop hook counts into
that; the agent of a proxy ends ``terminationDrainDuration`` after it was asked to (5 s; mesh configuration, ``defaultConfig``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any

from upgrader.checks.documents import dug
from upgrader.checks.restarts.restart import Range
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import Proxy, Snapshot, Workload

START = (20, 40)
"""Seconds until a pod is ready, where none told; assumed."""
PULL = 20
"""Seconds more for a node that has to fetch the new proxy image; assumed."""
GRACE, DRAIN, DEADLINE = 30, 5, 600
"""Seconds: terminationGracePeriodSeconds, terminationDrainDuration and progressDeadlineSeconds where nothing is said."""
_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)([smh]?)")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600}


@lru_cache(maxsize=4096)
def seconds(shortest: float, longest: float) -> Range:
    """A range of seconds."""
    return Range(timedelta(seconds=shortest), timedelta(seconds=longest))


def start_of(workload: Workload, live: Iterable[Proxy]) -> tuple[Range, int]:
    """How long its pods take until they are ready, and how many of them told; of many the slowest tenth is left out.

    A pod that became ready later than a rollout waits for one (its progress deadline) was ready before, and lost it for a
    while; what it tells is not believed.
    """
    limit = workload.progress_deadline or DEADLINE
    told = sorted(p.ready_after for p in live if 0 <= p.ready_after <= limit)
    if told:
        return seconds(told[0], told[(len(told) * 9 - 1) // 10]), len(told)
    delay = _delay(workload)
    return seconds(max(START[0], delay), START[1] + delay), 0


def stop_of(workload: Workload, drain: float) -> Range:
    """How long its pods take to go: at least what hooks and proxy wait, at most what is granted."""
    grace = (workload.template.get("spec") or {}).get("terminationGracePeriodSeconds")
    longest = GRACE if grace is None else int(grace)
    hooks = [_slept(c["lifecycle"].get("preStop")) for c in containers(workload) if "lifecycle" in c]
    return seconds(min(longest, max([drain, *hooks])), longest)


def drain_of(mesh: Snapshot, revision: str) -> float:
    """Seconds for which a proxy of *revision* goes on after it was asked to end."""
    said = dug(mesh.mesh_configs.get(revision), "defaultConfig", "terminationDrainDuration")
    return _length(str(said)) if said else DRAIN


def containers(workload: Workload) -> Sequence[Obj]:
    """The containers of its pod template."""
    return (workload.template.get("spec") or {}).get("containers") or ()


def _delay(workload: Workload) -> int:
    """The longest time that a probe of readiness lets pass before it asks."""
    probes = (c.get(name) for c in containers(workload) for name in ("startupProbe", "readinessProbe"))
    return max((int(p.get("initialDelaySeconds") or 0) for p in probes if p), default=0)


def _slept(hook: Any) -> float:
    """Seconds that a hook sleeps; 0 for none, and for what does not say how long it takes."""
    direct = dug(hook, "sleep", "seconds")
    if direct is not None:
        return float(direct)
    return max(_said(" ".join(map(str, dug(hook, "exec", "command") or ()))), default=0)


def _said(command: str) -> Iterator[float]:
    for amount, unit in _SLEEP.findall(command):
        yield float(amount) * _UNITS[unit]


@lru_cache(maxsize=64)
def _length(text: str) -> float:
    return sum(float(amount) * _UNITS[unit] for amount, unit in _LENGTH.findall(text)) or DRAIN
