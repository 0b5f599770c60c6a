"""Garbage collection by owner references: in the background, in the foreground, or leaving orphans."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import is_deleted
from upgrader.sandbox.controllers.index import PODS, owner_uids
from upgrader.sandbox.controllers.loop import Loop
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Event, Key, Obj

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Garbage(Loop):
    """Deletes what has owners and none of them is left."""

    user = "generic-garbage-collector"
    hears = None

    def changed(self, event: Event) -> None:
        meta = event.obj["metadata"]
        if event.type == "DELETED":
            for key, _ in self.index.dependents(meta["uid"]):
                self.queue.add(key)
            self._tell_owners(event.obj)
            return
        if meta.get("deletionTimestamp") and meta.get("finalizers"):
            self.queue.add(event.key)
        if meta.get("ownerReferences") and self._is_news(event):
            self.queue.add(event.key)

    def _is_news(self, event: Event) -> bool:
        if event.old is None:
            return not self.cluster.keep_orphans
        return owner_uids(event.old) != owner_uids(event.obj)

    def _tell_owners(self, gone: Obj) -> None:
        """Owners that wait for their dependents look again."""
        for uid in owner_uids(gone):
            key = self.index.key_of(uid)
            owner = self.store.get(key) if key else None
            if key and owner is not None and FOREGROUND in (owner["metadata"].get("finalizers") or ()):
                self.queue.add(key)

    def sync(self, key: Key) -> None:
        obj = self.store.get(key)
        if obj is None:
            return
        finalizers = obj["metadata"].get("finalizers") or ()
        if is_deleted(obj) and ORPHAN in finalizers:
            self._orphan(key, obj)
        elif is_deleted(obj) and FOREGROUND in finalizers:
            self._wait(key, obj)
        else:
            self._check(key, obj)

    def _orphan(self, key: Key, obj: Obj) -> None:
        uid = obj["metadata"]["uid"]
        for place, dependent in self.index.dependents(uid):
            self._disown(place, dependent, {uid})
        self.cluster.release(key, obj, ORPHAN)

    def _wait(self, key: Key, obj: Obj) -> None:
        """In the foreground dependents go first, each in the foreground too."""
        blocking = False
        uid = obj["metadata"]["uid"]
        for place, dependent in self.index.dependents(uid):
            reference = next(r for r in dependent["metadata"]["ownerReferences"] if r["uid"] == uid)
            blocking = blocking or bool(reference.get("blockOwnerDeletion"))
            if not is_deleted(dependent):
                self._delete(
                    place, dependent, foreground=bool(self.index.dependents(dependent["metadata"]["uid"]))
                )
        if not (blocking and self.index.dependents(uid)):
            self.cluster.release(key, self.store.get(key) or obj, FOREGROUND)

    def _check(self, key: Key, obj: Obj) -> None:
        owners = owner_uids(obj)
        dead = {uid for uid in owners if self.index.key_of(uid) is None}
        if not dead or is_deleted(obj):
            return
        if len(dead) == len(set(owners)):
            self._delete(key, obj)
        else:
            self._disown(key, obj, dead)

    def _disown(self, key: Key, obj: Obj, uids: set[str]) -> None:
        meta = dict(obj["metadata"])
        left = [each for each in meta.pop("ownerReferences") if each["uid"] not in uids]
        self.store.put(key, {**obj, "metadata": meta | ({"ownerReferences": left} if left else {})})

    def _delete(self, key: Key, obj: Obj, *, foreground: bool = False) -> None:
        if key[:2] == PODS:
            try:
                self.client.delete(f"/api/v1/namespaces/{key[2]}/pods/{key[3]}")
            except ApiError:
                self.queue.after(key, 1.0)
            return
        if foreground:
            finalizers = [*(obj["metadata"].get("finalizers") or ()), FOREGROUND]
            obj = self.store.put(key, {**obj, "metadata": {**obj["metadata"], "finalizers": finalizers}})
        self.cluster.doom(key, obj)
