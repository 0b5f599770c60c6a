"""What should be true of a healthy mesh, as probes: the same questions that the gates of a plan ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from upgrader.model.kinds import WORKLOADS, Ref
from upgrader.model.snapshot import ControlPlane, Snapshot, Workload
from upgrader.model.snapshot.members import PROXY_IMAGE
from upgrader.planning.foresight.forecast import INJECT, INJECTION, REV, Forecast
from upgrader.planning.hop.documents import expected_image, image_text
from upgrader.planning.hop.gates import cases
from upgrader.probes import (
    AnyProbe,
    ControlPlaneReady,
    GatewaysOn,
    Injects,
    ProxiesSynced,
    Validates,
    WebhooksResolve,
    WorkloadsOn,
)
from upgrader.probes.admission.injection import InjectionCase

ASKS = (INJECT, REV)
"""Labels of a pod by which it asks for a proxy."""


def expectations(mesh: Snapshot, namespaces: Sequence[str] = ()) -> tuple[AnyProbe, ...]:
    """Probes for the mesh as it is; with *namespaces*, only those about workloads there.

    A workload is expected on the revision that would inject it now, so one that was bound anew and never restarted
    does not pass.
    """
    now = Forecast.of(mesh)
    about = tuple(_workloads(mesh, now, namespaces))
    return about if namespaces else (*_planes(mesh), *_paths(mesh, now), *about, *_gateways(mesh, now))


def _planes(mesh: Snapshot) -> Iterator[AnyProbe]:
    root = mesh.root_namespace
    for plane in mesh.control_planes:
        if not plane.replicas:
            continue
        yield ControlPlaneReady(revision=plane.revision, version=plane.version, root_namespace=root)
        if mesh.proxies_on(plane.revision):
            yield ProxiesSynced(revision=plane.revision, version=plane.version, root_namespace=root)


def _paths(mesh: Snapshot, forecast: Forecast) -> Iterator[AnyProbe]:
    """Injection, validation, webhooks: what a label, a tag or a removed Service breaks."""
    images = {p.revision: image_text(p.proxy_image) for p in mesh.control_planes}
    if found := tuple(case for case in cases(mesh, forecast, images) if case.revision):
        yield Injects(cases=found)
    yield Validates(namespace=mesh.root_namespace, strict=bool(forecast.default_validator))
    yield WebhooksResolve(root_namespace=mesh.root_namespace, known_dangling=tuple(_idle(mesh)))


def _idle(mesh: Snapshot) -> Iterator[str]:
    """Webhooks of istiods that were scaled to 0 and have no proxy left: nothing is to come from there."""
    frozen = {p.revision for p in mesh.control_planes if not p.replicas and not mesh.proxies_on(p.revision)}
    for webhook in (*mesh.injectors, *mesh.validators):
        if webhook.revision in frozen and not webhook.tag:
            yield webhook.ref.name


def _members(mesh: Snapshot, namespaces: Sequence[str]) -> Iterator[Workload]:
    """Workloads that have proxies."""
    members = mesh.owners.keys()
    for workload in mesh.workloads:
        inside = not namespaces or workload.ref.namespace in namespaces
        if inside and workload.ref.kind in WORKLOADS and str(workload.ref) in members:
            yield workload


def _workloads(mesh: Snapshot, forecast: Forecast, namespaces: Sequence[str]) -> Iterator[AnyProbe]:
    planes: dict[str, ControlPlane] = {p.revision: p for p in mesh.control_planes}
    groups: dict[tuple[str, str], list[Ref]] = {}
    for workload in _members(mesh, namespaces):
        plane = planes.get(forecast.next_proxy(workload).winner)
        if plane is not None:
            groups.setdefault((plane.revision, _image(workload, plane)), []).append(workload.ref)
    for (revision, image), refs in sorted(groups.items()):
        yield WorkloadsOn(workloads=tuple(refs), revision=revision, image=image)
    if lost := {(c.namespace, *sorted(c.labels.items())): c for c in _lost(mesh, forecast, namespaces)}:
        yield Injects(cases=tuple(lost.values()))


def _image(workload: Workload, plane: ControlPlane) -> str:
    """What it should run. A pin counts where it names the version of its istiod (or only a digest): it may name a mirror."""
    image = expected_image(workload, image_text(plane.proxy_image))
    if plane.version in image or "@" in image:
        return image
    kept = {k: v for k, v in workload.template_annotations.items() if k != PROXY_IMAGE}
    bare = msgspec.structs.replace(workload, template_annotations=kept, images={})
    return expected_image(bare, image_text(plane.proxy_image))


def _lost(mesh: Snapshot, forecast: Forecast, namespaces: Sequence[str]) -> Iterator[InjectionCase]:
    """Pods that still have a proxy and ask for one, and would come back without: bound to what nothing serves."""
    for workload in _members(mesh, namespaces):
        name = workload.ref.namespace
        asking = {k: v for k, v in workload.template_labels.items() if k in forecast.pod_labels}
        space = forecast.namespaces.get(name, {})
        wanted = (
            REV in {**space, **asking} or space.get(INJECTION) == "enabled" or asking.get(INJECT) == "true"
        )
        if forecast.next_proxy(workload).winner or workload.host_network or not wanted or _refuses(workload):
            continue
        now = Counter(p.revision for p in mesh.proxies if p.workload == str(workload.ref))
        told = ", ".join(f"{k}={v}" for k, v in {**space, **asking}.items() if k in (*ASKS, INJECTION))
        yield InjectionCase(
            about=f"pods like {workload.name} ({told})",
            namespace=name,
            labels=asking,
            revision=now.most_common(1)[0][0],
        )


def _refuses(workload: Workload) -> bool:
    return "false" in (workload.template_labels.get(INJECT), workload.template_annotations.get(INJECT))


def _gateways(mesh: Snapshot, forecast: Forecast) -> Iterator[AnyProbe]:
    groups: dict[str, list[Ref]] = {}
    for gateway in mesh.api_gateways:
        owners = forecast.owners(gateway)
        if gateway.managed and len(owners) == 1:
            groups.setdefault(next(iter(owners)), []).append(gateway.ref)
    for revision, refs in sorted(groups.items()):
        yield GatewaysOn(gateways=tuple(refs), revision=revision)
