"""ServiceAccount, Deployment and Service of a Gateway, as istiod's kube-gateway template renders them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from upgrader.sandbox.istio.gateways.ownership import GROUP, REVISION, VERSION_NOTE
from upgrader.sandbox.istio.injection.proxy import Design, container, volumes
from upgrader.sandbox.istio.injection.settings import Settings
from upgrader.sandbox.istio.planes import Istio, annotations_of, labels_of
from upgrader.sandbox.store import Obj

OF_GATEWAY: Final = "gateway.networking.k8s.io/gateway-name"
OF_CLASS: Final = "gateway.networking.k8s.io/gateway-class-name"
MANAGED: Final = "gateway.istio.io/managed"
_OVERRIDE: Final = "gateway.istio.io/name-override"
_ACCOUNT: Final = "gateway.istio.io/service-account"
_SERVICE_TYPE: Final = "networking.istio.io/service-type"
_OWN_NOTES: Final = (VERSION_NOTE, "kubectl.kubernetes.io/last-applied-configuration")
_CLASS_IN_NAME_SINCE = 17
_GATEWAY_V1_SINCE = 29


@dataclass(frozen=True, slots=True)
class Plot:
    """One Gateway and the istiod that renders it."""

    gateway: Obj
    istiod: Istio
    settings: Settings
    waypoint: bool

    @property
    def name(self) -> str:
        """Name of Deployment and Service."""
        return deployed_name(self.gateway, self.istiod, waypoint=self.waypoint)

    @property
    def account(self) -> str:
        """Name of the ServiceAccount; an existing one may be named by annotation."""
        return annotations_of(self.gateway).get(_ACCOUNT, self.name)

    @property
    def labels(self) -> dict[str, str]:
        """Labels of all objects: the Gateway's, and by whom and for what they were made."""
        controller = "istio.io-mesh-controller" if self.waypoint else "istio.io-gateway-controller"
        return {
            **labels_of(self.gateway),
            MANAGED: controller,
            OF_GATEWAY: self.gateway["metadata"]["name"],
            OF_CLASS: self.gateway["spec"]["gatewayClassName"],
        }

    @property
    def notes(self) -> dict[str, str]:
        """Annotations of the Gateway that its objects get too."""
        return {key: value for key, value in annotations_of(self.gateway).items() if key not in _OWN_NOTES}


def deployed_name(gateway: Obj, istiod: Istio, *, waypoint: bool) -> str:
    """``GATEWAY-CLASS`` since 1.17, ``GATEWAY`` before and for waypoints, unless an annotation says otherwise."""
    name, kind = gateway["metadata"]["name"], gateway["spec"]["gatewayClassName"]
    plain = waypoint or not istiod.at_least(_CLASS_IN_NAME_SINCE)
    return annotations_of(gateway).get(_OVERRIDE) or (name if plain else f"{name}-{kind}")


def rendered(plot: Plot) -> Iterator[Obj]:
    """The objects in the order istiod applies them."""
    if _ACCOUNT not in annotations_of(plot.gateway):
        yield {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _meta(plot, plot.account)}
    yield {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(plot, plot.name),
        "spec": _spec(plot),
    }
    yield {"apiVersion": "v1", "kind": "Service", "metadata": _meta(plot, plot.name), "spec": _service(plot)}


def _meta(plot: Plot, name: str) -> dict[str, Any]:
    meta = plot.gateway["metadata"]
    version = "v1" if plot.istiod.at_least(_GATEWAY_V1_SINCE) else "v1beta1"
    owner = {"apiVersion": f"{GROUP}/{version}", "kind": "Gateway", "name": meta["name"], "uid": meta["uid"]}
    return {
        "name": name,
        "namespace": meta["namespace"],
        "labels": plot.labels,
        "annotations": plot.notes,
        "ownerReferences": [owner],
    }


def _spec(plot: Plot) -> dict[str, Any]:
    return {
        "selector": {"matchLabels": {OF_GATEWAY: plot.gateway["metadata"]["name"]}},
        "template": {"metadata": _pod_meta(plot), "spec": _pod_spec(plot)},
    }


def _pod_meta(plot: Plot) -> dict[str, Any]:
    """The annotation names the real revision even when a tag led to it; the label only what the Gateway has."""
    scrape = {"path": "/stats/prometheus", "port": "15020", "scrape": "true"}
    own = {
        "service.istio.io/canonical-name": plot.name,
        "service.istio.io/canonical-revision": "latest",
        "sidecar.istio.io/inject": "false",
        **({"istio.io/dataplane-mode": "none"} if plot.istiod.at_least(22) else {}),
    }
    notes = {REVISION: plot.istiod.revision, **{f"prometheus.io/{key}": word for key, word in scrape.items()}}
    return {"labels": plot.labels | own, "annotations": plot.notes | notes}


def _pod_spec(plot: Plot) -> dict[str, Any]:
    design = Design(
        istiod=plot.istiod,
        settings=plot.settings,
        annotations=annotations_of(plot.gateway),
        role="waypoint" if plot.waypoint else "router",
        workload=plot.name,
    )
    proxy = container(design)
    health = {"name": "status-port", "containerPort": 15021, "protocol": "TCP"}
    proxy["ports"] = [health, *proxy["ports"]]
    return {"serviceAccountName": plot.account, "containers": [proxy], "volumes": volumes(plot.istiod)}


def _service(plot: Plot) -> dict[str, Any]:
    kind = "ClusterIP" if plot.waypoint else "LoadBalancer"
    return {
        "type": annotations_of(plot.gateway).get(_SERVICE_TYPE, kind),
        "selector": {OF_GATEWAY: plot.gateway["metadata"]["name"]},
        "ports": list(_ports(plot.gateway["spec"].get("listeners") or [])),
    }


def _ports(listeners: list[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """The status port, then each port of the listeners once."""
    yield {"name": "status-port", "port": 15021, "protocol": "TCP", "appProtocol": "tcp"}
    seen = {15021}
    for listener in listeners:
        number, protocol = listener["port"], str(listener.get("protocol", "TCP")).lower()
        if number not in seen:
            seen.add(number)
            name = str(listener.get("name") or f"{protocol}-{number}")
            yield {"name": name, "port": number, "protocol": "TCP", "appProtocol": protocol.replace(".", "-")}
