from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from upgrader.checks.configuration.hosts import (
    full_gateway,
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

MESH = "mesh"
_SHOWN = 8


def virtual_services(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report hosts that several VirtualServices route, where it matters which one istiod takes.

    For the sidecars one of them counts and the others are ignored; at a gateway their routes are put together, which
    is only unclear where two of them match the same requests.
    """
    bound: dict[tuple[str, str], list[CustomResource]] = defaultdict(list)
    for resource in written(mesh, context, "VirtualService"):
        spec, namespace = spec_of(resource), resource.ref.namespace
        gateways = {full_gateway(str(g), namespace) for g in listed(spec.get("gateways"))} or {MESH}
        for host in {full_host(str(h), namespace) for h in listed(spec.get("hosts"))}:
            for gateway in gateways:
                bound[gateway, host].append(resource)
    clashes: dict[str, list[tuple[str, tuple[Ref, ...]]]] = defaultdict(list)
    for gateway, host in sorted(key for key, found in bound.items() if len(found) > 1):
        refs = tuple(sorted(_clashing(bound[gateway, host], everywhere=gateway == MESH)))
        if refs:
            clashes[gateway].append((host, refs))
    for gateway, hosts in clashes.items():
        yield _finding(gateway, hosts)


def _clashing(found: list[CustomResource], *, everywhere: bool) -> set[Ref]:
    refs: set[Ref] = set()
    for first, second in combinations(found, 2):
        if meet(seen_by(first), seen_by(second)) and (everywhere or _matches(first) & _matches(second)):
            refs |= {first.ref, second.ref}
    return refs


def _matches(resource: CustomResource) -> set[str]:
    """What its routes match, each as text; ``{}`` is everything. Names of matches make no difference."""
    spec, found = spec_of(resource), set()
    for kind in ("http", "tls", "tcp"):
        for route in listed(spec.get(kind)):
            matches = listed(route.get("match")) if isinstance(route, dict) else []
            for match in matches or [{}]:
                said = {k: v for k, v in match.items() if k != "name"} if isinstance(match, dict) else {}
                found.add(f"{kind} {json.dumps(said, sort_keys=True)}")
    return found


def _finding(gateway: str, hosts: list[tuple[str, tuple[Ref, ...]]]) -> Finding:
    subject = "VirtualServices of the sidecars" if gateway == MESH else f"VirtualServices at {gateway}"
    taken = "only one of them counts" if gateway == MESH else "with the same match"
    return Finding(
        code="UPG-0357",
        severity=Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: {counted(len(hosts), 'host')} in several of them, {taken}",
        what=tuple(f"{host}: {', '.join(names_of(refs))}" for host, refs in hosts[:_SHOWN]),
        why="istiod takes the oldest, but that order is not promised: after a restore or in another version it may be another one",
        do=(
            "put the routes of one host into one VirtualService, or let exportTo keep them apart",
            "istioctl proxy-config routes POD.NAMESPACE -o json      # which one counts now",
        ),
        objects=names_of(tuple(ref for _, refs in hosts for ref in refs)),
    )
