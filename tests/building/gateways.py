"""Gateways of all three kinds."""

from __future__ import annotations

from typing import Any, Self

from tests.building.parts import HUB
from tests.building.workloads import Workloads
from upgrader.model import kinds
from upgrader.model.kinds import Kind, Ref
from upgrader.model.snapshot import ApiGateway, ListenerSet


class Gateways(Workloads):
    """Gateways of all three kinds."""

    def injected_gateway(self, name: str, **fields: Any) -> Self:
        """A gateway of the gateway chart: istiod fills in its image."""
        injected = {"sidecar.istio.io/inject": "true"} | fields.pop("template", {})
        settings: dict[str, Any] = {
            "gateway": "injected",
            "images": {"istio-proxy": "auto"},
            "template": injected,
        }
        return self.deployment(name, **(settings | {"proxies": 2} | fields))

    def ingress_gateway(
        self, version: str, *, name: str = "istio-system/istio-ingressgateway", **fields: Any
    ) -> Self:
        """A gateway that istioctl made: a Deployment with the image written into it."""
        settings: dict[str, Any] = {
            "gateway": "istioctl",
            "images": {"istio-proxy": f"{HUB}:{version}"},
            "template": {"sidecar.istio.io/inject": "false"},
            "version": version,
            "proxies": 1,
        }
        return self.deployment(name, **(settings | fields))

    def api_gateway(
        self,
        name: str,
        *,
        rev: str | None = None,
        made_by: str = "",
        class_name: str = "istio",
        **fields: Any,
    ) -> Self:
        """A Gateway API gateway; with *made_by*, that revision has made a Deployment with one pod for it."""
        namespace, _, short = name.partition("/")
        labels = fields.pop("labels", {}) | ({} if rev is None else {"istio.io/rev": rev})
        deployment = f"{namespace}/{short}-{class_name}" if made_by else ""
        if made_by:
            self.deployment(
                deployment,
                gateway="api",
                gateway_owner=name,
                proxies=1,
                on=made_by,
                template={"sidecar.istio.io/inject": "false"},
                images={"istio-proxy": self._image_of(made_by, "")},
            )
        settings: dict[str, Any] = {
            "ref": Ref(kinds.K8S_GATEWAY, short, namespace),
            "uid": f"uid-gw-{name}",
            "labels": labels,
            "class_name": class_name,
            "managed": True,
            "deployment": deployment,
            "rendered_by": made_by,
        }
        return self._add("api_gateways", ApiGateway(**(settings | fields)))

    def listener_set(
        self,
        name: str,
        gateway: str,
        *,
        rev: str | None = None,
        kind: Kind = kinds.X_LISTENER_SET,
        **fields: Any,
    ) -> Self:
        """Listeners that somebody adds to *gateway* from outside."""
        namespace, _, short = name.partition("/")
        settings: dict[str, Any] = {
            "ref": Ref(kind, short, namespace),
            "uid": f"uid-{kind.kind}-{name}",
            "labels": {} if rev is None else {"istio.io/rev": rev},
            "gateway": gateway,
            "listeners": ("extra",),
        }
        return self._add("listener_sets", ListenerSet(**(settings | fields)))
