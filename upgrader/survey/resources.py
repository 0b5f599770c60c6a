"""Istio and Gateway API objects, their definitions, and the gateways that istiod deploys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from upgrader.cluster.read import listener_set_of, managers_of, revision_of, template_of
from upgrader.model.codec import digest
from upgrader.model.kinds import CRD, K8S_GATEWAY, LISTENER_SET, X_LISTENER_SET, Kind, Obj, Ref
from upgrader.model.snapshot import ApiGateway, CustomResource, Definition, ListenerSet
from upgrader.survey.looking import Looking, named

GATEWAY_API = K8S_GATEWAY.group
_LISTENER_SETS = {(kind.group, kind.kind) for kind in (LISTENER_SET, X_LISTENER_SET)}
_BUNDLE = f"{GATEWAY_API}/bundle-version"
_HELMS = ("helm.sh/resource-policy", "meta.helm.sh/release-name", "meta.helm.sh/release-namespace")
_MANAGED_BY = "app.kubernetes.io/managed-by"
_SERVERS_OWN = frozenset({
    "creationTimestamp", "deletionGracePeriodSeconds", "deletionTimestamp", "generation", "managedFields",
    "resourceVersion", "selfLink", "uid",
})  # fmt: skip
_CONTROLLERS = frozenset({"istio.io/gateway-controller", "istio.io/mesh-controller"})
_CLASSES = {"istio": "istio.io/gateway-controller", "istio-waypoint": "istio.io/mesh-controller"}
"""What istiod names them, for when GatewayClasses cannot be read."""


def is_ours(group: str) -> bool:
    """Whether an API group is Istio's or one of the Gateway API's two."""
    return group in {"istio.io", GATEWAY_API, X_LISTENER_SET.group} or group.endswith(".istio.io")


def body_of(obj: Obj) -> Obj:
    """*obj* without status and without the metadata that the server owns: what somebody wrote."""
    metadata = {k: v for k, v in obj["metadata"].items() if k not in _SERVERS_OWN}
    return {**{k: v for k, v in obj.items() if k != "status"}, "metadata": metadata}


def custom_resources(look: Looking) -> tuple[CustomResource, ...]:
    """Every object of every kind that discovery finds in our groups, by kind, namespace and name."""
    ours = [kind for kind in look.kinds if is_ours(kind.group)]
    return tuple(_resource(kind, obj) for kind in ours for obj in named(look.all(kind)))


def definitions(look: Looking) -> tuple[Definition, ...]:
    """The CustomResourceDefinitions behind them."""
    found = [crd for crd in look.all(CRD) if is_ours(str(crd["spec"].get("group", "")))]
    return tuple(_definition(crd) for crd in named(found))


def api_gateways(resources: Iterable[CustomResource], deployments: Iterable[Obj]) -> tuple[ApiGateway, ...]:
    """The Gateways whose class is Istio's, with the Deployment that was made for each."""
    resources = tuple(resources)
    classes = _CLASSES | {
        r.ref.name: str((r.body.get("spec") or {}).get("controllerName", ""))
        for r in resources
        if r.ref.kind.group == GATEWAY_API and r.ref.kind.kind == "GatewayClass"
    }
    made = dict(_by_gateway(deployments))
    return tuple(
        gateway
        for r in resources
        if r.ref.kind.group == GATEWAY_API and r.ref.kind.kind == K8S_GATEWAY.kind
        if (gateway := _gateway(r, classes, made.get(r.uid))) is not None
    )


def listener_sets(resources: Iterable[CustomResource]) -> tuple[ListenerSet, ...]:
    """The ListenerSets and XListenerSets that add to a Gateway of the Gateway API."""
    found = (r for r in resources if (r.ref.kind.group, r.ref.kind.kind) in _LISTENER_SETS)
    return tuple(
        one
        for r in found
        if (one := listener_set_of(r.ref, r.uid, r.labels, r.body.get("spec") or {})) is not None
    )


def _resource(kind: Kind, obj: Obj) -> CustomResource:
    metadata, body = obj["metadata"], body_of(obj)
    return CustomResource(
        ref=Ref(kind, metadata["name"], metadata.get("namespace", "")),
        uid=metadata.get("uid", ""),
        labels=dict(metadata.get("labels") or {}),
        digest=digest(body),
        body=body,
    )


def _definition(crd: Obj) -> Definition:
    metadata, versions = crd["metadata"], crd["spec"].get("versions") or ()
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    return Definition(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        served=tuple(v["name"] for v in versions if v.get("served")),
        storage=next((v["name"] for v in versions if v.get("storage")), ""),
        stored=tuple((crd.get("status") or {}).get("storedVersions") or ()),
        bundle=annotations.get(_BUNDLE, ""),
        managers=managers_of(crd, "f:spec"),
        marks={key: annotations[key] for key in _HELMS if key in annotations}
        | ({_MANAGED_BY: labels[_MANAGED_BY]} if _MANAGED_BY in labels else {}),
    )


def _by_gateway(deployments: Iterable[Obj]) -> Iterator[tuple[str, Obj]]:
    for deployment in deployments:
        for owner in deployment["metadata"].get("ownerReferences") or ():
            if owner.get("kind") == K8S_GATEWAY.kind:
                yield str(owner.get("uid", "")), deployment


def _gateway(resource: CustomResource, classes: dict[str, str], deployment: Obj | None) -> ApiGateway | None:
    spec = resource.body.get("spec") or {}
    name = str(spec.get("gatewayClassName", ""))
    controller = classes.get(name, "")
    if not controller.startswith("istio.io/"):
        return None
    place = deployment["metadata"] if deployment else {}
    return ApiGateway(
        ref=resource.ref,
        uid=resource.uid,
        labels=resource.labels,
        class_name=name,
        managed=controller in _CONTROLLERS and _is_managed(spec.get("addresses") or ()),
        deployment=f"{place['namespace']}/{place['name']}" if place else "",
        rendered_by=_rendered_by(deployment) if deployment else "",
    )


def _is_managed(addresses: Any) -> bool:
    """Source: ``IsManaged`` in pilot/pkg/config/kube/gateway/deploymentcontroller.go."""
    kinds = [a.get("type") or "IPAddress" for a in addresses]
    return not kinds or kinds == ["IPAddress"]


def _rendered_by(deployment: Obj) -> str:
    """The revision in the pod template; before 1.18 it is only told by the istiod that the proxy talks to."""
    template = template_of(deployment)
    return revision_of({"metadata": template.get("metadata") or {}, "spec": template.get("spec") or {}})
