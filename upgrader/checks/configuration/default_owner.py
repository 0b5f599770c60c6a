from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.ownership import DEFAULT_TAG, tags_of
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted
from upgrader.model.version import UNNAMED, Version

_DEPLOYS_SINCE = Version(1, 18, 0)
"""From here on only the default revision deploys a Gateway without a label (pkg/revisions/tag_watcher.go)."""
_SERVES_SINCE = Version(1, 24, 2)
"""From here on only it sends configuration to one (istio/istio release note 54280, issues 55372 and 55897)."""


def default_owner(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Gateways without a revision for which a hop leaves no owner, since the mesh has no default tag.

    An istiod from before 1.18 acts on each of them; for a newer one ``gateways.ownership`` tells it today.
    """
    leaving = moving(mesh, context)
    if UNNAMED in leaving or tags_of(mesh).get(DEFAULT_TAG) or not context.path:
        return
    if context.path[0] >= _DEPLOYS_SINCE:
        return
    spaces = {n.name for n in mesh.namespaces if REVISION in n.labels}
    free = [g for g in mesh.api_gateways if REVISION not in g.labels and g.ref.namespace not in spaces]
    for since, severity, loses in (
        (_DEPLOYS_SINCE, Severity.ADVISORY, "keep their Deployment as it is, with the old image"),
        (_SERVES_SINCE, Severity.BLOCKED, "get no configuration any more"),
    ):
        number = next((n for n, v in enumerate(context.path[1:], start=1) if v >= since), 0)
        if free and number:
            yield Finding(
                code="UPG-0387",
                severity=severity,
                subject="Gateways without a revision",
                summary=f"Gateways without a revision: {len(free)} would {loses}, there is no default tag",
                what=(some([f"{g.ref.namespace}/{g.ref.name}" for g in free]),),
                why=f"from {since} on a Gateway that names no revision belongs to the one that tag default stands for",
                do=(
                    f"istioctl tag set default --revision {min(leaving, default='REVISION')}      # the plan moves it with the rest",
                    f"or label {counted(len(free), 'Gateway')} with {REVISION}, one by one",
                ),
                hop=number,
                allowable=severity is Severity.BLOCKED,
                objects=tuple(str(g.ref) for g in free),
            )
