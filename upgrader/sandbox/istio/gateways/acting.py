"""The Gateway deployment controllers of all running istiods: each writes what it takes for its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Final

import orjson

from upgrader.model.ownership import old_has_drop
from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.loop import Queue, only_status
from upgrader.sandbox.istio.gateways.listeners import KINDS, left_out, parent_of
from upgrader.sandbox.istio.gateways.ownership import (
    BY_GATEWAYS,
    BY_WAYPOINTS,
    GROUP,
    REVISION,
    TAG,
    VERSION_NOTE,
    controller_of,
    controller_version,
    gateway_version,
    is_managed,
    is_owner,
    may_manage,
    name_of,
)
from upgrader.sandbox.istio.gateways.rendering import MANAGED, OF_GATEWAY, Plot, deployed_name, rendered
from upgrader.sandbox.istio.gateways.status import service_of, status_of
from upgrader.sandbox.istio.injection.settings import settings_of
from upgrader.sandbox.istio.planes import Istio, annotations_of, labels_of
from upgrader.sandbox.local import Local
from upgrader.sandbox.store import Event, Key, Obj

MANAGER: Final = "istio.io/gateway-controller"
"""Field manager of all that a revision applies for a Gateway; the same in every revision, so the last one wins."""
CADENCE: Final = 0.2
"""Virtual seconds between two rewrites while a Gateway has two owners (about five a second were seen)."""
_WATCH: Final = "emptied"
_PARTS: Final = {("apps", "deployments"), ("", "services"), ("", "serviceaccounts")}
_DEFINITION: Final = f"gateways.{GROUP}"

Emptied = tuple[datetime, str, str]
Fight = tuple[datetime, str, tuple[str, ...]]


class Gateways:
    """One for all revisions; every write is made as the istiod that would make it."""

    def __init__(
        self,
        cluster: Cluster,
        queue: Queue,
        alive: Callable[[], dict[str, Istio]],
        connect: Callable[[Istio], Local],
    ) -> None:
        self.cluster = cluster
        self.store = cluster.store
        self.queue = queue
        self.alive = alive
        self.connect = connect
        self.emptied: list[Emptied] = []
        self.fights: list[Fight] = []
        self.hidden: list[Emptied] = []
        self._empty: set[tuple[str, str]] = set()
        self._hiding: set[tuple[str, str, str]] = set()
        self._contested: dict[str, tuple[datetime, str]] = {}

    def inherit(self, other: Gateways) -> None:
        """Go on where those of the original world are."""
        self.emptied = list(other.emptied)
        self.fights = list(other.fights)
        self.hidden = list(other.hidden)
        self._empty = set(other._empty)
        self._hiding = set(other._hiding)
        self._contested = dict(other._contested)

    def changed(self, event: Event) -> None:
        """Mark the Gateways this change may concern."""
        group, plural, namespace, name = event.key
        if (group, plural) == (GROUP, "gateways"):
            self.queue.add(event.key)
        elif (group, plural) in KINDS:
            self._mark_parents(event.obj, event.old)
        elif group == "admissionregistration.k8s.io" or name == _DEFINITION:
            self.mark_all()
        elif (group, plural) == ("", "namespaces"):
            self.mark_all(name)
            self._mark_parents(*(o for kind in KINDS for o in self.store.list(*kind, name)))
        elif (group, plural) == ("", "pods"):
            self._mark_of(event.obj, watch=True)
        elif (group, plural) == ("", "endpoints"):
            self._mark_of(self.store.get(("", "services", namespace, name)))
        elif (group, plural) in _PARTS and not only_status(event):
            if TAG in labels_of(event.obj) or TAG in labels_of(event.old):
                self.mark_all()
            self._mark_of(event.obj)

    def mark_all(self, namespace: str | None = None) -> None:
        """All Gateways (of a namespace) are to be looked at."""
        for gateway in self.store.list(GROUP, "gateways", namespace):
            meta = gateway["metadata"]
            self.queue.add((GROUP, "gateways", meta["namespace"], meta["name"]))

    def _mark_parents(self, *listeners: Obj | None) -> None:
        """Gateways to which listeners are added are to be looked at, though their owner has nothing to write."""
        for each in filter(None, listeners):
            namespace, _, name = parent_of(each).partition("/")
            self.queue.add((_WATCH, "gateways", namespace, name))

    def _mark_of(self, part: Obj | None, *, watch: bool = False) -> None:
        name = labels_of(part).get(OF_GATEWAY)
        if part is not None and name:
            self.queue.add((_WATCH if watch else GROUP, "gateways", part["metadata"]["namespace"], name))

    def sync(self, key: Key) -> None:
        """Let the owners of one Gateway act."""
        gateway = self.store.get((GROUP, *key[1:]))
        if gateway is None:
            return
        alive = self.alive()
        owners = [r for r in sorted(alive) if is_owner(self.store, gateway, alive[r])]
        self._note_emptied(gateway, owners, alive)
        self._note_hidden(gateway, alive)
        controller = controller_of(self.store, gateway)
        if key[0] == _WATCH or controller not in {BY_GATEWAYS, BY_WAYPOINTS}:
            return
        owner = self._turn(key, gateway, owners)
        if owner:
            self._act(gateway, alive[owner], waypoint=controller == BY_WAYPOINTS)

    def _turn(self, key: Key, gateway: Obj, owners: list[str]) -> str:
        """Which owner writes now; of two, each undoes the other at the pace of `CADENCE`."""
        uid = gateway["metadata"]["uid"]
        if len(owners) < 2:
            self._contested.pop(uid, None)
            return owners[0] if owners else ""
        now = self.cluster.now()
        moment, last = self._contested.get(uid, (None, ""))
        if moment is None:
            self.fights.append((now, name_of(gateway), tuple(owners)))
        elif now < moment:
            self.queue.at(key, moment)
            return ""
        following = owners[(owners.index(last) + 1) % len(owners)] if last in owners else owners[-1]
        moment = now + timedelta(seconds=CADENCE)
        self._contested[uid] = (moment, following)
        self.queue.at(key, moment)
        return following

    def _act(self, gateway: Obj, istiod: Istio, *, waypoint: bool) -> None:
        client = self.connect(istiod)
        api = gateway_version(self.store, "gateways")
        meta = gateway["metadata"]
        path = f"/apis/{GROUP}/{api}/namespaces/{meta['namespace']}/gateways/{meta['name']}"
        if is_managed(gateway):
            if not may_manage(gateway, istiod):
                return
            self._mark_version(client, path, gateway, istiod, api)
            settings = settings_of(self.store, istiod)
            for part in rendered(Plot(gateway, istiod, settings, waypoint=waypoint)):
                self._apply(client, part)
        self._tell_status(client, path, gateway, istiod, waypoint=waypoint)

    def _mark_version(self, client: Local, path: str, gateway: Obj, istiod: Istio, api: str) -> None:
        own = controller_version(istiod)
        if own is None or annotations_of(gateway).get(VERSION_NOTE) == str(own):
            return
        meta = {key: gateway["metadata"][key] for key in ("name", "namespace")}
        mark = {"apiVersion": f"{GROUP}/{api}", "kind": "Gateway"}
        client.apply(
            path, mark | {"metadata": meta | {"annotations": {VERSION_NOTE: str(own)}}}, MANAGER, force=True
        )

    def _apply(self, client: Local, part: Obj) -> None:
        """Server-side apply by force, unless somebody else made an object of that name."""
        group, _, version = part["apiVersion"].rpartition("/")
        plural, meta = f"{part['kind'].lower()}s", part["metadata"]
        stored = self.store.get((group, plural, meta["namespace"], meta["name"]))
        if stored is not None and MANAGED not in labels_of(stored):
            return
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        client.apply(
            f"{root}/namespaces/{meta['namespace']}/{plural}/{meta['name']}", part, MANAGER, force=True
        )

    def _tell_status(self, client: Local, path: str, gateway: Obj, istiod: Istio, *, waypoint: bool) -> None:
        """Written by the owner only when the content differs, so a change of owner alone does not show."""
        service = service_of(gateway, deployed_name(gateway, istiod, waypoint=waypoint))
        status = status_of(self.store, gateway, service, self.cluster.stamp())
        if status != gateway.get("status"):
            client.patch(f"{path}/status", orjson.dumps({"status": status}), "application/merge-patch+json")

    def _note_emptied(self, gateway: Obj, owners: list[str], alive: Mapping[str, Istio]) -> None:
        """Remember every istiod that lives, is no owner, and has the fault, while a pod still asks it."""
        if controller_of(self.store, gateway) == BY_WAYPOINTS:
            return
        uid = gateway["metadata"]["uid"]
        asking = {annotations_of(pod).get(REVISION, "") for pod in self._pods_of(gateway)}
        for revision, istiod in alive.items():
            told = (uid, revision)
            if revision in owners or revision not in asking or not old_has_drop(istiod.version):
                self._empty.discard(told)
            elif told not in self._empty:
                self._empty.add(told)
                self.emptied.append((self.cluster.now(), name_of(gateway), revision))

    def _note_hidden(self, gateway: Obj, alive: Mapping[str, Istio]) -> None:
        """Remember every istiod that leaves listeners of the Gateway out, while a pod of it asks that istiod."""
        if controller_of(self.store, gateway) != BY_GATEWAYS:
            return
        name = name_of(gateway)
        asking = {annotations_of(pod).get(REVISION, "") for pod in self._pods_of(gateway)} & alive.keys()
        found = {(name, r, one) for r in asking for one in left_out(self.store, gateway, alive[r])}
        known = {one for one in self._hiding if one[0] == name}
        self._hiding = (self._hiding - known) | found
        self.hidden += [(self.cluster.now(), one, revision) for _, revision, one in sorted(found - known)]

    def _pods_of(self, gateway: Obj) -> Iterator[Obj]:
        """Pods that serve the Gateway: its own, or those behind the Service its address names."""
        namespace, selector = gateway["metadata"]["namespace"], {OF_GATEWAY: gateway["metadata"]["name"]}
        if not is_managed(gateway):
            namespace, _, name = service_of(gateway, "").partition("/")
            service = self.store.get(("", "services", namespace, name)) or {}
            selector = (service.get("spec") or {}).get("selector") or {"": ""}
        for pod in self.store.list("", "pods", namespace):
            if "deletionTimestamp" not in pod["metadata"] and selector.items() <= labels_of(pod).items():
                yield pod
