from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.ownership import (
    CONFIGURES_ITS_OWN_SINCE,
    DEFAULT_TAG,
    DEPLOYS_ITS_OWN_SINCE,
    live_of,
    needs_owner,
    tags_of,
)
from upgrader.model.snapshot import ApiGateway, Snapshot
from upgrader.model.step import counted
from upgrader.model.version import UNNAMED


def default_owner(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Gateways without a revision for which a hop leaves no owner, since the mesh has no default tag.

    For what needs an owner already ``gateways.ownership`` tells it today.
    """
    leaving = moving(mesh, context)
    tagged = tags_of(mesh).get(DEFAULT_TAG, frozenset())
    if UNNAMED in leaving or tagged & live_of(mesh) or not context.path:
        return
    nobody = "tag default leads to no istiod" if tagged else "there is no default tag"
    free = _free(mesh, context)
    for since, severity, loses in (
        (DEPLOYS_ITS_OWN_SINCE, Severity.ADVISORY, "keep their Deployment as it is, with the old image"),
        (CONFIGURES_ITS_OWN_SINCE, Severity.BLOCKED, "get no configuration any more"),
    ):
        number = next((n for n, v in enumerate(context.path[1:], start=1) if v >= since), 0)
        losing = [g for g in free if needs_owner(g) <= since]
        if losing and number:
            yield Finding(
                code="UPG-0387",
                severity=severity,
                subject="Gateways without a revision",
                summary=f"Gateways without a revision: {len(losing)} would {loses}, {nobody}",
                what=(some([f"{g.ref.namespace}/{g.ref.name}" for g in losing]),),
                why=f"from {since} on a Gateway that names no revision belongs to the one that tag default stands for",
                do=(
                    f"istioctl tag set default --revision {min(leaving, default='REVISION')}      # the plan moves it with the rest",
                    f"or label {counted(len(losing), 'Gateway')} with {REVISION}, one by one",
                ),
                hop=number,
                allowable=severity is Severity.BLOCKED,
                objects=tuple(str(g.ref) for g in losing),
            )


def _free(mesh: Snapshot, context: Context) -> list[ApiGateway]:
    """Gateways that neither name a revision, nor stand in a namespace that does, and need no owner yet."""
    spaces = {n.name for n in mesh.namespaces if REVISION in n.labels}
    return [
        g
        for g in mesh.api_gateways
        if REVISION not in g.labels and g.ref.namespace not in spaces and context.path[0] < needs_owner(g)
    ]
