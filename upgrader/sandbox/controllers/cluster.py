"""What all controllers share: the store and its index, the clock, clients to write with, and the event recorder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from upgrader.sandbox.clock import parse_stamp, stamp
from upgrader.sandbox.controllers.index import Index
from upgrader.sandbox.controllers.recorder import Recorder
from upgrader.sandbox.controllers.trouble import Troubles
from upgrader.sandbox.local import Local
from upgrader.sandbox.store import Key, Obj, Store

Agenda = set[Any]
"""Queues (``controllers.loop``) whose turn it is."""

ACCOUNTS = "system:serviceaccount:kube-system:"


@dataclass(frozen=True, slots=True)
class Timings:
    """Virtual seconds.

    Attributes:
        ready_after: From the creation of a pod until it is Ready.
        terminate_after: From the deletion of a running pod until it is gone; its grace period is the upper bound.
        runs_for: How long the containers of a Job's pod run unless an annotation says otherwise.
        established_after: From the creation of a CustomResourceDefinition until its resource is served.
    """

    ready_after: float = 2.0
    terminate_after: float = 1.0
    runs_for: float = 5.0
    established_after: float = 0.2


class Cluster:
    """One per world; controllers read the store through it and write status past the API, pods by clients.

    Attributes:
        keep_orphans: Objects whose owners never existed are left alone by garbage collection.
        lag: Virtual seconds until a change reaches the controllers.
        agenda: Queues with keys in hand that are dirty or due.
    """

    def __init__(
        self,
        store: Store,
        index: Index,
        connect: Callable[[str, str], Local],
        timings: Timings,
        *,
        keep_orphans: bool = False,
        lag: float = 0.0,
    ) -> None:
        self.store = store
        self.clock = store.clock
        self.index = index
        self.timings = timings
        self.keep_orphans = keep_orphans
        self.lag = lag
        self.agenda: Agenda = set()
        self.troubles = Troubles(store, index)
        self.recorder = Recorder(store)
        self._connect = connect

    def acting_as(self, account: str) -> Local:
        """A client of a service account in kube-system, whose writes pass admission."""
        return self._connect(ACCOUNTS + account, "kube-controller-manager")

    def connected(self, user: str, agent: str) -> Local:
        """A client of any user; the first word of *agent* is the field manager of its updates."""
        return self._connect(user, agent)

    def now(self) -> datetime:
        """The moment, aware UTC, with fractions."""
        return self.clock.now()

    def stamp(self) -> str:
        """The moment as objects carry it: whole seconds."""
        return stamp(self.clock.now())

    def since(self, text: str) -> float:
        """Virtual seconds since a timestamp of an object."""
        return (self.clock.now() - parse_stamp(text)).total_seconds()

    def write_status(self, key: Key, obj: Obj, status: Obj) -> Obj:
        """Store another status; metadata.generation stays. Nothing happens when the status is equal."""
        if obj.get("status") == status:
            return obj
        return self.store.put(key, {**obj, "status": status})

    def write_spec(self, key: Key, obj: Obj, spec: Obj, annotations: Obj | None = None) -> Obj:
        """Store another spec, and annotations if given; the generation goes up when the spec differs."""
        meta = obj["metadata"]
        if annotations is not None and annotations != meta.get("annotations"):
            meta = {**meta, "annotations": annotations}
        if spec != obj["spec"]:
            meta = {**meta, "generation": meta.get("generation", 0) + 1}
        return self.store.put(key, {**obj, "metadata": meta, "spec": spec})

    def doom(self, key: Key, obj: Obj) -> None:
        """Delete in the background, past the API: at once, or marked when finalizers hold the object."""
        meta = obj["metadata"]
        if not meta.get("finalizers"):
            self.store.remove(key)
        elif not meta.get("deletionTimestamp"):
            marks = {"deletionTimestamp": self.stamp(), "deletionGracePeriodSeconds": 0}
            self.store.put(key, {**obj, "metadata": {**meta, **marks}})

    def release(self, key: Key, obj: Obj, finalizer: str) -> None:
        """Drop a finalizer; the object goes when it is deleted and this was its last."""
        meta = dict(obj["metadata"])
        left = [each for each in meta.pop("finalizers", None) or () if each != finalizer]
        if meta.get("deletionTimestamp") and not left:
            self.store.remove(key)
            return
        self.store.put(key, {**obj, "metadata": meta | ({"finalizers": left} if left else {})})


def after(text: str, seconds: float) -> datetime:
    """The moment some seconds after a timestamp of an object."""
    return parse_stamp(text) + timedelta(seconds=seconds)
