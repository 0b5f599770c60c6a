"""Core events, as kubectl describe shows them: one object per story, counted when it repeats."""

from __future__ import annotations

from upgrader.sandbox.clock import stamp
from upgrader.sandbox.store import Key, Obj, Store

_LIMIT = 2_000


class Recorder:
    """Writes events; only the latest 2,000 are kept, as a real server forgets them after an hour."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._told: dict[tuple[str, str, str], Key] = {}

    def copy_from(self, other: Recorder) -> None:
        """Go on with the stories another recorder began."""
        self._told = dict(other._told)

    def tell(self, about: Obj, reason: str, message: str, *, source: str, warning: bool = False) -> None:
        """Record an event about an object; repeating it raises its count and its last timestamp."""
        meta = about["metadata"]
        word = (meta["uid"], reason, message)
        now = stamp(self._store.clock.now())
        known = self._told.get(word)
        stored = self._store.get(known) if known else None
        if known and stored is not None:
            self._store.put(known, {**stored, "count": stored["count"] + 1, "lastTimestamp": now})
            return
        namespace = meta.get("namespace") or "default"
        name = f"{meta['name']}.{self._store.new_suffix(16)}"
        key = ("", "events", namespace, name)
        self._told[word] = key
        told = {"reason": reason, "message": message, "type": "Warning" if warning else "Normal"}
        self._store.put(key, _event(about, namespace, name, now) | told | {"source": {"component": source}})
        self._forget()

    def _forget(self) -> None:
        while len(self._told) > _LIMIT:
            word = next(iter(self._told))
            self._store.remove(self._told.pop(word))


def _event(about: Obj, namespace: str, name: str, now: str) -> Obj:
    meta = about["metadata"]
    involved = {
        "apiVersion": about["apiVersion"],
        "kind": about["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
    }
    if meta.get("namespace"):
        involved["namespace"] = meta["namespace"]
    involved["resourceVersion"] = meta["resourceVersion"]
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": involved,
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }
