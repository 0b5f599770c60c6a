"""Containers of the pod's own that shape an injected one, and the way back from an earlier injection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from upgrader.sandbox.api.rules.shape import copied
from upgrader.sandbox.istio.planes import annotations_of
from upgrader.sandbox.store import Obj

STATUS = "sidecar.istio.io/status"
OVERRIDES = "proxy.istio.io/overrides"
AUTO = "auto"
"""The image a chart writes where it wants the injected one."""
_KINDS = ("containers", "initContainers")


def previous(pod: Obj) -> Mapping[str, Any]:
    """What an earlier injection recorded; empty for a pod never injected or a record nobody can read."""
    try:
        found = orjson.loads(annotations_of(pod).get(STATUS, ""))
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, Mapping) else {}


def strip(pod: Obj) -> Obj:
    """A copy of *pod* as it was before an earlier injection, so that injecting again adds nothing twice.

    Source: ``stripPod`` and ``reapplyOverwrittenContainers`` in pkg/kube/inject/webhook.go.
    """
    bare = copied(pod)
    status = previous(pod)
    if not status:
        return bare
    spec, notes = bare["spec"], bare["metadata"]["annotations"]
    for kind in (*_KINDS, "volumes"):
        gone = set(status.get(kind) or ())
        kept = [each for each in spec.get(kind) or [] if each.get("name") not in gone]
        if kept or kind == "containers":
            spec[kind] = kept
        else:
            spec.pop(kind, None)
    del notes[STATUS]
    for kind, originals in orjson.loads(notes.pop(OVERRIDES, "{}")).items():
        spec[kind] = [*(spec.get(kind) or []), *originals]
    return bare


def own(pod: Obj, names: set[str]) -> dict[str, list[dict[str, Any]]]:
    """Containers of the pod that carry a name the template uses too, by kind."""
    found = {kind: [c for c in pod["spec"].get(kind) or [] if c.get("name") in names] for kind in _KINDS}
    return {kind: containers for kind, containers in found.items() if containers}


def merged(rendered: Mapping[str, Any], original: Mapping[str, Any]) -> dict[str, Any]:
    """The rendered container under the pod's own fields; ``image: auto`` gives way to the rendered image."""
    result = {**rendered}
    for key, value in original.items():
        if key == "image" and value == AUTO:
            continue
        if key in ("env", "volumeMounts", "ports"):
            result[key] = _united(rendered.get(key) or [], value or [], _MERGE_KEYS[key])
        elif isinstance(value, Mapping) and isinstance(rendered.get(key), Mapping) and key != "resources":
            result[key] = {**rendered[key], **value}
        elif value not in (None, {}, []):
            result[key] = value
    return result


_MERGE_KEYS = {"env": "name", "volumeMounts": "mountPath", "ports": "containerPort"}


def _united(base: list[dict[str, Any]], over: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    found = {each[key]: each for each in base}
    found.update({each[key]: each for each in over})
    return list(found.values())
