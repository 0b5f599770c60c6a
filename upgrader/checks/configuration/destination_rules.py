from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations
from typing import Any

from upgrader.checks.configuration.hosts import (
    full_host,
    listed,
    meet,
    names_of,
    seen_by,
    spec_of,
    written,
)
from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Ref
from upgrader.model.snapshot import CustomResource, Snapshot
from upgrader.model.step import counted

_SHOWN = 8


def destination_rules(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report hosts for which several DestinationRules of one namespace say the same thing differently.

    istiod puts them together: of two traffic policies, or two subsets of one name, it keeps the first
    (pilot/pkg/model/destination_rule.go). Rules that complete each other are as they should be.
    """
    alike: dict[tuple[str, str], list[CustomResource]] = defaultdict(list)
    for resource in written(mesh, context, "DestinationRule"):
        host = str(spec_of(resource).get("host") or "")
        if host:
            alike[resource.ref.namespace, full_host(host, resource.ref.namespace)].append(resource)
    found: dict[str, list[tuple[str, tuple[Ref, ...]]]] = defaultdict(list)
    for namespace, host in sorted(key for key, rules in alike.items() if len(rules) > 1):
        for first, second in combinations(alike[namespace, host], 2):
            clash = _clash(spec_of(first), spec_of(second))
            if clash and meet(seen_by(first), seen_by(second)):
                found[namespace].append((f"{host}: {clash}", (first.ref, second.ref)))
    for namespace, clashes in found.items():
        yield _finding(namespace, clashes)


def _clash(first: dict[str, Any], second: dict[str, Any]) -> str:
    """What both say, differently; empty for nothing."""
    if _labels(first) != _labels(second):
        return ""
    one, other = _subsets(first), _subsets(second)
    both = sorted(name for name in one.keys() & other.keys() if one[name] != other[name])
    if both:
        return f"subset {', '.join(both)}"
    policies = first.get("trafficPolicy"), second.get("trafficPolicy")
    return "trafficPolicy" if all(policies) and policies[0] != policies[1] else ""


def _labels(spec: dict[str, Any]) -> dict[str, str]:
    selector = spec.get("workloadSelector")
    found = selector.get("matchLabels") if isinstance(selector, dict) else None
    return found if isinstance(found, dict) else {}


def _subsets(spec: dict[str, Any]) -> dict[str, Any]:
    return {str(s.get("name")): s for s in listed(spec.get("subsets")) if isinstance(s, dict)}


def _finding(namespace: str, clashes: list[tuple[str, tuple[Ref, ...]]]) -> Finding:
    subject = f"DestinationRules of {namespace}"
    return Finding(
        code="UPG-0358",
        severity=Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: {counted(len(clashes), 'pair')} for one host and with different settings",
        what=tuple(f"{text} in {' and '.join(names_of(refs))}" for text, refs in clashes[:_SHOWN]),
        why="istiod keeps the older one's, but that order is not promised: after a restore or in another version it may be the other's",
        do=("write one DestinationRule for each host and namespace",),
        objects=names_of(tuple(ref for _, refs in clashes for ref in refs)),
    )
