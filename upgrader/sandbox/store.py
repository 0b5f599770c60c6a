"""The only state of the sandbox: immutable objects, one revision, one bounded log of changes."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from typing import Any

import msgspec
import orjson

from upgrader.sandbox.clock import Clock, stamp

Obj = dict[str, Any]
"""One API object as JSON; never changed in place once stored."""

Key = tuple[str, str, str, str]
"""(group, plural, namespace or "", name)."""

Bucket = dict[str, dict[str, "Entry"]]
"""namespace -> name -> entry."""

Objs = list[Obj]
Entries = list["Entry"]
Events = list["Event"]

_LOG_LIMIT = 20_000
_FIRST_REVISION = 100
_UUID_MASK = ~(0xF000 << 64 | 0xC000 << 48)
_UUID_VERSION = 4 << 76 | 0x8000 << 48
"""Version 4 and the variant of RFC 4122."""


class Expired(Exception):
    """The log no longer reaches back to the revision that was asked for."""


class Event(msgspec.Struct, frozen=True, gc=False):
    """One change.

    Attributes:
        type: ADDED, MODIFIED or DELETED.
        obj: The object after the change; for DELETED its last state with the revision of the removal.
        old: The object before the change; None for ADDED.
    """

    type: str
    key: Key
    obj: Obj
    old: Obj | None
    revision: int


class Entry:
    """A stored object and, once somebody asked, its JSON."""

    __slots__ = ("_body", "_meta", "obj")

    def __init__(self, obj: Obj) -> None:
        self.obj = obj
        self._body: bytes | None = None
        self._meta: bytes | None = None

    def body(self) -> bytes:
        """JSON without ``kind`` and ``apiVersion``: the caller puts the ones of the version it serves in front."""
        if self._body is None:
            self._body = encode_bare(self.obj)
        return self._body

    def meta(self) -> bytes:
        """JSON of the metadata alone."""
        if self._meta is None:
            self._meta = orjson.dumps(self.obj["metadata"])
        return self._meta


def encode_bare(obj: Obj) -> bytes:
    """The object's JSON without ``kind`` and ``apiVersion``."""
    return orjson.dumps({name: value for name, value in obj.items() if name not in {"kind", "apiVersion"}})


