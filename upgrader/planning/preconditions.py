"""The facts that, if they were different, would change a step: no counts, no status, no times."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.model.codec import digest
from upgrader.model.image import Image
from upgrader.model.injector import unusual
from upgrader.model.ownership import DEFAULT_VALIDATOR
from upgrader.model.snapshot import Snapshot, Webhook, Workload
from upgrader.planning.plan import Precondition

ABSENT = "absent"
BOUND_BY = ("istio-injection", "istio.io/rev")
_COME_AND_GO = ("Job", "Pod")
_PINS = ("sidecar.istio.io/proxyImage", "sidecar.istio.io/proxyImageType", "sidecar.istio.io/inject")
_ASKS = ("istio.io/rev", "sidecar.istio.io/inject")


def preconditions(mesh: Snapshot) -> tuple[Precondition, ...]:
    """What must still be so when the plan is applied, sorted."""
    found = (
        *(*_gateways(mesh), *_listeners(mesh), *_workloads(mesh)),
        *(*_planes(mesh), *_namespaces(mesh), *_tags(mesh)),
    )
    return tuple(sorted(dict.fromkeys(found)))


def _planes(mesh: Snapshot) -> Iterator[Precondition]:
    for plane in mesh.control_planes:
        subject = f"istiod {plane.revision}"
        yield Precondition(subject, "image", _text(plane.image))
        yield Precondition(subject, "frozen", "yes" if plane.replicas == 0 else "no")
    for revision, settings in unusual(mesh.injector_settings).items():
        yield Precondition(f"istiod {revision}", "injection", digest(settings)[:12])
    for webhook in (*mesh.injectors, *mesh.validators):
        yield Precondition(f"webhook {webhook.ref.name}", "selectors", _selectors(webhook))


def _text(image: Image) -> str:
    variant = f"-{image.variant}" if image.variant else ""
    return f"{image.repository}:{image.tag}{variant}"


def _selectors(webhook: Webhook) -> str:
    """A short digest of what it selects and calls; the whole would drown a reader."""
    return digest([(e.name, e.service, e.namespace_selector, e.object_selector) for e in webhook.entries])[
        :12
    ]


def _tags(mesh: Snapshot) -> Iterator[Precondition]:
    for webhook in mesh.injectors:
        if webhook.tag:
            yield Precondition(f"tag {webhook.tag}", "webhook", webhook.revision)
    for service in mesh.tag_services:
        yield Precondition(f"tag {service.tag}", "service", service.revision)
    for webhook in mesh.validators:
        if webhook.ref.name == DEFAULT_VALIDATOR:
            yield Precondition("tag default", "validator", webhook.revision)


def _namespaces(mesh: Snapshot) -> Iterator[Precondition]:
    used = {*mesh.owners.values()}
    for space in mesh.namespaces:
        labels = {key: space.labels.get(key) for key in BOUND_BY}
        if space.name in used or any(value is not None for value in labels.values()):
            for key, value in labels.items():
                yield Precondition(f"namespace {space.name}", key, ABSENT if value is None else value)


def _workloads(mesh: Snapshot) -> Iterator[Precondition]:
    for workload in mesh.workloads:
        if workload.ref.kind.kind in _COME_AND_GO or workload.gateway == "api":
            continue
        if workload.key in mesh.owners or any(key in workload.template_labels for key in _ASKS):
            yield from _facts(workload)


def _facts(workload: Workload) -> Iterator[Precondition]:
    subject = workload.key
    partition = f", partition {workload.partition}" if workload.partition else ""
    paused = ", paused" if workload.paused else ""
    yield Precondition(subject, "strategy", f"{workload.strategy}{partition}{paused}")
    for key in _ASKS:
        if key in workload.template_labels:
            yield Precondition(subject, f"label {key}", workload.template_labels[key])
    for key in _PINS:
        if key in workload.template_annotations:
            yield Precondition(subject, f"annotation {key}", workload.template_annotations[key])


def _gateways(mesh: Snapshot) -> Iterator[Precondition]:
    for gateway in mesh.api_gateways:
        subject = f"Gateway {gateway.ref.namespace}/{gateway.ref.name}"
        yield Precondition(subject, "istio.io/rev", gateway.labels.get("istio.io/rev", ABSENT))
        yield Precondition(subject, "class", gateway.class_name)


def _listeners(mesh: Snapshot) -> Iterator[Precondition]:
    for listeners in mesh.listener_sets:
        subject = str(listeners.ref)
        yield Precondition(subject, "istio.io/rev", listeners.labels.get("istio.io/rev", ABSENT))
        yield Precondition(subject, "gateway", listeners.gateway)
