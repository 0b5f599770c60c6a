"""How long a pod takes to start and to stop.

Facts: kubelet kills what is left after terminationGracePeriodSeconds (30 where nothing is said), and a preStop hook counts into
that; the agent of a proxy ends ``terminationDrainDuration`` after it was asked to (5 s; mesh configuration, ``defaultConfig``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple

from upgrader.checks.documents import dug
from upgrader.checks.restarts.restart import Range
from upgrader.model.snapshot import Proxy, Snapshot, Workload

START = (20, 40)
"""Seconds until a pod is ready, where none told; assumed."""
PULL = 20
"""Seconds more for a node that has to fetch the new proxy image; assumed."""
GRACE, DRAIN, DEADLINE = 30, 5, 600
"""Seconds: terminationGracePeriodSeconds, terminationDrainDuration and progressDeadlineSeconds where nothing is said."""
PROXY = "istio-proxy"
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_SLEEP = re.compile(r"\bsleep\s+(\d+(?:\.\d+)?)([smh]?)")
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_UNITS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600}


@lru_cache(maxsize=4096)
def seconds(shortest: float, longest: float) -> Range:
    """A range of seconds."""
    return Range(timedelta(seconds=shortest), timedelta(seconds=longest))


def start_of(workload: Workload, live: Iterable[Proxy], delay: int) -> tuple[Range, int]:
    """How long its pods take until they are ready, and how many of them told; of many the slowest tenth is left out.

    A pod that became ready later than a rollout waits for one (its progress deadline) was ready before, and lost it for a
    while; what it tells is not believed.
    """
    limit = workload.progress_deadline or DEADLINE
    told = [after for p in live if 0 <= (after := p.ready_after) <= limit]
    if told:
        told.sort()
        return seconds(told[0], told[(len(told) * 9 - 1) // 10]), len(told)
    return seconds(max(START[0], delay), START[1] + delay), 0


class Template(NamedTuple):
    """What the pod template of a workload says of starting and ending.

    Attributes:
        probed: Whether a container has a readinessProbe; the proxy of a gateway has. None when nothing was read.
        delay: Seconds that a probe lets pass before it asks; the longest.
        slept: Seconds that a preStop hook sleeps; the longest.
        grace: terminationGracePeriodSeconds.
    """

    probed: bool | None
    delay: int
    slept: float
    grace: int


def template_of(workload: Workload) -> Template:
    """What its pod template says."""
    spec = workload.template.get("spec") or _NOTHING
    probed: bool | None = True if workload.gateway else None
    delay, slept = 0, 0.0
    for container in spec.get("containers") or ():
        for probe in (container.get("readinessProbe"), container.get("startupProbe")):
            if probe and (said := probe.get("initialDelaySeconds")):
                delay = max(delay, int(said))
        if not probed and container.get("name") != PROXY:
            probed = "readinessProbe" in container
        if "lifecycle" in container:
            slept = max(slept, _slept(container["lifecycle"].get("preStop")))
    grace = spec.get("terminationGracePeriodSeconds")
    return Template(probed, delay, slept, GRACE if grace is None else int(grace))


def stop_of(template: Template, drain: float) -> Range:
    """How long pods take to go: at least what hooks and proxy wait, at most what is granted."""
    return seconds(min(template.grace, max(drain, template.slept)), template.grace)


def drain_of(mesh: Snapshot, revision: str) -> float:
    """Seconds for which a proxy of *revision* goes on after it was asked to end."""
    said = dug(mesh.mesh_configs.get(revision), "defaultConfig", "terminationDrainDuration")
    return _length(str(said)) if said else DRAIN


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
