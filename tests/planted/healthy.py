"""Meshes without a trap: the scenario `shop`, brought up at several versions, and read by the survey."""

from __future__ import annotations

from functools import cache
from typing import Any

import msgspec
import yaml

from tests.planted.told import told
from upgrader.model.version import Version
from upgrader.sandbox.scenarios.loader import bring_up
from upgrader.sandbox.scenarios.scenario import FOLDER, Part, Scenario
from upgrader.sandbox.world import World


class Healthy(Part, frozen=True, kw_only=True):
    """One of them.

    Attributes:
        running: Version of its one istiod.
        path: Versions that it is to be moved to, one after the other.
        gateway_api: Bundle of definitions of the Gateway API, where it is another than the scenario's.
        without: Kinds of the Gateway API of which it has no objects.
        told: Everything that the checks say about it, each as ``UPG-NNNN severity subject``; nothing of it blocks.
    """

    running: str
    kubernetes: str
    path: tuple[str, ...]
    told: tuple[str, ...]
    gateway_api: str = ""
    without: tuple[str, ...] = ()


_KEPT = "1.27.9"
"""What the scenario runs."""
_GATEWAYS_SINCE = 24
"""Before it Gateways of version v1 were new, and few meshes had them."""
_V1_SINCE = 22
"""Before it objects of Istio were of the beta."""
_BETA = {
    "networking.istio.io/v1": "networking.istio.io/v1beta1",
    "security.istio.io/v1": "security.istio.io/v1beta1",
    "telemetry.istio.io/v1": "telemetry.istio.io/v1alpha1",
}


@cache
def brought_up(one: Healthy) -> World:
    """The cluster in which it runs; worlds are planted into forks of it."""
    world = World(kubernetes=one.kubernetes)
    bring_up(world, _scenario(one))
    return world


@cache
def said_of(one: Healthy) -> frozenset[str]:
    """What the checks say about it."""
    return told(brought_up(one), tuple(map(Version.parse, one.path)), {})


def _scenario(one: Healthy) -> Scenario:
    """`shop` as it was when that version was new."""
    release = Version.parse(one.running)
    text = (FOLDER / "shop.yaml").read_text(encoding="utf-8")
    text = text.replace("1-27-9", release.revision).replace(_KEPT, one.running)
    made = msgspec.convert(yaml.load(text, Loader=yaml.CSafeLoader), Scenario)
    assert made.mesh is not None
    bundle = one.gateway_api or (made.mesh.gateway_api if release.minor >= _GATEWAYS_SINCE else "")
    left_out = set(one.without) if bundle else {"Gateway", "HTTPRoute"}
    objects = [
        o for o in made.objects if not (o["kind"] in left_out and o["apiVersion"].startswith("gateway."))
    ]
    return msgspec.structs.replace(
        made,
        mesh=msgspec.structs.replace(made.mesh, gateway_api=bundle),
        objects=tuple(_as_of(release.minor, o) for o in objects),
        workloads=tuple(
            w for w in made.workloads if w.kind != "Job"
        ),  # one with a sidecar ends only where that is native
    )


def _as_of(minor: int, obj: dict[str, Any]) -> dict[str, Any]:
    api = obj["apiVersion"]
    return obj | {"apiVersion": _BETA[api]} if minor < _V1_SINCE and api in _BETA else obj
