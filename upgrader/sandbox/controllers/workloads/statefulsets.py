"""StatefulSets: pods with numbers, one after the other (pkg/controller/statefulset)."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import (
    ENDED,
    available_from,
    counters,
    is_deleted,
    is_ready,
    phase,
)
from upgrader.sandbox.controllers.index import PODS, controller_of
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.controllers.workloads import revisions
from upgrader.sandbox.controllers.workloads.adoption import claim
from upgrader.sandbox.controllers.workloads.numbered import Numbered, claims_of, ordinal_of, pod_at
from upgrader.sandbox.controllers.workloads.replicasets import RETRY
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Event, Key, Obj

SETS = ("apps", "statefulsets")


class StatefulSets(Loop):
    """Creates in rising, deletes and updates in falling order, and waits for each pod unless told otherwise."""

    user = "statefulset-controller"
    hears = frozenset({"statefulsets", "pods"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == SETS:
            if not only_status(event):
                self.queue.add(event.key)
        elif event.key[:2] == PODS:
            owner = controller_of(event.obj)
            if owner is not None and owner["kind"] == "StatefulSet":
                self.queue.add((*SETS, event.key[2], owner["name"]))

    def sync(self, key: Key) -> None:
        obj = self.store.get(key)
        if obj is None or is_deleted(obj):
            return
        claim(self.cluster, obj, PODS, obj["spec"]["selector"])
        look = self._look(obj)
        try:
            self._step(look)
        except ApiError as refusal:
            self.queue.after(key, RETRY)
            message = f"create Pod in StatefulSet {key[3]} failed error: {refusal.message}"
            self.cluster.recorder.tell(obj, "FailedCreate", message, source=self.user, warning=True)
        self._tell(key, self._look(obj))

    def _look(self, obj: Obj) -> Numbered:
        target = revisions.current(self.cluster, obj)
        former = (obj.get("status") or {}).get("currentRevision") or target["metadata"]["name"]
        known = {each["metadata"]["name"]: each for each in revisions.history(self.cluster, obj)}
        pods = self.index.controlled(obj["metadata"]["uid"], *PODS)
        return Numbered(obj, {ordinal_of(pod): pod for pod in pods}, known.get(former, target), target)

    def _step(self, look: Numbered) -> None:
        """One round: fill, then shrink, then update; stops where a pod has to be waited for."""
        if not self._fill(look):
            return
        for pod in look.condemned:
            if not is_deleted(pod):
                self._delete(pod)
            if look.ordered:
                return
        strategy = look.obj["spec"].get("updateStrategy") or {}
        if strategy.get("type") != "OnDelete":
            self._update(look)

    def _fill(self, look: Numbered) -> bool:
        """True when nothing has to be waited for."""
        path = f"/api/v1/namespaces/{look.obj['metadata']['namespace']}/pods"
        for ordinal in look.ordinals:
            pod = look.pods.get(ordinal)
            if pod is None:
                self._claim(look, ordinal)
                self.client.create(path, pod_at(look, ordinal))
            elif phase(pod) in ENDED and not is_deleted(pod):
                self._delete(pod)
            elif not is_deleted(pod) and self._is_available(look, pod):
                continue
            if look.ordered:
                return False
        return True

    def _update(self, look: Numbered) -> None:
        for ordinal in reversed(look.ordinals):
            pod = look.pods.get(ordinal)
            if ordinal < look.partition or pod is None:
                return
            if pod["metadata"]["labels"].get(revisions.HASH) != look.target["metadata"]["name"]:
                if not is_deleted(pod):
                    self._delete(pod)
                return
            if is_deleted(pod) or not self._is_available(look, pod):
                return

    def _is_available(self, look: Numbered, pod: Obj) -> bool:
        moment = available_from(pod, look.obj["spec"].get("minReadySeconds", 0))
        if moment is not None and moment > self.cluster.now():
            meta = look.obj["metadata"]
            self.queue.at((*SETS, meta["namespace"], meta["name"]), moment)
        return moment is not None and moment <= self.cluster.now()

    def _delete(self, pod: Obj) -> None:
        meta = pod["metadata"]
        self.client.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}")

    def _claim(self, look: Numbered, ordinal: int) -> None:
        for key, volume in claims_of(look, ordinal):
            if self.store.get(key) is None:
                self.store.put(key, volume)

    def _tell(self, key: Key, look: Numbered) -> None:
        obj = self.store.get(key)
        if obj is None:
            return
        former, target = look.former["metadata"]["name"], look.target["metadata"]["name"]
        # a pod keeps counting while it ends, as it does in the real controller's replicas
        present = [pod for pod in look.pods.values() if phase(pod) not in ENDED]
        living = [pod for pod in present if not is_deleted(pod)]
        ready = [pod for pod in present if is_ready(pod)]
        able = [pod for pod in ready if self._is_available(look, pod)]
        old, new = (sum(_is_of(pod, name) for pod in living) for name in (former, target))
        rolls = (obj["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate"
        if rolls and new == len(present) == len(ready):
            former, old = target, new
        status: Obj = {"replicas": len(present), "availableReplicas": len(able)}
        status |= {"currentRevision": former, "updateRevision": target, "collisionCount": 0}
        status |= counters(
            {
                "observedGeneration": obj["metadata"].get("generation", 0),
                "readyReplicas": len(ready),
                "currentReplicas": old,
                "updatedReplicas": new,
            }
        )
        self.cluster.write_status(key, obj, status)
        living_words = {pod["metadata"]["labels"].get(revisions.HASH, "") for pod in look.pods.values()}
        revisions.prune(self.cluster, obj, living_words | {former, target})


def _is_of(pod: Obj, revision: str) -> bool:
    return bool(pod["metadata"]["labels"].get(revisions.HASH) == revision)
