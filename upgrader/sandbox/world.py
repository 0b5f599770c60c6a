"""A whole cluster in memory: API server, controllers, istiods and the clock they all live by."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import yaml

from upgrader.sandbox.api.direct import Direct
from upgrader.sandbox.clock import EPOCH, Clock, VirtualClock
from upgrader.sandbox.controllers.cluster import Cluster, Timings
from upgrader.sandbox.controllers.conditions import holds
from upgrader.sandbox.controllers.index import Index
from upgrader.sandbox.controllers.loop import Controller
from upgrader.sandbox.controllers.nodes.furniture import furnish
from upgrader.sandbox.controllers.roster import server_side, whole
from upgrader.sandbox.istio.answers import PodAnswers
from upgrader.sandbox.istio.controller import IstioController
from upgrader.sandbox.istio.webhooks.admission import Webhooks
from upgrader.sandbox.local import Local
from upgrader.sandbox.rest import Api
from upgrader.sandbox.store import Event, Obj, Store

_ROUNDS = 2_000
_PATIENCE = 60.0
_TIMINGS = Timings()


class NeverSettles(Exception):
    """Controllers kept changing things without end: two of them undo each other."""


class World:
    """One cluster.

    Args:
        kubernetes: Its version, ``1.33`` or ``1.33.2``.
        clock: Virtual unless told otherwise.
        seed: Decides uids and generated names; the same requests in the same order then give the same world.
        timings: How long pods take.
        lag: Virtual seconds until a change reaches the controllers; 0 hides races that a real cluster has.
        controllers: Without them nothing happens by itself, but that definitions are established.
        nodes: How many nodes there are from the start.
        former: A world to go on from, for ``fork``.

    Attributes:
        store: All objects.
        api: The door to them.
        audit: Who knocked.
        troubles: What goes wrong with pods.
        istio: The istiods; None in a world without controllers.
        cluster: What the controllers share.
        controllers: In the order they take their turns.
    """

    def __init__(
        self,
        *,
        kubernetes: str = "1.33",
        clock: Clock | None = None,
        seed: int = 0,
        timings: Timings = _TIMINGS,
        lag: float = 0.0,
        controllers: bool = True,
        nodes: int = 1,
        former: World | None = None,
    ) -> None:
        self.kubernetes = kubernetes
        clock = clock or VirtualClock()
        self.store: Store = Store(clock, seed=seed) if former is None else former.store.fork(clock)
        self.index: Index = Index() if former is None else former.index.copy()
        self.clock = clock
        self.api = Api(self.store, kubernetes=kubernetes)
        self.api.admission = Webhooks(self.store, kubernetes=kubernetes)
        self.api.proxy = PodAnswers(self.store)
        self.audit = self.api.audit
        self.cluster = Cluster(self.store, self.index, self.local, timings, lag=lag)
        self.troubles = self.cluster.troubles
        self.istio = IstioController(self.cluster) if controllers else None
        self.controllers = self._controllers()
        self._woken: datetime | None = None
        self._listeners: dict[tuple[str, bool], list[Controller]] = {}
        self.store.subscribe(self._note)
        if former is not None:
            self._inherit(former)
        elif controllers:
            furnish(self.store, kubernetes, nodes)
            self.settle()

    def _controllers(self) -> list[Controller]:
        if self.istio is None:
            return server_side(self.cluster, self.api.catalogue)
        return [*whole(self.cluster, self.api.catalogue, self.kubernetes), self.istio]

    def _note(self, event: Event) -> None:
        self.index.note(event)
        if event.key[1] == "events":
            return
        for controller in self._listening(event):
            controller.changed(event)

    def _listening(self, event: Event) -> list[Controller]:
        """Who must be told of a change, in the order they take their turns."""
        word = (event.key[1], event.type == "DELETED")
        found = self._listeners.get(word)
        if found is None:
            plural, ended = word
            found = [
                each
                for each in self.controllers
                if each.hears is None or plural in each.hears or (ended and each.hears_ends)
            ]
            self._listeners[word] = found
        return found

    def settle(self) -> None:
        """Let the controllers work until nothing is dirty or due; time stands still.

        Raises:
            NeverSettles: they do not come to an end.
        """
        with self.store.lock:
            self._wake()
            agenda = self.cluster.agenda
            for _ in range(_ROUNDS):
                if not agenda:
                    return
                for each in self.controllers:
                    if each.queue in agenda:
                        each.reconcile()
            busy = [type(each).__name__ for each in self.controllers if each.queue in agenda]
        raise NeverSettles(f"after {_ROUNDS} rounds still at work: {', '.join(busy)}")

    def _wake(self) -> None:
        """Timers fall due only when time has passed."""
        now = self.clock.now()
        if now != self._woken:
            self._woken = now
            for each in self.controllers:
                each.queue.wake(now)

    def next_due(self) -> datetime | None:
        """The earliest moment something happens by itself; None when nothing ever does."""
        moments = (each.next_due() for each in self.controllers)
        return min((moment for moment in moments if moment is not None), default=None)

    def advance(self, seconds: float) -> None:
        """Let virtual time pass, stopping at every moment something is due.

        Raises:
            TypeError: the clock is not virtual.
            ValueError: seconds is negative.
        """
        clock = self.clock
        if not isinstance(clock, VirtualClock):
            raise TypeError("only a virtual clock can be advanced")
        if seconds < 0:
            raise ValueError(f"time does not go back: {seconds}")
        with self.store.lock:
            end = clock.now() + timedelta(seconds=seconds)
            self.settle()
            while (moment := self.next_due()) is not None and moment <= end:
                clock.advance(max(0.0, (moment - clock.now()).total_seconds()))
                self.settle()
            clock.advance((end - clock.now()).total_seconds())

    def step(self) -> float | None:
        """Do what is due now.

        Returns:
            Seconds of the world's clock until the next time something is; None when nothing is.
        """
        with self.store.lock:
            self.settle()
            moment = self.next_due()
            return None if moment is None else max(0.0, (moment - self.clock.now()).total_seconds())

    def local(self, user: str = "admin", agent: str = "kubectl") -> Local:
        """A client in this process; the world moves only when told to."""
        return Local(self.api, user, agent)

    def transport(self, user: str = "admin", agent: str = "upgrade") -> Direct:
        """A door without a socket, for the product's own client."""
        return Direct(self.api, self._moved, user, agent)

    def _moved(self) -> None:
        """A write of a synchronous client: what needs no time happens before the answer comes back."""
        if isinstance(self.clock, VirtualClock):
            self.settle()

    def fork(self, clock: Clock | None = None) -> World:
        """An independent copy that goes on from this moment: time, seed, troubles, permissions and audit included.

        Objects are shared, because nobody changes them; the controllers have in hand what those of the original have.
        """
        with self.store.lock:
            return World(
                kubernetes=self.kubernetes,
                clock=clock or VirtualClock(self.clock.now()),
                timings=self.cluster.timings,
                lag=self.cluster.lag,
                controllers=self.istio is not None,
                former=self,
            )

    def _inherit(self, other: World) -> None:
        self.api.rbac.copy_from(other.api.rbac)
        self.audit.entries.extend(other.audit.entries)
        for resource in other.api.catalogue.custom.values():
            self.api.catalogue.put(resource)
        self.troubles.copy_from(other.troubles)
        self.cluster.recorder.copy_from(other.cluster.recorder)
        for mine, theirs in zip(self.controllers, other.controllers, strict=True):
            mine.inherit(theirs)


