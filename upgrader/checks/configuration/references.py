from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from upgrader.checks.configuration.hosts import (
    NETWORKING,
    covers,
    full_gateway,
    full_host,
    listed,
    spec_of,
    written,
)
from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted

_SHOWN = 8
_ROUTES = ("http", "tls", "tcp")


def references(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report VirtualServices that name Gateways or subsets which nobody has defined."""
    gateways = {f"{r.ref.namespace}/{r.ref.name}" for r in mesh.resources_of(NETWORKING, "Gateway")}
    subsets = _subsets(mesh)
    missing: dict[str, dict[str, str]] = defaultdict(dict)
    for resource in written(mesh, context, "VirtualService"):
        spec, namespace = spec_of(resource), resource.ref.namespace
        for name in listed(spec.get("gateways")):
            gateway = full_gateway(str(name), namespace)
            if gateway != "mesh" and gateway not in gateways:
                missing[namespace][f"{resource.ref}: no Gateway {gateway}"] = str(resource.ref)
        for host, subset in dict.fromkeys(_destinations(spec)):
            where = full_host(host, namespace)
            if not _covered(where, subsets.get(subset, set())):
                missing[namespace][f"{resource.ref}: no subset {subset} of {where}"] = str(resource.ref)
    for namespace, found in sorted(missing.items()):
        yield _finding(namespace, found)


def _subsets(mesh: Snapshot) -> dict[str, set[str]]:
    """Name of a subset to the hosts that have one so called."""
    found: dict[str, set[str]] = defaultdict(set)
    for resource in mesh.resources_of(NETWORKING, "DestinationRule"):
        spec = spec_of(resource)
        host = full_host(str(spec.get("host") or ""), resource.ref.namespace)
        for subset in listed(spec.get("subsets")):
            found[str(subset.get("name")) if isinstance(subset, dict) else ""].add(host)
    return found


def _covered(host: str, hosts: set[str]) -> bool:
    """Whether *hosts* has it, by name, or by one of the patterns, which are few."""
    return host in hosts or any(pattern[:1] == "*" and covers(pattern, host) for pattern in hosts)


def _destinations(spec: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Host and subset of everything that is routed or mirrored to a subset."""
    for destination in _targets(spec):
        if isinstance(destination, dict) and (subset := destination.get("subset")):
            yield str(destination.get("host") or ""), str(subset)


def _targets(spec: dict[str, Any]) -> list[Any]:
    """Every destination of a route, and every mirror."""
    found: list[Any] = []
    for kind in _ROUTES:
        for route in listed(spec[kind]) if kind in spec else ():
            if not isinstance(route, dict):
                continue
            found += [t.get("destination") for t in listed(route.get("route")) if isinstance(t, dict)]
            if "mirrors" in route:
                found += [t.get("destination") for t in listed(route["mirrors"]) if isinstance(t, dict)]
            if "mirror" in route:
                found.append(route["mirror"])
    return found


def _finding(namespace: str, found: dict[str, str]) -> Finding:
    subject = f"VirtualServices of {namespace}"
    return Finding(
        code="UPG-0359",
        severity=Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: {counted(len(found), 'reference')} to what is not there",
        what=tuple(found)[:_SHOWN],
        why="such a route serves nothing or answers 503 already; found after a hop, it would be taken for the hop's fault",
        do=("correct the name, or remove the route, before the run begins",),
        objects=tuple(dict.fromkeys(found.values())),
    )
