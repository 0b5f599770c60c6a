"""What istiod and waypoints look at, and what they pass by."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.named.relations import routes_sharing_a_service
from upgrader.checks.advisories.world import Hit, World
from upgrader.model.injection import label_selector_matches
from upgrader.model.snapshot import Namespace

_SCOPING = "ENABLE_ENHANCED_RESOURCE_SCOPING"
_USE = "istio.io/use-waypoint"
_WAYPOINT = "istio-waypoint"
_SIDECARS = frozenset({"sidecar", "gateway"})


def out_of_discovery(world: World) -> Iterator[Hit]:
    """Istio's objects, and proxies, in namespaces that no discovery selector takes.

    Source: pkg/kube/namespace/filter.go and pilot/pkg/config/kube/crdclient/client.go of 1.22.0; the root namespace
    is no exception.
    """
    selectors = [s for one in world.objects("MeshConfig") for s in one.body.get("discoverySelectors") or ()]
    if not selectors or any(_SCOPING in one.body for one in world.objects("IstiodEnv")):
        return
    hidden = {n.name for n in world.mesh.namespaces if not _is_selected(n, selectors)}
    istios = (r.ref for r in world.mesh.resources if _is_read(r.ref.kind.group))
    ours = (g.ref for g in world.mesh.api_gateways)
    yield from (Hit(str(ref)) for ref in (*istios, *ours) if ref.namespace in hidden)
    moving = (p for p in world.mesh.proxies if p.kind in _SIDECARS and p.revision in world.revisions)
    workloads = {p.workload for p in moving if p.namespace in hidden}
    yield from (Hit(f"proxies of {name}") for name in sorted(workloads))


def waypoints_that_nothing_names(world: World) -> Iterator[Hit]:
    """Waypoints without a namespace, Service, ServiceEntry or pod template whose label istio.io/use-waypoint names them."""
    used = {
        one.labels.get(_USE, "")
        for kind in ("Service", "ServiceEntry.networking.istio.io")
        for one in world.objects(kind)
    }
    used |= {w.template_labels.get(_USE, "") for w in world.mesh.workloads}
    used |= {n.labels.get(_USE, "") for n in world.mesh.namespaces}
    for gateway in world.mesh.api_gateways:
        if gateway.class_name == _WAYPOINT and gateway.ref.name not in used:
            yield Hit(str(gateway.ref))


def mesh_routes_beside_sidecars(world: World) -> Iterator[Hit]:
    """HTTPRoutes that share a Service, in a mesh with Sidecars: which one counted was left to chance."""
    if world.objects("Sidecar.networking.istio.io"):
        yield from routes_sharing_a_service(world)


def _is_selected(namespace: Namespace, selectors: list[object]) -> bool:
    return any(isinstance(s, dict) and label_selector_matches(s, namespace.labels) for s in selectors)


def _is_read(group: str) -> bool:
    return group.endswith(".istio.io") and group != "install.istio.io"
