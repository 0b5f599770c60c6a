"""Control planes, the webhooks that lead to them, and everything else that was installed for them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from upgrader.cluster.read import (
    control_plane_of,
    is_control_plane,
    managers_of,
    revision_label,
    webhooks_of,
)
from upgrader.model.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    DEPLOYMENT,
    HPA,
    MUTATING_WEBHOOK,
    NETWORK_POLICY,
    PDB,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    VALIDATING_WEBHOOK,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.snapshot import Belonging, ControlPlane, Webhook
from upgrader.model.version import UNNAMED, revision_suffix
from upgrader.survey.looking import Looking, named

ENVOY_FILTER = Kind("networking.istio.io", "v1alpha3", "envoyfilters", "EnvoyFilter")
IN_ROOT = (
    DEPLOYMENT, SERVICE, SERVICE_ACCOUNT, CONFIG_MAP, HPA, PDB, ROLE, ROLE_BINDING, NETWORK_POLICY, ENVOY_FILTER,
)  # fmt: skip
CLUSTER_WIDE = (CLUSTER_ROLE, CLUSTER_ROLE_BINDING, MUTATING_WEBHOOK, VALIDATING_WEBHOOK)
_COMPONENT = "operator.istio.io/component"
_TAG = "istio.io/tag"
_SHARED = frozenset({"istiod-default-validator"})
"""Carries a revision's label but belongs to all of them."""
_OWN = "istiod{s}"
_NAMES: Mapping[str, tuple[str, ...]] = {
    **{
        k.kind: (_OWN,)
        for k in (DEPLOYMENT, SERVICE, SERVICE_ACCOUNT, HPA, PDB, ROLE, ROLE_BINDING, NETWORK_POLICY)
    },
    CONFIG_MAP.kind: ("istio{s}", "istio-sidecar-injector{s}", "pilot-jwks-extra-cacerts{s}", "values{s}"),
    MUTATING_WEBHOOK.kind: ("istio-sidecar-injector{s}", "istio-sidecar-injector{s}-{n}"),
    VALIDATING_WEBHOOK.kind: ("istio-validator{s}-{n}",),
    **{
        k.kind: (
            "istiod-clusterrole{s}-{n}",
            "istiod-gateway-controller{s}-{n}",
            "istio-reader-clusterrole{s}-{n}",
        )
        for k in (CLUSTER_ROLE, CLUSTER_ROLE_BINDING)
    },
}
"""Names of the istio-discovery chart, 1.12 to 1.31; {s} is empty or ``-REVISION``, {n} the namespace of istiod."""
_FILTER = re.compile(
    r"^(?:(?:tcp-)?(?:stats|stackdriver)-filter|(?:tcp-)?metadata-exchange)-1\.\d+(?:-(?P<rev>.+))?$"
)


def control_planes(deployments: Iterable[Obj], config_maps: Iterable[Obj]) -> tuple[ControlPlane, ...]:
    """Every istiod Deployment, wherever it is, with the proxy image that its injector would use."""
    maps = {(m["metadata"].get("namespace", ""), m["metadata"]["name"]): m for m in config_maps}
    found: list[ControlPlane] = []
    for deployment in named(d for d in deployments if is_control_plane(d)):
        plane = control_plane_of(deployment)
        injector = maps.get((plane.ref.namespace, f"istio-sidecar-injector{revision_suffix(plane.revision)}"))
        values = (injector or {}).get("data", {}).get("values")
        found.append(control_plane_of(deployment, values) if values else plane)
    return tuple(found)


def mesh_root(planes: Sequence[ControlPlane], config_maps: Iterable[Obj]) -> str:
    """``rootNamespace`` of the mesh configuration; empty when no configuration says one."""
    wanted = {(p.ref.namespace, f"istio{revision_suffix(p.revision)}") for p in planes}
    for found in named(config_maps):
        metadata = found["metadata"]
        if (metadata.get("namespace", ""), metadata["name"]) in wanted:
            root = _yaml((found.get("data") or {}).get("mesh", "")).get("rootNamespace")
            if root:
                return str(root)
    return ""


def webhooks(configurations: Iterable[Obj]) -> tuple[Webhook, ...]:
    """Those that are Istio's or call an istiod, by name."""
    return tuple(webhooks_of(named(configurations)))


