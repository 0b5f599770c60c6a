"""The shape of every controller: keys that became dirty, keys that are due, one sync for each."""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol

from upgrader.sandbox.clock import Clock
from upgrader.sandbox.controllers.cluster import Agenda, Cluster
from upgrader.sandbox.store import Event, Key


class Controller(Protocol):
    """What the world drives.

    Attributes:
        queue: What it has in hand.
        hears: Plurals of the kinds whose changes it must be told of; None for all.
        hears_ends: It must be told of every removal, whatever the kind.
    """

    @property
    def queue(self) -> Queue: ...

    @property
    def hears(self) -> frozenset[str] | None: ...

    @property
    def hears_ends(self) -> bool: ...

    def changed(self, event: Event) -> None:
        """Note what a change may mean; must not write."""

    def reconcile(self) -> None:
        """Work through what is dirty or due, once."""

    def next_due(self) -> datetime | None:
        """The earliest moment something happens without a further change."""

    def inherit(self, other: Any) -> None:
        """In a forked world: know what the controller of the original knows, and have in hand what it has."""


class Queue:
    """Dirty keys in order of arrival, and at most one timer per key: the earliest asked for."""

    def __init__(self, clock: Clock, agenda: Agenda, lag: float = 0.0) -> None:
        self._clock = clock
        self._agenda = agenda
        self._lag = lag
        self._dirty: dict[Key, None] = {}
        self._timers: dict[Key, datetime] = {}
        self._heap: list[tuple[datetime, Key]] = []

    def copy_from(self, other: Queue) -> None:
        """Have the same keys in hand, dirty or due at the same moments."""
        self._dirty, self._timers, self._heap = dict(other._dirty), dict(other._timers), list(other._heap)
        if self._dirty:
            self._agenda.add(self)

    def add(self, key: Key) -> None:
        """To be looked at in the next round, or, where news travels slowly, after the lag."""
        if self._lag:
            self.after(key, self._lag)
        else:
            self._dirty[key] = None
            self._agenda.add(self)

    def at(self, key: Key, moment: datetime) -> None:
        """To be looked at again at a moment, unless an earlier look is already planned.

        Whoever syncs a key asks anew for what lies ahead, so that later moments need no memory here.
        """
        known = self._timers.get(key)
        if known is None or moment < known:
            self._timers[key] = moment
            heapq.heappush(self._heap, (moment, key))
            if moment <= self._clock.now():
                self._agenda.add(self)

    def after(self, key: Key, seconds: float) -> None:
        """To be looked at again after some virtual seconds."""
        self.at(key, self._clock.now() + timedelta(seconds=seconds))

    def wake(self, now: datetime) -> None:
        """Put itself on the agenda if a timer may be due."""
        if self._heap and self._heap[0][0] <= now:
            self._agenda.add(self)

    def take(self) -> list[Key]:
        """All keys that are dirty or due; they are then neither."""
        self._agenda.discard(self)
        now = self._clock.now()
        while (due := self.next_due()) is not None and due <= now:
            _, key = heapq.heappop(self._heap)
            del self._timers[key]
            self._dirty[key] = None
        if not self._dirty:
            return []
        taken = list(self._dirty)
        self._dirty.clear()
        return taken

    def next_due(self) -> datetime | None:
        """The earliest timer."""
        while self._heap:
            moment, key = self._heap[0]
            if self._timers.get(key) == moment:
                return moment
            heapq.heappop(self._heap)
        return None


def only_status(event: Event) -> bool:
    """Whether a change touched neither the specification nor labels, annotations, owners, finalizers or the deletion.

    Controllers that write a status need not look at their own objects again for it.
    """
    if event.old is None or event.type == "DELETED":
        return False
    old, new = event.old, event.obj
    if old.get("spec") is not new.get("spec") and old.get("spec") != new.get("spec"):
        return False
    return all(old["metadata"].get(word) == new["metadata"].get(word) for word in _TELLING)


_TELLING = ("deletionTimestamp", "labels", "annotations", "ownerReferences", "finalizers")


class Loop(ABC):
    """A controller that syncs one key at a time."""

    user: ClassVar[str]
    """Name of the service account in kube-system it acts as."""

    hears: ClassVar[frozenset[str] | None]
    """Plurals of the kinds whose changes may concern it; None for all."""

    hears_ends: ClassVar[bool] = False
    """The removal of anything may concern it."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.store = cluster.store
        self.index = cluster.index
        self.queue = Queue(cluster.clock, cluster.agenda, cluster.lag)
        self.client = cluster.acting_as(self.user)

    @abstractmethod
    def changed(self, event: Event) -> None:
        """Mark the keys this change may concern."""

    @abstractmethod
    def sync(self, key: Key) -> None:
        """Bring one object nearer to what its spec says."""

    def reconcile(self) -> None:
        """Sync every key that is dirty or due."""
        for key in self.queue.take():
            self.sync(key)

    def next_due(self) -> datetime | None:
        """The earliest timer."""
        return self.queue.next_due()

    def inherit(self, other: Loop) -> None:
        """All that is known is in the store, but for what is dirty or due."""
        self.queue.copy_from(other.queue)
