from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.ownership import CONFIGURES_ITS_OWN_SINCE, live_of, needs_owner, owners_of
from upgrader.model.snapshot import ApiGateway, Snapshot
from upgrader.model.version import Version


def gateway_ownership(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Gateways of the Gateway API that no istiod acts on, or that several undo each other's work on.

    What needs no owner yet, and loses something with a hop, is told by ``configuration.default_owner``.
    """
    del context
    for gateway in mesh.api_gateways:
        owners = owners_of(gateway, mesh)
        cared_for = len(owners) == 1 or _before(needs_owner(gateway), gateway, mesh)
        if gateway.class_name.startswith("istio") and not cared_for:
            yield _finding(mesh, gateway, owners)


def _before(since: Version, gateway: ApiGateway, mesh: Snapshot) -> bool:
    """Whether *gateway* has no label, and every istiod is from before *since*."""
    versions = [Version.parse(p.version) for p in mesh.control_planes if p.version]
    return REVISION not in gateway.labels and all(v < since for v in versions)


def _finding(mesh: Snapshot, gateway: ApiGateway, owners: frozenset[str]) -> Finding:
    name = f"{gateway.ref.namespace}/{gateway.ref.name}"
    bound = gateway.labels.get(REVISION)
    said = f"its label says {REVISION}={bound}" if bound is not None else "it inherits its revision"
    target = gateway.rendered_by if gateway.rendered_by in live_of(mesh) else ""
    target = target or next(iter(sorted(owners or live_of(mesh))), "REVISION")
    command = (
        f"kubectl -n {gateway.ref.namespace} label gateways.gateway.networking.k8s.io {gateway.ref.name}"
    )
    matter, why = _two(owners) if owners else _none(gateway, mesh)
    return Finding(
        code="UPG-0326",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: Gateway {matter}",
        what=(said, f"its Deployment was written by {gateway.rendered_by or 'nobody'}"),
        why=why,
        do=(f"{command} {REVISION}={target} --overwrite",),
        objects=(str(gateway.ref),),
    )


def _two(owners: frozenset[str]) -> tuple[str, str]:
    """What is the matter, and why that is bad."""
    matter = f"with {len(owners)} owners, {' and '.join(sorted(owners))}"
    return matter, "they rewrite its Deployment without end, and its pods with it"


def _none(gateway: ApiGateway, mesh: Snapshot) -> tuple[str, str]:
    """Likewise."""
    if _before(CONFIGURES_ITS_OWN_SINCE, gateway, mesh):
        matter = "without an owner, no istiod renews its Deployment"
        return matter, "its pods would stay with the old revision, which is removed at the end of a hop"
    matter = "without an owner, no istiod acts on it"
    return matter, "its proxies get no new configuration, and no hop would move them"
