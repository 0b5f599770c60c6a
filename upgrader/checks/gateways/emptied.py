from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.ownership import old_has_drop, owners_of
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version

WAYPOINT = "istio-waypoint"


def emptied(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Gateways that the istiod which they leave would empty at that moment (istio/istio issue 59959)."""
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is None or not plane.version or not old_has_drop(Version.parse(plane.version)):
            continue
        names = sorted(
            f"{g.ref.namespace}/{g.ref.name}"
            for g in mesh.api_gateways
            if g.managed and g.class_name != WAYPOINT and revision in owners_of(g, mesh)
        )
        if names:
            patch = _fixed(context, Version.parse(plane.version))
            yield Finding(
                code="UPG-0327",
                severity=Severity.ADVISORY,
                subject=f"revision {revision}",
                summary=f"revision {revision}: istiod {plane.version} empties a Gateway when it stops owning it",
                what=(f"{len(names)} concerned: {some(names)}",),
                why="its old pods would serve nothing until they are replaced; fixed in 1.29.5, 1.30.2 and 1.31",
                do=(
                    "nothing: the plan scales that istiod to 0 first, and moves these Gateways last",
                    *(
                        (f"or bring that istiod to {patch} or later before, in place, by its installer",)
                        if patch
                        else ()
                    ),
                ),
                objects=tuple(f"Gateway {name}" for name in names),
            )


def _fixed(context: Context, version: Version) -> Version | None:
    """The patch release of its minor that does not do so, where there is one."""
    after = Version(version.major, version.minor + 1).series
    unmet = context.catalog.unmet(version, after, ("gateways-move",))
    return max((oldest for _, oldest in unmet), default=None)
