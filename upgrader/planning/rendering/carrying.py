"""Which options of the running installation the new revision gets, one decision for each, with its reason.

What names a revision or a release is never carried as it is: it would make the new control plane talk about the old
one. What is as the new release has it by itself needs no carrying.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from upgrader.model.installing import Option, Options
from upgrader.model.kinds import Obj
from upgrader.model.version import Version
from upgrader.planning.rendering.paths import Path, at, leaves, put

HUBS = frozenset({"docker.io/istio", "gcr.io/istio-release", "registry.istio.io/release"})
"""What releases have been built with (1.12 to 1.31); each knows its own."""
_LONGEST = 80
_NAMES = {
    "revision": "the new revision has a name of its own",
    "revisionTags": "tags are moved by steps of their own",
    "defaultRevision": "the default validator is moved by a step of its own",
    "ownerName": "names the record of the old installation",
    "_original": "a copy of other settings",
    "profile": "rendered with profile minimal: what else a profile adds is no part of a revision",
    "namespace": "the new revision goes where the old one is",
    "installPackagePath": "the charts of the new release are those in its istioctl",
    "tag": "names the old release",
}
_GATEWAYS = {("ingressGateways",), ("egressGateways",)}
_SWITCHES = {("values", "pilot", "enabled"), ("values", "base", "enabled")}


@dataclass(frozen=True)
class Hop:
    """Between which revisions and releases options are carried.

    Attributes:
        gateways: Deployments of gateways that istioctl installed: these go along with the control plane.
    """

    old: str
    source: Version
    target: Version
    gateways: frozenset[str] = frozenset()


def carry(spec: Obj, hop: Hop, defaults: Obj, source: Sequence[str]) -> tuple[Obj, Options]:
    """The IstioOperator spec that the new revision is rendered with, and what was decided.

    Args:
        spec: Of the running installation, as in an IstioOperator.
        hop: From where to where.
        defaults: Helm values that the new release renders without any option.
        source: Where *spec* was read.
    """
    found: Obj = {}
    decided: list[Option] = []
    same = 0
    for path, value in leaves(spec):
        if _default(path, value, defaults):
            same += 1
            continue
        fate, why, new = _decide(path, value, hop)
        decided.append(Option(key=".".join(path), value=_short(new), fate=fate, why=why))
        if fate == "carried":
            put(found, path, new)
    return found, Options(
        source=tuple(source), decided=tuple(sorted(decided, key=lambda o: (o.fate, o.key))), same=same
    )


def _default(path: Path, value: Any, defaults: Obj) -> bool:
    inside = path[1:] if path[0] == "values" else path
    return path[0] in {"values", "meshConfig"} and bool(inside) and at(defaults, inside) == value


def _decide(path: Path, value: Any, hop: Hop) -> tuple[Literal["carried", "dropped"], str, Any]:
    top = path[1] if path[0] == "values" and len(path) > 1 else path[0]
    if path[-1] == "tag" and len(path) > 1 and isinstance(value, str):
        return _tag(value, hop)
    if (path[0] == "values" and len(path) == 2 and top in _NAMES and top != "profile") or path[0] in _NAMES:
        return "dropped", _NAMES[top], value
    if path[-1] == "hub":
        known = str(value).rstrip("/") in HUBS
        why = (
            "a default of Istio's releases; the new one brings its own" if known else "a registry of your own"
        )
        return ("dropped" if known else "carried"), why, value
    if path[0] == "components" and path[1:] in _GATEWAYS and isinstance(value, list):
        return _gateways(value, hop)
    if path[0] == "components" and path[1:2] != ("pilot",):
        return "dropped", f"component {path[1] if len(path) > 1 else ''} is no part of a revision", value
    if path in _SWITCHES or path == ("components", "pilot", "enabled"):
        return "dropped", "says which component is rendered", value
    if named := _names_the_old(value, hop):
        return "dropped", named, value
    if top == "compatibilityVersion":
        return (
            "carried",
            f"keeps the behaviour of {value}; end it with values.compatibilityVersion in the overlay",
            value,
        )
    return "carried", "set for the running installation", value


def _tag(value: str, hop: Hop) -> tuple[Literal["carried", "dropped"], str, Any]:
    if Version.of_tag(value) == hop.source and value != str(hop.source):
        new = value.replace(str(hop.source), str(hop.target))
        return "carried", "a variant of the image, of the new release", new
    if Version.of_tag(value) is None:
        return "dropped", "a tag of your own, made for the old release; say the new one in the overlay", value
    return "dropped", _NAMES["tag"], value


def _gateways(value: list[Any], hop: Hop) -> tuple[Literal["carried", "dropped"], str, Any]:
    """Those that run: they are changed in place, with the options that they have."""
    there = [
        one
        for one in value
        if isinstance(one, dict) and one.get("enabled") and one.get("name") in hop.gateways
    ]
    return (
        ("carried", "changed in place, with its own options", there)
        if there
        else ("dropped", "runs nowhere", value)
    )


def _names_the_old(value: Any, hop: Hop) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if f"istiod-{hop.old}" in text:
        return f"names revision {hop.old}"
    return f"names release {hop.source}" if f":{hop.source}" in text else ""


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