class WorldClock:
    """The product's clock in a virtual world: whoever waits lets the world live as long."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self) -> datetime:
        """The virtual moment, aware UTC."""
        return self._world.clock.now()

    def sleep(self, seconds: float) -> None:
        """Let the world live for so long."""
        self._world.advance(max(0.0, seconds))

    def boottime(self) -> float:
        """Virtual seconds since a fixed moment."""
        return (self._world.clock.now() - EPOCH).total_seconds()


def apply_manifests(world: World, text: str, manager: str = "kubectl") -> None:
    """Apply a multi-document text server-side: definitions first and, once they are established, the rest in order.

    Raises:
        ApiError: the API server refused an object.
        KeyError: nobody serves a kind.
        NeverSettles: a definition is not established within a minute.
    """
    objects = list(_objects(yaml.load_all(text, Loader=yaml.CSafeLoader)))
    local = world.local("admin", manager)
    definitions = [obj for obj in objects if obj["kind"] == "CustomResourceDefinition"]
    for obj in definitions:
        local.apply(path_of(world, obj), obj, manager, force=True)
    _await(world, {obj["metadata"]["name"] for obj in definitions})
    for obj in objects:
        if obj["kind"] != "CustomResourceDefinition":
            local.apply(path_of(world, obj), obj, manager, force=True)
    world.settle()


def path_of(world: World, obj: Obj) -> str:
    """The URL path of an object.

    Raises:
        KeyError: nobody serves its kind.
    """
    group, _, version = obj["apiVersion"].rpartition("/")
    resource = world.api.catalogue.by_kind(group, obj["kind"])
    if resource is None:
        raise KeyError(f"{obj['apiVersion']} {obj['kind']} is not served")
    root = f"/apis/{group}/{version}" if group else f"/api/{version}"
    place = f"/namespaces/{obj['metadata'].get('namespace') or 'default'}" if resource.namespaced else ""
    return f"{root}{place}/{resource.plural}/{obj['metadata']['name']}"


def _objects(documents: Iterator[Obj]) -> Iterator[Obj]:
    for document in documents:
        if document and document.get("kind") == "List":
            yield from document["items"]
        elif document:
            yield document


def _await(world: World, names: set[str]) -> None:
    """Step by step, so that time does not run past the moment of establishment."""
    world.settle()
    end = world.clock.now() + timedelta(seconds=_PATIENCE)
    while any(not _established(world, name) for name in names):
        moment = world.next_due()
        if moment is None or moment > end:
            raise NeverSettles(f"not established: {', '.join(sorted(names))}")
        world.advance((moment - world.clock.now()).total_seconds())


def _established(world: World, name: str) -> bool:
    found = world.store.get(("apiextensions.k8s.io", "customresourcedefinitions", "", name))
    return found is not None and holds(found, "Established")
