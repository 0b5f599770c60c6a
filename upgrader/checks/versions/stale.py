from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

FRESH = timedelta(days=90)
"""Istio has a minor about every three months, and patch releases every few weeks."""


def stale(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report that what the catalog knows of the minors on the path was not compared with its sources for long."""
    minors = [v.series for v in context.path]
    age = context.catalog.age(mesh.at.date(), minors)
    if not minors or not context.catalog.releases or age <= FRESH:
        return
    yield Finding(
        code="UPG-0111",
        severity=Severity.ADVISORY,
        subject="the catalog",
        summary=f"the catalog: what it knows of {minors[-1]} was last compared {age.days} days ago",
        what=(
            f"after {FRESH.days} days it counts as stale; {context.catalog.newest()} is the newest minor it knows",
        ),
        why="patch releases, faults and ends of support that became known since are not in it",
        do=(
            "use a newer release of upgrade, or lay your own entries over: upgrade plan --catalog DIR",
            "look at what is announced since: https://istio.io/latest/docs/releases/supported-releases",
        ),
    )
