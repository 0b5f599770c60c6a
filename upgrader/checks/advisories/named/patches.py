"""Errors of single patches: they only matter to a plan that stops at one of these."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.world import Hit, World
from upgrader.model.version import Version

_HBONE = "ISTIO_META_ENABLE_HBONE"
_HASHABLE = Version(1, 29, 2)
"""The first whose proxies know the filter ``istio.hashable_string``."""


def hbone_proxies_of_1_29(world: World) -> Iterator[Hit]:
    """Proxies that may meet an istiod of 1.29.2 to 1.29.4 before they know its filter."""
    yield from _hbone(world, "1.29", Version(1, 29, 2), Version(1, 29, 5))


def hbone_proxies_of_1_30(world: World) -> Iterator[Hit]:
    """Proxies that may meet an istiod of 1.30.0 or 1.30.1 before they know its filter."""
    yield from _hbone(world, "1.30", Version(1, 30, 0), Version(1, 30, 2))


def virtual_services_before_1_30_3(world: World) -> Iterator[Hit]:
    """VirtualServices that a GitOps controller or Helm keeps, when the plan stops at 1.30.0 to 1.30.2."""
    target = world.target("1.30")
    if target is None or target >= Version(1, 30, 3):
        return
    for one in world.objects("VirtualService.networking.istio.io"):
        told = {**one.labels, **(one.body.get("metadata", {}).get("annotations") or {})}
        sign = next((key for key in told if key.startswith(_KEPT_BY)), "")
        if sign:
            yield Hit(one.title, f"metadata {sign}")


_KEPT_BY = (
    "argocd.argoproj.io/", "kustomize.toolkit.fluxcd.io/", "helm.toolkit.fluxcd.io/", "meta.helm.sh/", "fleet.cattle.io/",
)  # fmt: skip


def _hbone(world: World, minor: str, first: Version, repaired: Version) -> Iterator[Hit]:
    target = world.target(minor)
    if target is None or not first <= target < repaired:
        return
    told = any(str(one.body.get(_HBONE)) == "true" for one in world.objects("ProxyEnv") if one.body)
    kinds = {"waypoint", "sidecar", "gateway"} if told else {"waypoint"}
    for one in world.objects("Proxy"):
        version = str(one.body.get("version", ""))
        if one.body.get("kind") in kinds and version and Version.parse(version) < _HASHABLE:
            yield Hit(one.title, f"version {version}")
