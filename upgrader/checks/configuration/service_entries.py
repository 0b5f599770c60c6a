from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations

from upgrader.checks.configuration.hosts import listed, meet, names_of, seen_by, spec_of, written
from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Ref
from upgrader.model.snapshot import CustomResource, Snapshot
from upgrader.model.step import counted

_TELLS = ("ports", "location", "resolution", "endpoints", "workloadSelector", "addresses", "subjectAltNames")
"""Fields that decide where a request goes; who sees it and what else it is for do not."""
_SHOWN = 8


def service_entries(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report hosts that ServiceEntries of several namespaces define differently for somebody who sees both."""
    by_host: dict[str, list[CustomResource]] = defaultdict(list)
    for resource in written(mesh, context, "ServiceEntry"):
        for host in dict.fromkeys(str(h) for h in listed(spec_of(resource).get("hosts"))):
            by_host[host].append(resource)
    clashes: list[tuple[str, tuple[Ref, ...]]] = []
    for host in sorted(host for host, entries in by_host.items() if len(entries) > 1):
        refs: set[Ref] = set()
        seen = [(e, seen_by(e)) for e in by_host[host]]
        for (first, its), (second, others) in combinations(seen, 2):
            apart = first.ref.namespace != second.ref.namespace
            if apart and meet(its, others) and _told(first) != _told(second):
                refs |= {first.ref, second.ref}
        if refs:
            clashes.append((host, tuple(sorted(refs))))
    if clashes:
        yield _finding(clashes)


def _told(resource: CustomResource) -> list[object]:
    spec = spec_of(resource)
    return [spec.get(field) for field in _TELLS]


def _finding(clashes: list[tuple[str, tuple[Ref, ...]]]) -> Finding:
    return Finding(
        code="UPG-0365",
        severity=Severity.ADVISORY,
        subject="ServiceEntries",
        summary=f"ServiceEntries: {counted(len(clashes), 'host')} defined differently in several namespaces",
        what=tuple(f"{host}: {', '.join(names_of(refs))}" for host, refs in clashes[:_SHOWN]),
        why="which one a third namespace gets is not promised: after a restore or in another version it may be another one",
        do=('keep them apart with exportTo: ["."], or define the host once for all',),
        objects=names_of(tuple(ref for _, refs in clashes for ref in refs)),
    )
