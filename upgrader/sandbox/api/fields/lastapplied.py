"""The annotation in which client-side apply remembers what was applied."""

from __future__ import annotations

import orjson

from upgrader.sandbox.store import Obj

KUBECTL = "kubectl"
"""The manager whose applies go on where client-side ones left off; others leave the annotation alone."""

_NOTE = "kubectl.kubernetes.io/last-applied-configuration"


def last_applied(obj: Obj) -> Obj | None:
    """What was applied last from the client's side; None when nothing was, or nobody can read it."""
    text = (obj["metadata"].get("annotations") or {}).get(_NOTE)
    if not text:
        return None
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def with_last_applied(obj: Obj, config: Obj) -> Obj:
    """An object after kubectl applied server-side: an annotation that is there tells the new configuration.

    Source: k8s.io/apimachinery, pkg/util/managedfields/internal/lastappliedupdater.go.
    """
    meta = obj["metadata"]
    notes = meta.get("annotations") or {}
    if not notes.get(_NOTE):
        return obj
    told = {**config, "metadata": dict(config["metadata"])}
    mine = {
        name: value
        for name, value in (told["metadata"].pop("annotations", None) or {}).items()
        if name != _NOTE
    }
    if mine:
        told["metadata"]["annotations"] = mine
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS).decode() + "\n"
    return {**obj, "metadata": {**meta, "annotations": {**notes, _NOTE: text}}}
