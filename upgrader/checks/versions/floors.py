from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from upgrader.checks.context import Context
from upgrader.checks.scope import gateway_conditions
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version


def floors(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report a hop that starts from an older patch release than it may; floors that the plan gets round are not said.

    ``emptied`` tells about those.
    """
    conditions = gateway_conditions(mesh)
    for number, (old, new) in enumerate(pairwise(context.path), start=1):
        for floor, oldest in context.catalog.unmet(old, new.series, conditions):
            if floor.need == "must":
                patch = max(context.catalog.latest_patch(old.series) or oldest, oldest)
                yield Finding(
                    code="UPG-0114",
                    severity=Severity.BLOCKED,
                    subject=f"Istio {old}",
                    summary=f"Istio {old}: it must be {oldest} or later before the hop to {new.series}",
                    what=_objects(mesh),
                    why=f"{floor.why}; {floor.source[0]}, read {floor.seen}",
                    do=(
                        f"upgrade plan --path {_path(context, number, patch)}      # with manifests of {patch}",
                    ),
                    hop=number,
                    allowable=True,
                    objects=tuple(str(g.ref) for g in mesh.api_gateways if g.managed),
                )


def _objects(mesh: Snapshot) -> tuple[str, ...]:
    managed = [f"{g.ref.namespace}/{g.ref.name}" for g in mesh.api_gateways if g.managed]
    return (f"Gateways with a Deployment of istiod: {', '.join(sorted(managed))}",)


def _path(context: Context, number: int, patch: Version) -> str:
    """The path with that patch release before the hop, or instead of the one that stands there."""
    before = context.path[1 : number - 1] if number > 1 else ()
    return ",".join(str(v) for v in (*before, patch, *context.path[number:]))
