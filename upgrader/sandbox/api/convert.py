"""Between the version an object is stored in and the version a request speaks."""

from __future__ import annotations

from collections.abc import Callable

from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.reshape import autoscalers, ingresses, slices
from upgrader.sandbox.store import Obj

Reshape = Callable[[Obj], Obj]

_SCALER = "horizontalpodautoscalers"
_TO_HUB: dict[tuple[str, str, str], Reshape] = {
    ("autoscaling", "v1", _SCALER): autoscalers.from_v1,
    ("autoscaling", "v2beta1", _SCALER): autoscalers.from_v2beta1,
    ("networking.k8s.io", "v1beta1", "ingresses"): ingresses.from_v1beta1,
    ("extensions", "v1beta1", "ingresses"): ingresses.from_v1beta1,
    ("discovery.k8s.io", "v1beta1", "endpointslices"): slices.from_v1beta1,
}
_FROM_HUB: dict[tuple[str, str, str], Reshape] = {
    ("autoscaling", "v1", _SCALER): autoscalers.to_v1,
    ("autoscaling", "v2beta1", _SCALER): autoscalers.to_v2beta1,
    ("networking.k8s.io", "v1beta1", "ingresses"): ingresses.to_v1beta1,
    ("extensions", "v1beta1", "ingresses"): ingresses.to_v1beta1,
    ("discovery.k8s.io", "v1beta1", "endpointslices"): slices.to_v1beta1,
    ("events.k8s.io", "v1", "events"): slices.to_events_v1,
    ("events.k8s.io", "v1beta1", "events"): slices.to_events_v1,
}
_TO_HUB |= {
    ("events.k8s.io", "v1", "events"): slices.from_events_v1,
    ("events.k8s.io", "v1beta1", "events"): slices.from_events_v1,
}


def reshaped(resource: Resource, version: str) -> bool:
    """Whether objects look different in this version, beyond their apiVersion."""
    return (resource.group, version, resource.plural) in _FROM_HUB


def to_hub(resource: Resource, version: str, obj: Obj) -> Obj:
    """The object in stored form; the same one when it already is."""
    reshape = _TO_HUB.get((resource.group, version, resource.plural))
    home = resource.home[0]
    stored = f"{home}/{resource.hub}" if home else resource.hub
    return _named(resource, stored, obj if reshape is None else reshape(obj))


def from_hub(resource: Resource, version: str, obj: Obj) -> Obj:
    """The stored object as version shows it; the same one when nothing differs."""
    reshape = _FROM_HUB.get((resource.group, version, resource.plural))
    return _named(resource, resource.api_version(version), obj if reshape is None else reshape(obj))


def _named(resource: Resource, api_version: str, obj: Obj) -> Obj:
    if obj.get("apiVersion") == api_version and obj.get("kind") == resource.kind:
        return obj
    return {**obj, "kind": resource.kind, "apiVersion": api_version}
