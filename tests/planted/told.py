"""What all checks say about a cluster, in a form that can be compared."""

from __future__ import annotations

from collections.abc import Mapping

from upgrader.catalog import load_catalog
from upgrader.checks import Context, run_checks
from upgrader.checks.advisories.choosing import advisories_along
from upgrader.cluster.identity import identify
from upgrader.cluster.rest import RestCluster
from upgrader.model.installing import Configured
from upgrader.model.version import Version
from upgrader.planning.route import running
from upgrader.sandbox.world import World
from upgrader.survey.take import take


def told(
    world: World,
    path: tuple[Version, ...],
    parts: Mapping[str, frozenset[str]],
    configured: Mapping[str, Configured] = {},
) -> frozenset[str]:
    """Everything that the checks say: ``UPG-0322 blocked istiod-default-validator``, code, severity and subject.

    Args:
        world: Read by the survey as any cluster is.
        path: Where it is to go; it starts at what runs, as a plan finds it.
        parts: Version to the parts that its manifests have; a version that is left out was not looked at.
        configured: Version to what its manifests say about the control plane; likewise.
    """
    cluster = RestCluster(world.transport())
    mesh = take(cluster, identify(cluster, "planted", "https://sandbox"), world.clock.now())
    plane = running(mesh)
    path = (Version.parse(plane.version), *path) if plane else path
    context = Context(
        path=path,
        catalog=load_catalog(),
        advisories=advisories_along(path),
        parts=parts,
        configured=configured,
    )
    return frozenset(
        f"{f.code} {f.severity.value} {f.subject}".rstrip() for f in run_checks(mesh, context).findings
    )
