"""Namespaces: what each gets when it begins, and how it ends with all that is in it."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import is_deleted
from upgrader.sandbox.controllers.index import PODS
from upgrader.sandbox.controllers.loop import Loop
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Event, Key, Obj

NAMESPACES = ("", "namespaces")
ACCOUNTS = ("", "serviceaccounts")
CONFIGS = ("", "configmaps")
ROOT = "kube-root-ca.crt"
_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nc2FuZGJveA==\n-----END CERTIFICATE-----\n"


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
            kinds = sorted({f"{place[1]}.{place[0]}" if place[0] else place[1] for place in left})
            message = f"Some resources are remaining: {', '.join(kinds)}"
            told = {"type": "NamespaceContentRemaining", "status": "True", "reason": "SomeResourcesRemain"}
            known = (space.get("status") or {}).get("conditions") or [{}]
            since = known[0].get("lastTransitionTime") or self.cluster.stamp()
            told |= {"message": message, "lastTransitionTime": since}
            self.cluster.write_status(key, space, {"phase": "Terminating", "conditions": [told]})
        elif not space["metadata"].get("finalizers"):
            self.store.remove(key)

    def _delete(self, key: Key, place: Key, obj: Obj) -> None:
        if place[:2] != PODS:
            self.cluster.doom(place, obj)
            return
        try:
            self.client.delete(f"/api/v1/namespaces/{place[2]}/pods/{place[3]}")
        except ApiError:
            self.queue.after(key, 1.0)
