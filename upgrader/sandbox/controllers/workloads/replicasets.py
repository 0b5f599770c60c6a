"""ReplicaSets: as many pods as the specification says."""

from __future__ import annotations

from datetime import datetime

from upgrader.sandbox.controllers.conditions import (
    available_from,
    counters,
    is_active,
    is_ready,
    phase,
    with_condition,
    without_condition,
)
from upgrader.sandbox.controllers.index import PODS, controller_of
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.controllers.workloads.adoption import claim
from upgrader.sandbox.controllers.workloads.templates import pod_of
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Event, Key, Obj

SETS = ("apps", "replicasets")
RETRY = 2.0
"""Virtual seconds until a refused pod is tried again."""


class ReplicaSets(Loop):
    """Creates and deletes pods; what admission refuses is told in a condition and tried again."""

    user = "replicaset-controller"
    hears = frozenset({"replicasets", "pods"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == SETS:
            if not only_status(event):
                self.queue.add(event.key)
        elif event.key[:2] == PODS:
            self._pod_changed(event)

    def _pod_changed(self, event: Event) -> None:
        owner = controller_of(event.obj)
        if owner is None:
            if event.type == "ADDED" or (event.old and controller_of(event.old)):
                for each in self.index.all(*SETS, event.key[2]):
                    self.queue.add((*SETS, event.key[2], each["metadata"]["name"]))
        elif owner["kind"] == "ReplicaSet":
            self.queue.add((*SETS, event.key[2], owner["name"]))

    def sync(self, key: Key) -> None:
        obj = self.store.get(key)
        if obj is None:
            return
        why = ""
        if not obj["metadata"].get("deletionTimestamp"):
            claim(self.cluster, obj, PODS, obj["spec"]["selector"])
            why = self._fill(key, obj)
        self._tell(key, obj, why)

    def _pods(self, obj: Obj) -> list[Obj]:
        return [pod for pod in self.index.controlled(obj["metadata"]["uid"], *PODS) if is_active(pod)]

    def _fill(self, key: Key, obj: Obj) -> str:
        """Create or delete what is missing or too much; the words of the refusal if there was one."""
        pods = self._pods(obj)
        missing = obj["spec"].get("replicas", 1) - len(pods)
        path = f"/api/v1/namespaces/{key[2]}/pods"
        try:
            for _ in range(missing):
                self.client.create(path, pod_of(obj, obj["spec"]["template"]))
            for pod in sorted(pods, key=_worth)[: max(0, -missing)]:
                self.client.delete(f"{path}/{pod['metadata']['name']}")
        except ApiError as refusal:
            self.queue.after(key, RETRY)
            message = f"Error creating: {refusal.message}"
            self.cluster.recorder.tell(obj, "FailedCreate", message, source=self.user, warning=True)
            return refusal.message
        return ""

    def _tell(self, key: Key, obj: Obj, why: str) -> None:
        spec, pods, now = obj["spec"], self._pods(obj), self.cluster.now()
        ready = [pod for pod in pods if is_ready(pod)]
        moments = [available_from(pod, spec.get("minReadySeconds", 0)) for pod in ready]
        self._look_again(key, moments)
        labels = (spec["template"].get("metadata") or {}).get("labels") or {}
        full = [pod for pod in pods if labels.items() <= (pod["metadata"].get("labels") or {}).items()]
        status: Obj = {"replicas": len(pods)} | counters(
            {
                "fullyLabeledReplicas": len(full),
                "readyReplicas": len(ready),
                "availableReplicas": sum(moment is not None and moment <= now for moment in moments),
                "observedGeneration": obj["metadata"].get("generation", 0),
            }
        )
        conditions = _conditions(obj, why, self.cluster.stamp())
        self.cluster.write_status(key, obj, status | ({"conditions": conditions} if conditions else {}))

    def _look_again(self, key: Key, moments: list[datetime | None]) -> None:
        for moment in moments:
            if moment is not None and moment > self.cluster.now():
                self.queue.at(key, moment)


def _conditions(obj: Obj, why: str, now: str) -> list[Obj]:
    known = (obj.get("status") or {}).get("conditions") or []
    if not why:
        return without_condition(known, "ReplicaFailure")
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": why}
    return with_condition(known, failure, now)


def _worth(pod: Obj) -> tuple[bool, bool, bool, int, int, int]:
    """Sort key that puts first what is deleted first: unassigned, pending, not ready, cheap, restarted, young."""
    meta, status = pod["metadata"], pod.get("status") or {}
    cost = int((meta.get("annotations") or {}).get("controller.kubernetes.io/pod-deletion-cost", 0))
    restarts = sum(each.get("restartCount", 0) for each in status.get("containerStatuses") or ())
    age = int(meta["creationTimestamp"].translate(_DIGITS))
    assigned = bool(pod["spec"].get("nodeName"))
    return (assigned, phase(pod) == "Running", is_ready(pod), cost, -restarts, -age)


_DIGITS = str.maketrans("", "", "-:TZ")
