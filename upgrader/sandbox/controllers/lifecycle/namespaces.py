"""Namespaces: what each gets when it begins, and how it ends with all that is in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from upgrader.sandbox.controllers.conditions import is_deleted, with_condition
from upgrader.sandbox.controllers.index import PODS
from upgrader.sandbox.controllers.loop import Loop
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Event, Key, Obj

NAMESPACES = ("", "namespaces")
ACCOUNTS = ("", "serviceaccounts")
CONFIGS = ("", "configmaps")
ROOT = "kube-root-ca.crt"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nc2FuZGJveA==\n-----END CERTIFICATE-----\n"


_FINE = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
)
"""What goes well while a namespace ends."""


def _true(word: str, reason: str, message: str) -> Obj:
    return {"type": word, "status": "True", "reason": reason, "message": message}


class Namespaces(Loop):
    """Creates the default ServiceAccount and the cluster's root certificate, and empties what is being deleted."""

    user = "namespace-controller"
    hears = frozenset({"namespaces"})
    hears_ends = True

    def changed(self, event: Event) -> None:
        if event.key[:2] == NAMESPACES:
            if event.type != "DELETED":
                self.queue.add(event.key)
        elif event.type == "DELETED" and event.key[2]:
            place = (*NAMESPACES, "", event.key[2])
            space = self.store.get(place)
            if space is not None and (is_deleted(space) or event.key[3] in {"default", ROOT}):
                self.queue.add(place)

    def sync(self, key: Key) -> None:
        space = self.store.get(key)
        if space is None:
            return
        if is_deleted(space):
            self._empty(key, space)
            return
        if (space.get("status") or {}).get("phase") != "Active":
            self.cluster.write_status(key, space, {"phase": "Active"})
        self._furnish(key[3])

    def _furnish(self, name: str) -> None:
        meta = {"namespace": name}
        account: Obj = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta | {"name": "default"}}
        notes = {"kubernetes.io/description": "The certificate authority of the cluster's API server."}
        about: Obj = meta | {"name": ROOT, "annotations": notes}
        root: Obj = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": about,
            "data": {"ca.crt": _CERTIFICATE},
        }
        for place, obj in ((ACCOUNTS, account), (CONFIGS, root)):
            key = (*place, name, obj["metadata"]["name"])
            if self.store.get(key) is None:
                self.store.put(key, obj)

    def _empty(self, key: Key, space: Obj) -> None:
        for place in self.index.within(key[3]):
            obj = self.store.get(place)
            if obj is not None and not is_deleted(obj):
                self._delete(key, place, obj)
        left = self.index.within(key[3])
        if left:
            known = (space.get("status") or {}).get("conditions") or ()
            for told in self._remaining(left):
                known = with_condition(known, told, self.cluster.stamp())
            self.cluster.write_status(key, space, {"phase": "Terminating", "conditions": list(known)})
        elif not space["metadata"].get("finalizers"):
            self.store.remove(key)

    def _remaining(self, left: Iterable[Key]) -> list[Obj]:
        """The conditions of a namespace that something is left in."""
        kinds, holders = Counter[str](), Counter[str]()
        for place in left:
            kinds[f"{place[1]}.{place[0]}"] += 1
            obj = self.store.get(place) or {"metadata": {}}
            holders.update(obj["metadata"].get("finalizers") or ())
        told = [
            {"type": word, "status": "False", "reason": reason, "message": why} for word, reason, why in _FINE
        ]
        listed = ", ".join(f"{kind} has {count} resource instances" for kind, count in sorted(kinds.items()))
        message = f"Some resources are remaining: {listed}"
        told.append(_true("NamespaceContentRemaining", "SomeResourcesRemain", message))
        if holders:
            listed = ", ".join(
                f"{name} in {count} resource instances" for name, count in sorted(holders.items())
            )
            message = f"Some content in the namespace has finalizers remaining: {listed}"
            told.append(_true("NamespaceFinalizersRemaining", "SomeFinalizersRemain", message))
        return told

    def _delete(self, key: Key, place: Key, obj: Obj) -> None:
        if place[:2] != PODS:
            self.cluster.doom(place, obj)
            return
        try:
            self.client.delete(f"/api/v1/namespaces/{place[2]}/pods/{place[3]}")
        except ApiError:
            self.queue.after(key, 1.0)
