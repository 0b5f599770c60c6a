"""What the restarts of a plan mean, class by class, worst first; of thousands the worst are named and the others counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import get_args

from upgrader.checks.capacity.quantities import told
from upgrader.checks.restarts.restart import Impact, Restart
from upgrader.cluster.clean import clean_line
from upgrader.model.duration import in_words
from upgrader.model.step import counted
from upgrader.planning.outlook.estimate import expected_of
from upgrader.planning.outlook.expected import Outlook, Peak
from upgrader.planning.plan import Plan

NAMED, NAMED_WIDE = 3, 20
"""Workloads of a class that are named."""
MEANING: Mapping[Impact, str] = {
    "outage": "no pod ready for a while",
    "unproven": "no container has a readinessProbe, so new pods get traffic while they start",
    "node": "each node in turn is without its pod",
    "thin": "fewer pods than now, never none",
    "steady": "as many pods ready as now",
    "asleep": "no pod runs",
}


LABELS: Mapping[Impact, str] = {"node": "per node"}
"""Names of classes that are more than one word."""


def classes(outlook: Outlook) -> list[tuple[Impact, list[Restart]]]:
    """Each class that has any, worst first; in it the worst first."""
    found: dict[Impact, list[Restart]] = {impact: [] for impact in get_args(Impact)}
    for restart in outlook.restarts:
        found[restart.impact].append(restart)
    return [(impact, sorted(there, key=_worst)) for impact, there in found.items() if there]


def _worst(restart: Restart) -> tuple[float, float, float, str]:
    gap = restart.gap.longest.total_seconds() if restart.gap else 0.0
    share = restart.lowest / restart.replicas if restart.replicas else 1.0
    return -gap, share, -restart.length.longest.total_seconds(), restart.name


def about(restart: Restart) -> str:
    """One workload in a few words."""
    name, pods = clean_line(restart.name), counted(restart.replicas, "pod")
    match restart.impact:
        case "outage":
            gap = f" for {restart.gap}" if restart.gap else ""
            return f"{name} ({restart.kind} with {restart.strategy}, {pods}): none ready{gap}"
        case "unproven":
            return f"{name} ({pods}): ready as soon as they run"
        case "node":
            return f"{name} ({counted(restart.replicas, 'node')}, {restart.length})"
        case "thin":
            return f"{name} keeps {restart.lowest} of {restart.replicas}"
        case "steady" | "asleep":
            return name


def notes(outlook: Outlook) -> Iterator[str]:
    """What matters beside the classes; what is not known comes last."""
    yield from _counted(outlook, lambda r: r.budget is not None and r.budget.wants > r.lowest, _BUDGETS)
    spent = _counted(
        outlook, lambda r: r.scaler is not None and r.scaler.exhausted and r.lowest < r.replicas, _SCALERS
    )
    yield from spent
    yield from _counted(outlook, lambda r: r.extra < r.surge, _QUOTAS)
    if outlook.peak:
        yield _peak(outlook.peak)
    yield from (f"unknown: {clean_line(words)}" for words in outlook.unknown)


_BUDGETS = "with fewer pods than a PodDisruptionBudget wants to stay; restarts are not held back by budgets"
_SCALERS = "with an autoscaler that is at its maximum, so nothing makes up for the pods that are missing"
_QUOTAS = "in a quota that takes fewer pods at a time than the strategy allows, so it takes longer"


def _counted(outlook: Outlook, holds: Callable[[Restart], bool], words: str) -> Iterator[str]:
    found = [r for r in outlook.restarts if r.replicas and holds(r)]
    if found:
        names = ", ".join(clean_line(r.name) for r in found[:NAMED])
        more = f" and {len(found) - NAMED} more" if len(found) > NAMED else ""
        yield f"{len(found)} {words}: {names}{more}"


def _peak(peak: Peak) -> str:
    wants = _amounts(peak.cpu, peak.memory)
    pods = "1 pod" if peak.pods == 1 else f"{peak.pods} pods"
    words = f"at most {pods} more than now at a time (hop {peak.hop}, wave {clean_line(peak.wave)}), requesting {wants}"
    if peak.free_cpu is None or peak.free_memory is None:
        return f"{words}; nodes were not read, so it is not known whether they have room"
    return f"{words}; nodes have at most {_amounts(max(0, peak.free_cpu), max(0, peak.free_memory))} left"


def _amounts(cpu: float, memory: float) -> str:
    cores = f"{cpu:.0f} cores" if cpu >= 10 else f"{cpu * 1000:.0f}m CPU"
    return f"{cores} and {told('memory', memory)}"


def basis_lines(plan: Plan) -> list[str]:
    """What the estimate of time rests on, a line for each source."""
    found: dict[str, list[str]] = {}
    for one in expected_of(plan).basis:
        found.setdefault(one.source, []).append(clean_line(one.words))
    return [f"{source}: {'; '.join(words)}" for source, words in found.items()]


def wave_rows(plan: Plan) -> list[tuple[str, str, str, str, str]]:
    """Hop, wave, how long, what of it is soaking, and the workload that takes longest."""
    return [
        (str(hop.hop), clean_line(w.wave), str(w.length), _soak(w.soak), clean_line(w.slowest))
        for hop in expected_of(plan).hops
        for w in hop.waves
    ]


def _soak(soak: timedelta) -> str:
    return in_words(soak) if soak else "-"
