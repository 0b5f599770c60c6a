"""CustomResourceDefinitions: their names are accepted, their resources served and in the end emptied."""

from __future__ import annotations

from upgrader.sandbox.api.definitions import resource_of_crd
from upgrader.sandbox.api.kinds.catalogue import Catalogue
from upgrader.sandbox.controllers.cluster import Cluster, after
from upgrader.sandbox.controllers.conditions import holds, is_deleted, with_condition
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.store import Event, Key, Obj

DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class Definitions(Loop):
    """A definition is established a moment after it was created, not in the answer to its creation."""

    user = "customresource-controller"
    hears = frozenset({"customresourcedefinitions"})
    hears_ends = True

    def __init__(self, cluster: Cluster, catalogue: Catalogue) -> None:
        super().__init__(cluster)
        self._catalogue = catalogue

    def changed(self, event: Event) -> None:
        if event.key[:2] == DEFINITIONS:
            if event.type == "DELETED":
                self._drop(event.obj)
            elif not only_status(event):
                self.queue.add(event.key)
        elif event.type == "DELETED" and event.key[:2] in self._catalogue.custom:
            self.queue.add((*DEFINITIONS, "", f"{event.key[1]}.{event.key[0]}"))

    def sync(self, key: Key) -> None:
        definition = self.store.get(key)
        if definition is None:
            self._clear(key)
        elif is_deleted(definition):
            self._end(key, definition)
        else:
            self._establish(key, definition)

    def _establish(self, key: Key, definition: Obj) -> None:
        now = self.cluster.stamp()
        moment = after(definition["metadata"]["creationTimestamp"], self.cluster.timings.established_after)
        known = definition.get("status") or {}
        established = holds(definition, "Established") or moment <= self.cluster.now()
        told = [("NamesAccepted", "NoConflicts", "no conflicts found")]
        if established:
            told.append(("Established", "InitialNamesAccepted", "the initial names have been accepted"))
        else:
            self.queue.at(key, moment)
        conditions = list(known.get("conditions") or ())
        for kind, reason, message in told:
            said = {"type": kind, "status": "True", "reason": reason, "message": message}
            conditions = with_condition(conditions, said, now)
        names = definition["spec"]["names"]
        stored = list(known.get("storedVersions") or ())
        current = next(v["name"] for v in definition["spec"]["versions"] if v.get("storage"))
        status = {
            "acceptedNames": {"singular": names["kind"].lower(), "listKind": f"{names['kind']}List", **names},
            "conditions": conditions,
            "storedVersions": stored if current in stored else [*stored, current],
        }
        written = self.cluster.write_status(key, definition, {**known, **status})
        if established:
            self._serve(written)

    def _serve(self, definition: Obj) -> None:
        resource = resource_of_crd(definition)
        if self._catalogue.custom.get((resource.group, resource.plural)) != resource:
            self._catalogue.put(resource)

    def _instances(self, definition: Obj) -> list[tuple[Key, Obj]]:
        spec = definition["spec"]
        place = (spec["group"], spec["names"]["plural"])
        found = []
        for obj in self.store.list(*place):
            meta = obj["metadata"]
            found.append(((*place, meta.get("namespace") or "", meta["name"]), obj))
        return found

    def _end(self, key: Key, definition: Obj) -> None:
        """Instances go first; where their finalizers hold them, the definition stays."""
        for place, obj in self._instances(definition):
            self.cluster.doom(place, obj)
        if not self._instances(definition):
            self.cluster.release(key, definition, CLEANUP)

    def _drop(self, definition: Obj) -> None:
        """No longer served; whatever is left of its objects is gone with it."""
        spec = definition["spec"]
        self._catalogue.drop(spec["group"], spec["names"]["plural"])
        self.queue.add((*DEFINITIONS, "", definition["metadata"]["name"]))

    def _clear(self, key: Key) -> None:
        plural, _, group = key[3].partition(".")
        for obj in self.store.list(group, plural):
            meta = obj["metadata"]
            self.store.remove((group, plural, meta.get("namespace") or "", meta["name"]))
