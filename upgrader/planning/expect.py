"""What should be true of a healthy mesh, as probes: the same questions that the gates of a plan ask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.model.kinds import WORKLOADS, Ref
from upgrader.model.snapshot import ControlPlane, Snapshot
from upgrader.planning.foresight.forecast import Forecast
from upgrader.planning.hop.documents import expected_image, image_text
from upgrader.planning.hop.gates import cases
from upgrader.probes import (
    AnyProbe,
    ControlPlaneReady,
    GatewaysOn,
    Injects,
    ProxiesConnected,
    Validates,
    WebhooksResolve,
    WorkloadsOn,
)


def expectations(mesh: Snapshot, namespaces: Sequence[str] = ()) -> tuple[AnyProbe, ...]:
    """Probes for the mesh as it is; with *namespaces*, only those about workloads there.

    A workload is expected on the revision that would inject it now, so one that was bound anew and never restarted
    does not pass.
    """
    about = tuple(_workloads(mesh, namespaces))
    return about if namespaces else (*_planes(mesh), *_paths(mesh), *about, *_gateways(mesh))


def _planes(mesh: Snapshot) -> Iterator[AnyProbe]:
    root = mesh.root_namespace
    for plane in mesh.control_planes:
        if not plane.replicas:
            continue
        yield ControlPlaneReady(revision=plane.revision, version=plane.version, root_namespace=root)
        if mesh.proxies_of(plane.revision):
            yield ProxiesConnected(revision=plane.revision, version=plane.version, root_namespace=root)


def _paths(mesh: Snapshot) -> Iterator[AnyProbe]:
    """Injection, validation, webhooks: what a label, a tag or a removed Service breaks."""
    forecast = Forecast.of(mesh)
    images = {p.revision: image_text(p.proxy_image) for p in mesh.control_planes}
    if found := cases(mesh, forecast, images):
        yield Injects(cases=found)
    yield Validates(namespace=mesh.root_namespace, strict=bool(forecast.default_validator))
    yield WebhooksResolve(root_namespace=mesh.root_namespace, known_dangling=tuple(_idle(mesh)))


def _idle(mesh: Snapshot) -> Iterator[str]:
    """Webhooks of istiods that were scaled to 0 and have no proxy left: nothing is to come from there."""
    frozen = {p.revision for p in mesh.control_planes if not p.replicas and not mesh.proxies_of(p.revision)}
    for webhook in (*mesh.injectors, *mesh.validators):
        if webhook.revision in frozen and not webhook.tag:
            yield webhook.ref.name


def _workloads(mesh: Snapshot, namespaces: Sequence[str]) -> Iterator[AnyProbe]:
    forecast = Forecast.of(mesh)
    planes: dict[str, ControlPlane] = {p.revision: p for p in mesh.control_planes}
    members = {p.workload for p in mesh.proxies}
    groups: dict[tuple[str, str], list[Ref]] = {}
    for workload in mesh.workloads:
        inside = not namespaces or workload.ref.namespace in namespaces
        if not inside or workload.ref.kind not in WORKLOADS or str(workload.ref) not in members:
            continue
        plane = planes.get(forecast.next_proxy(workload).winner)
        if plane is not None:
            key = (plane.revision, expected_image(workload, image_text(plane.proxy_image)))
            groups.setdefault(key, []).append(workload.ref)
    for (revision, image), refs in sorted(groups.items()):
        yield WorkloadsOn(workloads=tuple(refs), revision=revision, image=image)


def _gateways(mesh: Snapshot) -> Iterator[AnyProbe]:
    forecast = Forecast.of(mesh)
    groups: dict[str, list[Ref]] = {}
    for gateway in mesh.api_gateways:
        owners = forecast.owners(gateway)
        if gateway.managed and len(owners) == 1:
            groups.setdefault(next(iter(owners)), []).append(gateway.ref)
    for revision, refs in sorted(groups.items()):
        yield GatewaysOn(gateways=tuple(refs), revision=revision)
