"""Does this istiod inject this pod? The order of its questions, and the change of 1.27.

Source: ``injectRequired`` in pkg/kube/inject/inject.go at 1.12.0, 1.20.0, 1.26.8, 1.27.0, 1.28.0 and 1.30.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from upgrader.sandbox.istio.injection.settings import Settings
from upgrader.sandbox.istio.planes import Istio, annotations_of, labels_of
from upgrader.sandbox.selectors import matches
from upgrader.sandbox.store import Obj

INJECT = "sidecar.istio.io/inject"
IGNORED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
STRICT_SINCE = 27
"""From 1.27.0 on only the exact words true and false count (commit 331d32e30a3, PR 56737)."""
_YES = frozenset({"y", "yes", "true", "on"})


def wants_injection(pod: Obj, namespace: str, istiod: Istio, settings: Settings) -> bool:
    """True when *istiod* adds a proxy to *pod*."""
    if pod["spec"].get("hostNetwork") or namespace in IGNORED_NAMESPACES:
        return False
    labels = labels_of(pod)
    word = labels.get(INJECT, annotations_of(pod).get(INJECT, ""))
    asked = meaning(word, strict=istiod.at_least(STRICT_SINCE))
    if asked is None:
        asked = _selected(labels, settings)
    if settings.policy == "enabled":
        return asked is not False
    return settings.policy == "disabled" and asked is True


def meaning(word: str, *, strict: bool) -> bool | None:
    """What a value of the inject label says: yes, no, or nothing (None, so the policy decides)."""
    if strict:
        return {"true": True, "false": False}.get(word)
    return None if word == "" else word.lower() in _YES


def _selected(labels: Mapping[str, str], settings: Settings) -> bool | None:
    if _any_matches(settings.never, labels):
        return False
    return True if _any_matches(settings.always, labels) else None


def _any_matches(selectors: Sequence[Mapping[str, Any]], labels: Mapping[str, str]) -> bool:
    return any(matches(dict(selector), labels) for selector in selectors)
