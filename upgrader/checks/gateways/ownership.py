from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.ownership import live_of, owners_of
from upgrader.model.snapshot import ApiGateway, Snapshot
from upgrader.model.version import Version

_TAG_WATCHER_SINCE = (1, 18)
"""Before it every istiod acted on a Gateway without a label (pkg/revisions/tag_watcher.go)."""


def gateway_ownership(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Gateways of the Gateway API that no istiod acts on, or that several undo each other's work on."""
    del context
    for gateway in mesh.api_gateways:
        owners = owners_of(gateway, mesh)
        if gateway.class_name.startswith("istio") and len(owners) != 1 and not _before_tags(gateway, mesh):
            yield _finding(mesh, gateway, owners)


def _before_tags(gateway: ApiGateway, mesh: Snapshot) -> bool:
    versions = [Version.parse(p.version) for p in mesh.control_planes if p.version]
    return REVISION not in gateway.labels and all((v.major, v.minor) < _TAG_WATCHER_SINCE for v in versions)


def _finding(mesh: Snapshot, gateway: ApiGateway, owners: frozenset[str]) -> Finding:
    name = f"{gateway.ref.namespace}/{gateway.ref.name}"
    bound = gateway.labels.get(REVISION)
    said = f"its label says {REVISION}={bound}" if bound is not None else "it inherits its revision"
    target = gateway.rendered_by if gateway.rendered_by in live_of(mesh) else ""
    target = target or next(iter(sorted(owners or live_of(mesh))), "REVISION")
    command = (
        f"kubectl -n {gateway.ref.namespace} label gateways.gateway.networking.k8s.io {gateway.ref.name}"
    )
    two = bool(owners)
    return Finding(
        code="UPG-0326",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: Gateway with {len(owners)} owners, {' and '.join(sorted(owners))}"
        if two
        else f"{name}: Gateway without an owner, no istiod acts on it",
        what=(said, f"its Deployment was written by {gateway.rendered_by or 'nobody'}"),
        why="they rewrite its Deployment without end, and its pods with it"
        if two
        else "its proxies get no new configuration, and no hop would move them",
        do=(f"{command} {REVISION}={target} --overwrite",),
        objects=(str(gateway.ref),),
    )