def belongings(
    look: Looking, read: Mapping[Kind, Sequence[Obj]], planes: Sequence[ControlPlane], root: str
) -> tuple[Belonging, ...]:
    """Everything that an installer made for one revision: by label ``istio.io/rev``, or by the chart's fixed names.

    Objects of the base chart, which all revisions share, have none. Tags are not among it, nor the default validator.

    Args:
        look: Reads the kinds that were not read before.
        read: Objects read before, by kind.
        planes: The control planes; their namespaces are looked at.
        root: The root namespace, looked at even without a control plane.
    """
    spaces = sorted({root} | {p.ref.namespace for p in planes})
    there = {kind: _objects(look, read, kind, spaces) for kind in (*IN_ROOT, *CLUSTER_WIDE)}
    pairs = {(p.revision, p.ref.namespace) for p in planes} | {(r, root) for r in _labelled(there)}
    names = {(kind, name): rev for rev, space in sorted(pairs) for kind, name in _fixed(rev, space)}
    found: dict[Ref, Belonging] = {}
    for kind, objects in there.items():
        for obj in objects:
            revision = _revision(kind, obj, names)
            if revision or _of_base(kind, obj, root):
                belonging = _belonging(look.served(kind) or kind, obj, revision)
                found[belonging.ref] = belonging
    return tuple(found[ref] for ref in sorted(found))


def _objects(
    look: Looking, read: Mapping[Kind, Sequence[Obj]], kind: Kind, spaces: Sequence[str]
) -> list[Obj]:
    if kind in read:
        return [o for o in read[kind] if not kind.namespaced or o["metadata"].get("namespace") in spaces]
    if not kind.namespaced:
        return list(look.all(kind))
    return [o for space in spaces for o in look.all(kind, space)]


def _labelled(there: Mapping[Kind, Sequence[Obj]]) -> set[str]:
    """Revisions that installed objects name, also those without a control plane: half installed, or half removed."""
    objects = (obj for found in there.values() for obj in found)
    return {revision_label(obj) for obj in objects if _COMPONENT in (obj["metadata"].get("labels") or {})} - {
        ""
    }


def _fixed(revision: str, space: str) -> Iterable[tuple[str, str]]:
    for kind, names in _NAMES.items():
        for name in names:
            yield kind, name.format(s=revision_suffix(revision), n=space)


def _revision(kind: Kind, obj: Obj, names: Mapping[tuple[str, str], str]) -> str:
    """Whose object it is; empty when it is nobody's."""
    metadata = obj["metadata"]
    labels = metadata.get("labels") or {}
    if _TAG in labels or metadata["name"] in _SHARED or "gateway.istio.io/managed" in labels:
        return ""
    labelled = revision_label(obj)
    fixed = names.get((kind.kind, metadata["name"]), "")
    if kind == ENVOY_FILTER:
        shipped = _FILTER.match(metadata["name"])
        return (labelled or shipped["rev"] or UNNAMED) if shipped else ""
    if labelled and (_COMPONENT in labels or fixed or kind in CLUSTER_WIDE):
        return labelled
    return fixed


def _of_base(kind: Kind, obj: Obj, root: str) -> bool:
    """Whether all revisions share it: objects of the base chart, 1.12 to 1.31; its definitions are told apart."""
    name = obj["metadata"]["name"]
    accounts = {"istio-reader-service-account", "istiod-service-account"}
    roles = {f"istiod-{root}", f"istio-reader-{root}"}
    if kind == SERVICE_ACCOUNT:
        return name in accounts
    return kind in (ROLE, ROLE_BINDING, CLUSTER_ROLE, CLUSTER_ROLE_BINDING) and name in roles


def _belonging(kind: Kind, obj: Obj, revision: str) -> Belonging:
    metadata = obj["metadata"]
    component = str((metadata.get("labels") or {}).get(_COMPONENT, ""))
    ref = Ref(kind, metadata["name"], metadata.get("namespace", ""))
    uid, managers = metadata.get("uid", ""), managers_of(obj)
    return Belonging(ref=ref, uid=uid, revision=revision, component=component, managers=managers)


def _yaml(text: str) -> dict[str, Any]:
    try:
        found = yaml.load(text, Loader=yaml.CSafeLoader)
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
