"""Gateways of the Gateway API, and what reaches them."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.settings import inner
from upgrader.checks.advisories.world import Hit, World
from upgrader.model.injection import label_selector_matches
from upgrader.model.snapshot import ApiGateway
from upgrader.model.version import Version

_WAYPOINT = "istio-waypoint"
_OVERRIDE = "gateway.istio.io/name-override"
_NAME_LABEL = "istio.io/gateway-name"
_ALPHA = ("TCPRoute.gateway.networking.k8s.io", "TLSRoute.gateway.networking.k8s.io")
_POLICY = "ReferencePolicy.gateway.networking.k8s.io"
_GRANT = "ReferenceGrant.gateway.networking.k8s.io"
_GATEWAY = "Gateway.gateway.networking.k8s.io"


def gateways_are_renamed(world: World) -> Iterator[Hit]:
    """Managed gateways without an annotation that keeps the names of what is made for them."""
    bodies = {one.title: one.body for one in world.objects(_GATEWAY)}
    for gateway in _managed(world):
        title = str(gateway.ref)
        if _OVERRIDE not in inner(bodies.get(title), "metadata", "annotations"):
            yield Hit(title, "metadata.annotations")


def gateways_are_fought_over(world: World) -> Iterator[Hit]:
    """Managed gateways, where the istiod before 1.18 does not know of a newer one.

    Source: releasenotes/notes/gateway-api118.yaml of 1.18.0: 1.16.5 and 1.17.3 are the first that do.
    """
    entered = world.target("1.17")
    running = [str(one.body.get("version", "")) for one in world.objects("ControlPlane")]
    before = [entered] if entered else [found for text in running if (found := Version.of_tag(text))]
    if any(map(_knows_no_newer, before)):
        yield from (Hit(str(gateway.ref)) for gateway in _managed(world))


def alpha_routes_of_our_gateways(world: World) -> Iterator[Hit]:
    """TCPRoutes and TLSRoutes of a gateway of Istio, where no flag keeps them."""
    told = [str(s.body.get("PILOT_ENABLE_ALPHA_GATEWAY_API", "")).lower() for s in world.objects("IstiodEnv")]
    if told and all(value in {"1", "t", "true"} for value in told):
        return
    ours = {(g.ref.namespace, g.ref.name) for g in world.mesh.api_gateways}
    for one in (route for kind in _ALPHA for route in world.objects(kind)):
        for number, parent in enumerate(inner(one.body, "spec").get("parentRefs") or ()):
            if (str(parent.get("namespace") or one.namespace), str(parent.get("name"))) in ours:
                yield Hit(one.title, f"spec.parentRefs[{number}]")


def policies_without_a_grant(world: World) -> Iterator[Hit]:
    """ReferencePolicies in a mesh with gateways of Istio, where no ReferenceGrant of their namespace says the same."""
    granted = [(one.namespace, inner(one.body, "spec")) for one in world.objects(_GRANT)]
    for one in world.objects(_POLICY) if world.mesh.api_gateways else ():
        if (one.namespace, inner(one.body, "spec")) not in granted:
            yield Hit(one.title, "kind")


def proxy_configs_lose_gateways(world: World) -> Iterator[Hit]:
    """ProxyConfigs that select the pods of a managed gateway by other labels than the one that still counts."""
    managed = [w for w in world.mesh.workloads if w.gateway == "api"]
    for one in world.objects("ProxyConfig.networking.istio.io"):
        labels = inner(one.body, "spec", "selector", "matchLabels")
        if set(labels) - {_NAME_LABEL} and any(
            w.ref.namespace == one.namespace
            and label_selector_matches({"matchLabels": labels}, w.template_labels)
            for w in managed
        ):
            yield Hit(one.title, "spec.selector.matchLabels")


def _managed(world: World) -> Iterator[ApiGateway]:
    """Gateways for which istiod keeps a Deployment; waypoints came later and have their own names."""
    yield from (g for g in world.mesh.api_gateways if g.managed and g.class_name != _WAYPOINT)


def _knows_no_newer(version: Version) -> bool:
    first = Version.parse("1.16.5" if version < Version.parse("1.17.0") else "1.17.3")
    return version < first
