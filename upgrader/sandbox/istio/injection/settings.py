"""What one istiod has configured for injection, read from the ConfigMaps of its own revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson
import yaml

from upgrader.sandbox.istio.planes import Istio
from upgrader.sandbox.selectors import usable
from upgrader.sandbox.store import Store

DEFAULT_DISCOVERY = "istiod.istio-system.svc:15012"
"""Where a proxy connects when its ProxyConfig says nothing (mesh defaults, 1.12 to 1.31)."""
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Settings:
    """Injector and mesh configuration of one revision.

    Attributes:
        policy: ``enabled``, ``disabled``; anything else never injects.
        templates: names of known templates; empty when the ConfigMap does not list them.
        values: the chart values istiod renders templates with.
        mesh: MeshConfig as data.
    """

    policy: str = "enabled"
    always: Sequence[Mapping[str, Any]] = ()
    never: Sequence[Mapping[str, Any]] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    templates: tuple[str, ...] = ()
    default_templates: tuple[str, ...] = ("sidecar",)
    values: Mapping[str, Any] = field(default_factory=dict)
    mesh: Mapping[str, Any] = field(default_factory=dict)

    def value(self, path: str, default: Any = None) -> Any:
        """The chart value at a dotted path, or *default* when absent or empty."""
        found: Any = self.values
        for part in path.split("."):
            if not isinstance(found, dict):
                return default
            found = found.get(part)
        return default if found in (None, "") else found

    @property
    def proxy_defaults(self) -> dict[str, Any]:
        """``meshConfig.defaultConfig``."""
        return dict(self.mesh.get("defaultConfig") or {})


def settings_of(store: Store, istiod: Istio) -> Settings:
    """Settings of the revision an istiod serves; chart defaults where a ConfigMap is missing.

    A real istiod keeps what it read when the ConfigMap is deleted under it; the chart's defaults stand for that.
    """
    injector = _data(store, istiod.namespace, f"istio-sidecar-injector{istiod.suffix}")
    mesh = _data(store, istiod.namespace, f"istio{istiod.suffix}")
    texts = (injector.get("config") or "", injector.get("values") or "", mesh.get("mesh") or "")
    return _settings(*texts)


@lru_cache(maxsize=64)
def _settings(injector: str, values: str, mesh: str) -> Settings:
    config = parse(injector)
    return Settings(
        policy=_policy(config) if config else "enabled",
        always=_usable(config.get("alwaysInjectSelector")),
        never=_usable(config.get("neverInjectSelector")),
        annotations=config.get("injectedAnnotations") or {},
        templates=tuple(sorted(config.get("templates") or {})),
        default_templates=tuple(config.get("defaultTemplates") or ("sidecar",)),
        values=parse(values),
        mesh=parse(mesh),
    )


def _policy(config: Mapping[str, Any]) -> str:
    """A policy that the configuration leaves out is the empty word, which injects nothing."""
    said = config.get("policy")
    return "" if said is None else str(said)


def _usable(selectors: Sequence[Any] | None) -> tuple[dict[str, Any], ...]:
    return tuple(one for one in map(_worded, selectors or ()) if usable(one))


def _worded(told: Any) -> Any:
    """The same with words for numbers and truths, as a typed reader has them."""
    if isinstance(told, Mapping):
        return {key: _worded(value) for key, value in told.items()}
    if isinstance(told, list):
        return [_worded(value) for value in told]
    if told is None:
        return None
    return str(told).lower() if isinstance(told, bool) else str(told)


def _data(store: Store, namespace: str, name: str) -> Mapping[str, str]:
    found = store.get(("", "configmaps", namespace, name))
    return (found or {}).get("data") or {}


@lru_cache(maxsize=64)
def parse(text: str) -> Mapping[str, Any]:
    """A JSON or YAML document as a mapping, empty when it is neither; parsed once per text."""
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            found = yaml.load(text, Loader=_Loader)  # noqa: S506  both loaders are the safe ones
        except yaml.YAMLError:
            return {}
    return found if isinstance(found, Mapping) else {}
