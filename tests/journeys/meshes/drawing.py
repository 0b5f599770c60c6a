"""Meshes that nobody thought of: drawn by number, the same for the same number."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any, get_args

from tests.journeys.meshes.building import INJECT, REV, Site, named, site
from upgrader.sandbox.charts.release import Installer

RELEASES = {
    "1.12.9": "1.22", "1.13.9": "1.23", "1.14.6": "1.24", "1.15.7": "1.25", "1.16.7": "1.26", "1.17.8": "1.26",
    "1.18.7": "1.27", "1.19.10": "1.28", "1.20.8": "1.28", "1.21.6": "1.29", "1.22.8": "1.29", "1.23.6": "1.30",
    "1.24.6": "1.31", "1.25.5": "1.32", "1.26.8": "1.32", "1.27.9": "1.33", "1.28.10": "1.33", "1.29.6": "1.34",
    "1.30.3": "1.34",
}  # fmt: skip
"""Release to a Kubernetes that it runs on, and the one before it too."""
_GATEWAYS_SINCE = 10
"""The first of them that is drawn with Gateways of the Gateway API."""
_MANAGERS = {"helm": "helm", "istioctl": "istio-operator"}
_KINDS = ("Deployment", "Deployment", "Deployment", "StatefulSet", "DaemonSet", "CronJob")


@dataclass(frozen=True)
class Drawn:
    """A mesh, and the version that its upgrade ends at.

    Attributes:
        spaces: Namespaces with something in them.
        apps: Deployments that are there as written, ``namespace/name``.
    """

    site: Site
    target: str
    spaces: tuple[str, ...]
    apps: tuple[str, ...]
    ingress: bool


def draw(number: int) -> Drawn:
    """The mesh of that *number*: one control plane, or the next one beside it; some namespaces bound in any way."""
    pick = random.Random(number)
    at = pick.randrange(len(RELEASES) - 1)
    version, target = list(RELEASES)[at : at + 2]
    revision = pick.choice(["", "", named(version), named(version), "canary", "stable"])
    tags = tuple(
        t for t in ("prod", "blue", "default") if pick.random() < 0.5 and (revision or t != "default")
    )
    gateways = at >= _GATEWAYS_SINCE and pick.random() < 0.5 and bool(not revision or "default" in tags)
    installer: Installer = pick.choice(get_args(Installer))
    here = site(
        version, revision, tags=tags, gateway_api="1.2.1" if gateways else "", kubernetes=RELEASES[target],
        installer=installer, manager=_MANAGERS[installer],
    )  # fmt: skip
    if beside := pick.random() < 0.25:
        here.plane(target, manager=_MANAGERS[installer])
    ways = _ways(revision, tags, named(target) if beside else "")
    apps: list[str] = []
    spaces = tuple(f"ns{n}" for n in range(pick.randint(1, 4)))
    for space in spaces:
        apps += _space(pick, here, space, ways)
        if gateways and pick.random() < 0.5:
            here.gateway(f"{space}/web", rev=pick.choice([None, *tags, *([revision] if revision else [])]))
    ingress = pick.random() < 0.3
    return Drawn((here.ingress() if ingress else here).wait(30), target, spaces, tuple(apps), ingress)


def _ways(revision: str, tags: tuple[str, ...], beside: str) -> list[dict[str, str]]:
    """How a namespace may be bound; not at all is one of them."""
    ways = [{"rev": name} for name in (revision or "default", *tags, beside) if name]
    by_default = not revision or "default" in tags
    return [*ways, {}, *([{"injection": "enabled"}] * 2 if by_default else [])]


def _space(pick: random.Random, here: Site, space: str, ways: list[dict[str, str]]) -> list[str]:
    bound = pick.choice(ways)
    here.namespace(space, **bound, **({"upgrade-wave": "canary"} if pick.random() < 0.3 else {}))
    made: list[str] = []
    for number in range(pick.randint(0, 3)):
        kind, name = pick.choice(_KINDS), f"{space}/w{number}"
        more = _asking(pick) if bound else {"labels": pick.choice(_named(ways))}
        if kind == "CronJob" and REV in more.get("labels", {}):
            kind = "Deployment"  # one that names a revision itself stays, which has tests of its own
        spec = {"strategy": {"type": "Recreate"}} if kind == "Deployment" and pick.random() < 0.2 else {}
        here.workload(kind, name, replicas=pick.choice([0, 1, 1, 2, 3]), spec=spec, **more)
        made += [name] if kind == "Deployment" else []
    if bound and pick.random() < 0.2:
        here.injected_gateway("edge", space)
    return made


def _asking(pick: random.Random) -> dict[str, Any]:
    """What a workload in a namespace that is injected says about it; mostly nothing."""
    said: list[dict[str, Any]] = [
        {"labels": {INJECT: "false"}},
        {"labels": {INJECT: "true"}},
        {"notes": {INJECT: "false"}},
        {"notes": {"sidecar.istio.io/proxyImageType": "distroless"}},
        {"pod": {"hostNetwork": True}},
    ]
    return pick.choice(said) if pick.random() < 0.4 else {}


def _named(ways: list[dict[str, str]]) -> list[dict[str, str]]:
    """Labels by which a workload in another namespace asks by itself, and none."""
    asked = [{REV: way["rev"]} for way in ways if "rev" in way]
    return [*asked, {}, *([{INJECT: "true"}] if {"injection": "enabled"} in ways else [])]