class Store:
    """Objects by key; every change gets the next revision and is told to the listeners inside the lock."""

    def __init__(self, clock: Clock, *, seed: int = 0, log_limit: int = _LOG_LIMIT) -> None:
        self.clock = clock
        self.revision = _FIRST_REVISION
        self.lock = threading.RLock()
        self._changed = threading.Condition(self.lock)
        self._buckets: dict[tuple[str, str], Bucket] = {}
        self._orders: dict[tuple[str, str, str | None], list[Entry]] = {}
        self._log: list[Event] = []
        self._log_limit = log_limit
        self._compacted = _FIRST_REVISION
        self._listeners: list[Callable[[Event], None]] = []
        self._random = random.Random(seed)  # noqa: S311 (repeatable identities, no secrets)

    def get(self, key: Key) -> Obj | None:
        """The stored object, or None. Not a copy: copy before you change it."""
        entry = self.entry(key)
        return None if entry is None else entry.obj

    def entry(self, key: Key) -> Entry | None:
        """The stored object with its cached JSON, or None."""
        names = self._buckets.get((key[0], key[1]), {}).get(key[2])
        return None if names is None else names.get(key[3])

    def list(self, group: str, plural: str, namespace: str | None = None) -> Objs:
        """Objects sorted by (namespace, name); all namespaces when namespace is None."""
        return [entry.obj for entry in self.entries(group, plural, namespace)]

    def entries(self, group: str, plural: str, namespace: str | None = None) -> Entries:
        """As ``list``, with the cached JSON. The list is shared: do not change it."""
        place = (group, plural, namespace)
        order = self._orders.get(place)
        if order is None:
            with self.lock:
                order = self._sorted(group, plural, namespace)
                self._orders[place] = order
        return order

    def _sorted(self, group: str, plural: str, namespace: str | None) -> Entries:
        bucket = self._buckets.get((group, plural), {})
        wanted = sorted(bucket) if namespace is None else [namespace]
        return [bucket[space][name] for space in wanted if space in bucket for name in sorted(bucket[space])]

    def put(self, key: Key, obj: Obj) -> Obj:
        """Store as is under the next revision and tell the listeners; uid and creationTimestamp are added when missing.

        An object equal to the stored one, revision aside, is no change: nothing is logged and the stored one returns.
        """
        with self.lock:
            entry = self.entry(key)
            meta = dict(obj.get("metadata") or {})
            old = None if entry is None else entry.obj
            if old is not None:
                meta["resourceVersion"] = old["metadata"]["resourceVersion"]
                if meta == old["metadata"] and {**obj, "metadata": meta} == old:
                    return old
            stored = {**obj, "metadata": self._identity(meta, old)}
            event = Event("ADDED" if old is None else "MODIFIED", key, stored, old, self.revision)
            self._buckets.setdefault((key[0], key[1]), {}).setdefault(key[2], {})[key[3]] = Entry(stored)
            self._record(event)
            return stored

    def _identity(self, meta: Obj, old: Obj | None) -> Obj:
        self.revision += 1
        known = {} if old is None else old["metadata"]
        if not meta.get("uid"):
            meta["uid"] = known.get("uid") or self.new_uid()
        if not meta.get("creationTimestamp"):
            meta["creationTimestamp"] = known.get("creationTimestamp") or stamp(self.clock.now())
        meta["resourceVersion"] = str(self.revision)
        return meta

    def remove(self, key: Key) -> None:
        """Forget the object under the next revision; nothing happens when it is not there."""
        with self.lock:
            entry = self.entry(key)
            if entry is None:
                return
            self.revision += 1
            names = self._buckets[key[0], key[1]][key[2]]
            del names[key[3]]
            if not names:
                del self._buckets[key[0], key[1]][key[2]]
            old = entry.obj
            last = {**old, "metadata": {**old["metadata"], "resourceVersion": str(self.revision)}}
            self._record(Event("DELETED", key, last, old, self.revision))

    def _record(self, event: Event) -> None:
        group, plural, namespace, _ = event.key
        self._orders.pop((group, plural, None), None)
        self._orders.pop((group, plural, namespace), None)
        self._log.append(event)
        if len(self._log) > self._log_limit:
            self.compact(self._log[len(self._log) // 2].revision)
        for listener in self._listeners:
            listener(event)
        self._changed.notify_all()

    def subscribe(self, listener: Callable[[Event], None]) -> None:
        """Call listener synchronously after each change, inside the lock."""
        self._listeners.append(listener)

    def fork(self, clock: Clock) -> Store:
        """A store with the same objects, revision, log and random state that goes its own way; nobody listens to it."""
        with self.lock:
            twin = Store(clock, log_limit=self._log_limit)
            twin.revision, twin._compacted, twin._log = self.revision, self._compacted, list(self._log)
            twin._random.setstate(self._random.getstate())
            for place, spaces in self._buckets.items():
                twin._buckets[place] = {space: dict(names) for space, names in spaces.items()}
            return twin

    def compact(self, revision: int) -> None:
        """Forget changes up to and including revision, as etcd's compaction does."""
        with self.lock:
            self._compacted = max(self._compacted, revision)
            self._log = [event for event in self._log if event.revision > self._compacted]

    @property
    def compacted(self) -> int:
        """The newest revision whose changes are forgotten; a watch may start at it, not before it."""
        return self._compacted

    def events_since(self, revision: int) -> Events:
        """Changes after revision, oldest first.

        Raises:
            Expired: the log does not reach back that far.
        """
        with self.lock:
            if revision < self._compacted:
                raise Expired(f"too old resource version: {revision} ({self._compacted})")
            first = len(self._log)
            while first and self._log[first - 1].revision > revision:
                first -= 1
            return self._log[first:]

    def wait(self, revision: int, timeout: float) -> bool:
        """Block until something changed after revision; False when timeout (real seconds) passed first."""
        with self._changed:
            return self._changed.wait_for(lambda: self.revision > revision, timeout)

    def new_uid(self) -> str:
        """A uid no other object has; the same sequence for the same seed."""
        with self.lock:
            bits = self._random.getrandbits(128) & _UUID_MASK | _UUID_VERSION
        text = f"{bits:032x}"
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def new_suffix(self, length: int = 5) -> str:
        """Letters for ``generateName``, from the alphabet the API server uses."""
        with self.lock:
            return "".join(self._random.choices("bcdfghjklmnpqrstvwxz2456789", k=length))
