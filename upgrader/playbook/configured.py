"""What manifests say about the control plane that they install."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import yaml

from upgrader.model.injector import InjectorSettings, injector_settings
from upgrader.model.installing import Configured
from upgrader.model.kinds import Obj
from upgrader.model.version import revision_suffix
from upgrader.playbook.manifests import Release


def configured(release: Release) -> Configured:
    """The configuration of the revision that *release* installs."""
    suffix = revision_suffix(release.revision)
    return Configured(
        revision=release.revision,
        config=_held(release, f"istio{suffix}", "mesh", _yaml),
        values=_held(release, f"istio-sidecar-injector{suffix}", "values", json.loads) or {},
        injecting=injecting(release),
        env=_environment(release),
    )


def injecting(release: Release) -> InjectorSettings | None:
    """What decides inside the istiod that *release* installs; None where its injector's configuration cannot be understood."""
    found = _text(release, f"istio-sidecar-injector{revision_suffix(release.revision)}", "config")
    return None if found is None else _injecting(found)


@lru_cache(maxsize=64)
def _injecting(text: str) -> InjectorSettings | None:
    """Of a text of many templates, which checks and planner ask about both."""
    try:
        told = _yaml(text)
        return injector_settings(told) if isinstance(told, dict) else None
    except (yaml.YAMLError, ValueError):
        return None


def _yaml(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader) or {}


def _held(release: Release, name: str, key: str, read: Callable[[str], Any]) -> Obj | None:
    """What a ConfigMap has under *key*; None where it is not there, and where it cannot be understood."""
    text = _text(release, name, key)
    try:
        found = None if text is None else read(text)
    except (yaml.YAMLError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _text(release: Release, name: str, key: str) -> str | None:
    for document in release.part("control-plane"):
        body = document.body
        text = (body.get("data") or {}).get(key)
        if body["kind"] == "ConfigMap" and body["metadata"]["name"] == name and text is not None:
            return str(text)
    return None


def _environment(release: Release) -> dict[str, str]:
    for document in release.part("control-plane"):
        body = document.body
        if body["kind"] == "Deployment":
            for container in body["spec"]["template"]["spec"]["containers"]:
                if container.get("name") == "discovery":
                    return {e["name"]: str(e["value"]) for e in container.get("env") or () if "value" in e}
    return {}
