"""Faults of single patch releases: they concern a mesh only when the plan stops at such a patch."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.named.relations import workload_entries_of_services
from upgrader.checks.advisories.settings import inner
from upgrader.checks.advisories.world import Hit, World
from upgrader.model.version import Version

_HBONE = "ISTIO_META_ENABLE_HBONE"
_HASHABLE = Version(1, 29, 2)
"""The first whose proxies know the filter ``istio.hashable_string``."""
_KEPT_BY = (
    "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "meta.helm.sh/", "fleet.cattle.io/",
)  # fmt: skip
_OFF = frozenset({"0", "f", "F", "false", "False", "FALSE"})
_OLD_NAME = "istio.io/gateway-name"
_SERVICE_ENTRY = "ServiceEntry.networking.istio.io"


def unready_endpoints_are_sent(world: World) -> Iterator[Hit]:
    """The cluster, where 1.14.0 or 1.14.1 is a stop and PILOT_SEND_UNHEALTHY_ENDPOINTS is not set."""
    if _stops(world, "1.14.0", "1.14.1") and not _set(world, "PILOT_SEND_UNHEALTHY_ENDPOINTS"):
        yield from _everywhere(world)


def passthrough_stays_open(world: World) -> Iterator[Hit]:
    """The cluster, where 1.14.0 to 1.14.4 is a stop and hosts outside of the mesh can be reached."""
    modes = [inner(s.body, "outboundTrafficPolicy").get("mode") for s in world.objects("MeshConfig")]
    closed = bool(modes) and all(mode == "REGISTRY_ONLY" for mode in modes)
    if _stops(world, "1.14.0", "1.14.4") and not closed:
        yield from _everywhere(world)


def services_select_workload_entries(world: World) -> Iterator[Hit]:
    """WorkloadEntries that a Service selects, where that is switched off and the stop does not know the switch."""
    off = any(
        str(s.body.get("PILOT_ENABLE_K8S_SELECT_WORKLOAD_ENTRIES")) in _OFF
        for s in world.objects("IstiodEnv")
    )
    if off and _stops(world, "1.14.0", "1.14.3"):
        yield from workload_entries_of_services(world)


def alternative_names_are_unchecked(world: World) -> Iterator[Hit]:
    """ServiceEntries with subjectAltNames, where 1.15.0 is a stop."""
    if _stops(world, "1.15.0", "1.15.0"):
        for one in world.objects(_SERVICE_ENTRY):
            if inner(one.body, "spec").get("subjectAltNames"):
                yield Hit(one.title, "spec.subjectAltNames")


def policies_do_not_reach_older_proxies(world: World) -> Iterator[Hit]:
    """AuthorizationPolicies, where 1.17.0 or 1.17.1 is a stop."""
    if _stops(world, "1.17.0", "1.17.1"):
        yield from (Hit(one.title) for one in world.objects("AuthorizationPolicy.security.istio.io"))


def dns_capture_needs_an_order(world: World) -> Iterator[Hit]:
    """The node agent, where 1.24.0 is a stop, ambient is in use and names are looked up by ztunnel."""
    ambient = any(n.labels.get("istio.io/dataplane-mode") == "ambient" for n in world.mesh.namespaces)
    for one in world.objects("CniEnv") if ambient and _stops(world, "1.24.0", "1.24.0") else ():
        if str(one.body.get("AMBIENT_DNS_CAPTURE", "")).lower() == "true":
            yield Hit(one.title, f"{one.inside}AMBIENT_DNS_CAPTURE")


def gateways_keep_their_form(world: World) -> Iterator[Hit]:
    """Services of managed gateways that select by the older label, so do their Deployments; where 1.24.0 to 1.24.2 is a stop."""
    for one in world.objects("Service") if _stops(world, "1.24.0", "1.24.2") else ():
        if "gateway.istio.io/managed" in one.labels and _OLD_NAME in inner(one.body, "spec", "selector"):
            yield Hit(one.title, f"spec.selector['{_OLD_NAME}']")


def hbone_proxies_of_1_29(world: World) -> Iterator[Hit]:
    """Proxies that may meet an istiod of 1.29.2 to 1.29.4 before they know its filter."""
    yield from _hbone(world, "1.29.2", "1.29.4")


def hbone_proxies_of_1_30(world: World) -> Iterator[Hit]:
    """Proxies that may meet an istiod of 1.30.0 or 1.30.1 before they know its filter."""
    yield from _hbone(world, "1.30.0", "1.30.1")


def virtual_services_before_1_30_3(world: World) -> Iterator[Hit]:
    """VirtualServices that a GitOps controller or Helm keeps, when the plan stops at 1.30.0 to 1.30.2."""
    if not _stops(world, "1.30.0", "1.30.2"):
        return
    for one in world.objects("VirtualService.networking.istio.io"):
        told = {**one.labels, **(one.body.get("metadata", {}).get("annotations") or {})}
        sign = next((key for key in told if key.startswith(_KEPT_BY)), "")
        if sign:
            yield Hit(one.title, f"metadata {sign}")


def _stops(world: World, first: str, last: str) -> bool:
    """Whether the plan enters the minor of *first* at a version from *first* to *last*."""
    low, high = Version.parse(first), Version.parse(last)
    target = world.target(low.series)
    return target is not None and low <= target <= high


def _set(world: World, variable: str) -> bool:
    return any(variable in seen.body for seen in world.objects("IstiodEnv"))


def _everywhere(world: World) -> Iterator[Hit]:
    yield from (Hit(one.title) for one in world.objects("Cluster"))


def _hbone(world: World, first: str, last: str) -> Iterator[Hit]:
    if not _stops(world, first, last):
        return
    told = any(str(one.body.get(_HBONE)) == "true" for one in world.objects("ProxyEnv") if one.body)
    kinds = {"waypoint", "sidecar", "gateway"} if told else {"waypoint"}
    for one in world.objects("Proxy"):
        version = str(one.body.get("version", ""))
        if one.body.get("kind") in kinds and version and Version.parse(version) < _HASHABLE:
            yield Hit(one.title, f"version {version}")
