from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version


def newer(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a hop onto a minor that is newer than everything the catalog knows: nobody told what changes there."""
    del mesh
    newest = context.catalog.newest()
    for number, target in enumerate(context.path[1:], start=1):
        if newest and Version.parse(newest) < Version.parse(target.series):
            yield Finding(
                code="UPG-0112",
                severity=Severity.BLOCKED,
                subject=f"Istio {target.series}",
                summary=f"Istio {target.series}: it is newer than the catalog, which ends at {newest}",
                why="its Kubernetes versions, its faults and what changes with it are not known to this release of upgrade",
                do=(
                    "use a newer release of upgrade",
                    f"or say what you know of it: upgrade plan --to {target.series} --catalog DIR",
                    f"or stop before it: upgrade plan --to {newest}",
                ),
                hop=number,
            )
            return
