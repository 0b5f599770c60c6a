from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.configuration.hosts import listed, spec_of, written
from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import CustomResource, Snapshot
from upgrader.model.step import counted

MANY = 10
"""Endpoints that nobody writes by hand."""


def kept_endpoints(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report ServiceEntries whose many static endpoints another system keeps, such as a sync from Consul."""
    kept: list[tuple[CustomResource, int]] = []
    for resource in written(mesh, context, "ServiceEntry"):
        spec = spec_of(resource)
        count = len(listed(spec.get("endpoints")))
        marked = any("consul" in f"{k}={v}".lower() for k, v in resource.labels.items())
        if spec.get("resolution") == "STATIC" and (count >= MANY or (marked and count)):
            kept.append((resource, count))
    if not kept:
        return
    total = sum(count for _, count in kept)
    yield Finding(
        code="UPG-0389",
        severity=Severity.ADVISORY,
        subject="kept endpoints",
        summary=f"kept endpoints: {counted(len(kept), 'ServiceEntry', 'ServiceEntries')} with {total} static endpoints",
        what=(some([f"{r.ref} ({count})" for r, count in kept]),),
        why="whoever writes them goes on while two control planes read them: each change is pushed twice, and a sync that stops is not seen by any probe of ours",
        do=(
            "look that the sync runs, and that it writes through the API version that stays served",
            "pause it while a wave soaks if its writes make the comparison of before and after useless",
        ),
        objects=tuple(str(r.ref) for r, _ in kept),
    )
