"""Ingresses that Istio serves."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

from upgrader.checks.advisories.settings import Seen, inner
from upgrader.checks.advisories.world import Hit, World
from upgrader.model.kinds import Obj

_CLASS = "kubernetes.io/ingress.class"
_CONTROLLER = "istio.io/ingress-controller"


class _Path(NamedTuple):
    ingress: Seen
    place: str
    host: str
    number: int
    text: str
    exact: bool
    backend: Obj


def ingress_order(world: World) -> Iterator[Hit]:
    """Paths of Istio's Ingresses that a shorter path with another backend hid, because it stood before them.

    Paths of two Ingresses for one host count as well: which came first is not written anywhere.

    Source: ConvertIngressVirtualService in pilot/pkg/config/kube/ingress/conversion.go of 1.12.0 and 1.13.0.
    """
    paths = [path for one in world.objects("Ingress") if _is_ours(world, one) for path in _paths(one)]
    for hides, hidden in permutations(paths, 2):
        first = hides.ingress.title != hidden.ingress.title or hides.number < hidden.number
        if first and hides.host == hidden.host and hides.backend != hidden.backend and _hides(hides, hidden):
            yield Hit(hidden.ingress.title, f"{hidden.place} {hidden.text} behind {hides.text}")


def _hides(shorter: _Path, longer: _Path) -> bool:
    """Whether every request for *longer* also fits *shorter*, which was asked first."""
    if shorter.exact:
        return False
    stem = shorter.text.rstrip("/")
    if shorter.text == longer.text:
        return longer.exact
    return len(shorter.text) < len(longer.text) and (
        longer.text == stem or longer.text.startswith(f"{stem}/")
    )


def _paths(one: Seen) -> Iterator[_Path]:
    number = 0
    for at, rule in enumerate(inner(one.body, "spec").get("rules") or ()):
        for place, path in enumerate(inner(rule, "http").get("paths") or ()):
            yield _Path(
                ingress=one,
                place=f"spec.rules[{at}].http.paths[{place}]",
                host=str(rule.get("host") or "*"),
                number=number,
                text=str(path.get("path") or "/"),
                exact=path.get("pathType") == "Exact",
                backend=path.get("backend") or {},
            )
            number += 1


def _is_ours(world: World, one: Seen) -> bool:
    """Source: shouldProcessIngressWithClass in pilot/pkg/config/kube/ingress/controller.go."""
    configs = [seen.body for seen in world.objects("MeshConfig")]
    names = {str(config.get("ingressClass") or "istio") for config in configs} or {"istio"}
    modes = {str(config.get("ingressControllerMode") or "STRICT") for config in configs} or {"STRICT"}
    if modes == {"OFF"}:
        return False
    said = inner(one.body, "metadata", "annotations").get(_CLASS)
    if said is not None:
        return said in names
    class_name = inner(one.body, "spec").get("ingressClassName")
    if class_name is None:
        return "DEFAULT" in modes
    return any(
        c.name == class_name and inner(c.body, "spec").get("controller") == _CONTROLLER
        for c in world.objects("IngressClass")
    )
