"""Who belongs to whom: the store seen by namespace, by owner and by node, kept up to date change by change."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from upgrader.sandbox.store import Event, Key, Obj

PODS = ("", "pods")


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference marked as controller, or None."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Obj = reference
            return found
    return None


def owner_uids(obj: Obj) -> list[str]:
    """Uids of all owners."""
    return [reference["uid"] for reference in obj["metadata"].get("ownerReferences") or ()]


class Index:
    """Feed it every change (``note``); all answers are in order of creation."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str, str], dict[str, Obj]] = {}
        self._orphans: dict[tuple[str, str, str], dict[str, Obj]] = {}
        self._dependents: dict[str, dict[Key, Obj]] = {}
        self._controlled: dict[tuple[str, str, str], dict[Key, Obj]] = {}
        self._uids: dict[str, Key] = {}
        self._nodes: dict[str, dict[Key, Obj]] = {}
        self._spaces: dict[str, dict[Key, None]] = {}
        self._born: dict[str, int] = {}

    def copy(self) -> Index:
        """An index of the same objects that goes its own way."""
        twin = Index()
        twin._places = _copied(self._places)
        twin._orphans = _copied(self._orphans)
        twin._dependents = _copied(self._dependents)
        twin._controlled = _copied(self._controlled)
        twin._nodes = _copied(self._nodes)
        twin._spaces = _copied(self._spaces)
        twin._uids, twin._born = dict(self._uids), dict(self._born)
        return twin

    def born(self, uid: str) -> int:
        """The store revision at which the pod with this uid was created; 0 when there is no such pod."""
        return self._born.get(uid, 0)

    def everything(self) -> list[tuple[Key, Obj]]:
        """All objects, grouped by kind and namespace."""
        return [((*place, name), obj) for place, found in self._places.items() for name, obj in found.items()]

    def note(self, event: Event) -> None:
        """Take one change in."""
        if event.old is not None:
            self._forget(event.key, event.old, event.obj if event.type != "DELETED" else None)
        if event.type != "DELETED":
            self._remember(event.key, event.obj)
        if event.old is None and event.key[:2] == PODS:
            self._born[event.obj["metadata"]["uid"]] = event.revision

    def _forget(self, key: Key, old: Obj, new: Obj | None) -> None:
        place, name = key[:3], key[3]
        if new is None:
            self._places.get(place, {}).pop(name, None)
            self._uids.pop(old["metadata"]["uid"], None)
            self._born.pop(old["metadata"]["uid"], None)
            self._spaces.get(key[2], {}).pop(key, None)
        if new is None or old["metadata"].get("ownerReferences") != new["metadata"].get("ownerReferences"):
            self._orphans.get(place, {}).pop(name, None)
            for uid in owner_uids(old):
                _drop(self._dependents, uid, key)
                _drop(self._controlled, (uid, key[0], key[1]), key)
        node = _node(key, old)
        if node and (new is None or _node(key, new) != node):
            _drop(self._nodes, node, key)

    def _remember(self, key: Key, obj: Obj) -> None:
        place, name = key[:3], key[3]
        self._places.setdefault(place, {})[name] = obj
        self._uids[obj["metadata"]["uid"]] = key
        if key[2]:
            self._spaces.setdefault(key[2], {})[key] = None
        for uid in owner_uids(obj):
            self._dependents.setdefault(uid, {})[key] = obj
        controller = controller_of(obj)
        if controller is None:
            self._orphans.setdefault(place, {})[name] = obj
        else:
            self._controlled.setdefault((controller["uid"], key[0], key[1]), {})[key] = obj
        node = _node(key, obj)
        if node:
            self._nodes.setdefault(node, {})[key] = obj

    def all(self, group: str, plural: str, namespace: str) -> list[Obj]:
        """Objects of one kind in one namespace ("" for cluster-scoped kinds)."""
        return list(self._places.get((group, plural, namespace), {}).values())

    def orphans(self, group: str, plural: str, namespace: str) -> list[Obj]:
        """Those of them without a controller."""
        return list(self._orphans.get((group, plural, namespace), {}).values())

    def controlled(self, uid: str, group: str, plural: str) -> list[Obj]:
        """Objects of one kind whose controller has this uid."""
        return list(self._controlled.get((uid, group, plural), {}).values())

    def dependents(self, uid: str) -> list[tuple[Key, Obj]]:
        """Everything that names this uid as an owner, controller or not."""
        return list(self._dependents.get(uid, {}).items())

    def key_of(self, uid: str) -> Key | None:
        """Where the object with this uid is stored, or None when it is gone."""
        return self._uids.get(uid)

    def on_node(self, node: str) -> Collection[Obj]:
        """Pods bound to a node."""
        return self._nodes.get(node, {}).values()

    def within(self, namespace: str) -> list[Key]:
        """Keys of everything in a namespace."""
        return list(self._spaces.get(namespace, {}))


def _node(key: Key, obj: Obj) -> str:
    return (obj.get("spec") or {}).get("nodeName") or "" if key[:2] == PODS else ""


def _copied(table: dict[Any, dict[Any, Any]]) -> dict[Any, dict[Any, Any]]:
    return {word: dict(found) for word, found in table.items()}


def _drop(table: dict[Any, dict[Key, Obj]], word: Any, key: Key) -> None:
    found = table.get(word)
    if found is not None:
        found.pop(key, None)
        if not found:
            del table[word]
