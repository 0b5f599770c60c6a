"""ConfigMaps of the root namespace, of DNS and of the network plugin, and the settings in them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec
import orjson
import yaml

from upgrader.cluster.read.hiding import is_secret, unsecret
from upgrader.model.injector import InjectorSettings, injector_settings
from upgrader.model.kinds import CONFIG_MAP, Obj, Ref
from upgrader.model.snapshot import ControlPlane, CustomResource, Document
from upgrader.model.version import UNNAMED, revision_suffix
from upgrader.survey.documents.kept import document
from upgrader.survey.looking import Looking

DNS = tuple(Ref(CONFIG_MAP, name, "kube-system") for name in ("coredns", "kube-dns", "cilium-config"))
"""Of the cluster's DNS, and of the one network plugin whose settings Istio depends on."""
LARGEST = 16_384
"""Characters of a value that is kept; dashboards of add-ons are larger, and nobody asks about them."""
_NAMES = ("istio", "values", "cni")
_PARSED = frozenset({"mesh", "values", "config", "original-values", "merged-values"})
"""Keys that ``Settings`` has, or that are the templates of the injector."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Of each control plane, by revision, as ``Snapshot`` has them; without what may be secret."""

    mesh_configs: dict[str, Obj] = {}
    injector_values: dict[str, Obj] = {}
    injector_settings: dict[str, InjectorSettings] = {}
    install_values: dict[str, Obj] = {}


def config_maps(look: Looking, read: Iterable[Obj]) -> Iterable[Document]:
    """Those of Istio among *read*, and those of DNS and network plugin: ``keys`` names all, ``data`` has those worth reading."""
    theirs = [found for ref in DNS if (found := look.also_one(ref)) is not None]
    ours = (m for m in read if m["metadata"]["name"].startswith(_NAMES))
    for one in (*ours, *theirs):
        data = one.get("data") or {}
        kept = {k: v for k, v in data.items() if _is_kept(k, str(v))}
        yield document(CONFIG_MAP, one, {"keys": sorted(data), "data": kept})


def _is_kept(key: str, value: str) -> bool:
    return key not in _PARSED and not is_secret(key) and len(value) <= LARGEST and "PRIVATE KEY" not in value


def settings(
    look: Looking,
    read: Iterable[Obj],
    planes: Sequence[ControlPlane],
    resources: Sequence[CustomResource],
) -> Settings:
    """What the ConfigMaps of each plane say; what cannot be understood is noted.

    Args:
        look: Where that is noted.
        read: ConfigMaps of the namespaces of control planes.
        planes: Whose settings are wanted.
        resources: Among them the IstioOperators that istioctl before 1.26 left.
    """
    maps = {(m["metadata"].get("namespace", ""), m["metadata"]["name"]): m for m in read}
    found = Settings()
    for plane in planes:
        suffix, space = revision_suffix(plane.revision), plane.ref.namespace

        def value(
            name: str, key: str, load: Callable[[str], Any], space: str = space, suffix: str = suffix
        ) -> Obj | None:
            return _read(look, maps.get((space, f"{name}{suffix}")), key, load)

        mesh = value("istio", "mesh", _yaml)
        injector = value("istio-sidecar-injector", "values", orjson.loads)
        installed = value("values", "original-values", orjson.loads)
        if mesh is not None:
            found.mesh_configs[plane.revision] = mesh
        if injector is not None:
            found.injector_values[plane.revision] = injector
        if deciding := _deciding(look, maps.get((space, f"istio-sidecar-injector{suffix}"))):
            found.injector_settings[plane.revision] = deciding
        spec = {"values": installed} if installed is not None else _operator(look, resources, plane)
        if spec is not None:
            found.install_values[plane.revision] = spec
    return found


def _deciding(look: Looking, one: Obj | None) -> InjectorSettings | None:
    """None where the injector has no configuration, and where istiod could not read it either, which is noted."""
    config = _understood(look, one, "config", _yaml)
    if one is None or config is None:
        return None
    try:
        return injector_settings(config)
    except ValueError as error:
        look.illegible(_called("config", one), str(error))
        return None


def _read(look: Looking, one: Obj | None, key: str, load: Callable[[str], Any]) -> Obj | None:
    """The same without what may be secret."""
    told = _understood(look, one, key, load)
    if told is None:
        return None
    found: Obj = unsecret(told)
    return found


def _understood(
    look: Looking, one: Obj | None, key: str, load: Callable[[str], Any]
) -> Mapping[str, Any] | None:
    """None where there is no such ConfigMap or key, and where it cannot be understood, which is noted."""
    text = ((one or {}).get("data") or {}).get(key)
    if one is None or text is None:
        return None
    try:
        told = load(str(text))
    except (yaml.YAMLError, ValueError):
        told = None
    if isinstance(told, Mapping):
        return told
    form = "JSON" if load is orjson.loads else "YAML"
    look.illegible(_called(key, one), f"it is not a mapping in {form}")
    return None


def _called(key: str, one: Obj) -> str:
    return f"{key} of ConfigMap {one['metadata']['namespace']}/{one['metadata']['name']}"


def _operator(look: Looking, resources: Sequence[CustomResource], plane: ControlPlane) -> Obj | None:
    """The spec of the one IstioOperator of that revision; None where there is none, and where several claim it, which is noted."""
    found: list[Obj] = [
        unsecret(r.body.get("spec") or {})
        for r in resources
        if r.ref.kind.kind == "IstioOperator" and r.ref.namespace == plane.ref.namespace
        if str((r.body.get("spec") or {}).get("revision") or UNNAMED) == plane.revision
    ]
    if len(found) > 1:
        what = f"IstioOperator of revision {plane.revision} in namespace {plane.ref.namespace}"
        look.illegible(what, f"{len(found)} of them claim it, and nobody says which one was installed")
    return found[0] if len(found) == 1 else None


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader) or {}
