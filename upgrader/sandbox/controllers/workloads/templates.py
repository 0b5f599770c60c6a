"""From a pod template to a pod, and when two templates mean the same."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import orjson

from upgrader.sandbox.store import Obj

HASH = "pod-template-hash"
_KEPT = 1_024
_ESSENCES: dict[int, tuple[Obj, Obj]] = {}
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def owned_by(owner: Obj) -> Obj:
    """The owner reference of a controller."""
    meta = owner["metadata"]
    named = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
    return named | {"controller": True, "blockOwnerDeletion": True}


def pod_of(
    owner: Obj, template: Obj, *, name: str = "", labels: Obj | None = None, notes: Obj | None = None
) -> Obj:
    """The pod a workload creates from a template; without a name the API server makes one up."""
    given, meta = template.get("metadata") or {}, owner["metadata"]
    made: Obj = {"name": name} if name else {"generateName": f"{meta['name']}-"}
    made["namespace"] = meta["namespace"]
    made["labels"] = {**(given.get("labels") or {}), **(labels or {})}
    annotations = {**(given.get("annotations") or {}), **(notes or {})}
    if annotations:
        made["annotations"] = annotations
    if given.get("finalizers"):
        made["finalizers"] = given["finalizers"]
    made["ownerReferences"] = [owned_by(owner)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": made, "spec": template["spec"]}


def plain(value: Any) -> Any:
    """The value without what Go's encoder leaves out: nulls and empty maps, lists and texts."""
    if isinstance(value, dict):
        kept = {word: plain(each) for word, each in value.items()}
        return {word: each for word, each in kept.items() if each is not None and each not in ({}, [], "")}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def essence(template: Obj) -> Obj:
    """What two templates of stored objects are compared by: all but the hash label."""
    known = _ESSENCES.get(id(template))
    if known is None or known[0] is not template:
        if len(_ESSENCES) >= _KEPT:
            _ESSENCES.clear()
        known = _ESSENCES[id(template)] = (template, _essence(template))
    return known[1]


def _essence(template: Obj) -> Obj:
    found: Obj = plain(template)
    meta = dict(found.get("metadata") or {})
    labels = {word: value for word, value in (meta.pop("labels", None) or {}).items() if word != HASH}
    meta.pop("creationTimestamp", None)
    return {**found, "metadata": meta | {"labels": labels}}


def hash_of(value: Obj, salt: int = 0) -> str:
    """Up to ten letters that stand for a template, spelled as Kubernetes does."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) + (str(salt).encode() if salt else b"")
    number = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
    return "".join(_ALPHABET[ord(digit) % len(_ALPHABET)] for digit in str(number))


def portion(value: Any, total: int, *, up: bool) -> int:
    """A number of pods from a number or a percentage of all.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(value, int):
        return value
    text = str(value)
    if not text.endswith("%"):
        return int(text)
    exact = int(text[:-1]) * total / 100
    return math.ceil(exact) if up else math.floor(exact)
