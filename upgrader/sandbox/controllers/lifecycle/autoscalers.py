"""HorizontalPodAutoscalers: their status is told, their targets are left alone."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import counters, is_deleted, with_condition
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.store import Event, Key, Obj

AUTOSCALERS = ("autoscaling", "horizontalpodautoscalers")
_TARGETS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "ReplicaSet": "replicasets"}


class Autoscalers(Loop):
    """Says how many replicas the target has; there are no metrics, so nothing is ever scaled."""

    user = "horizontal-pod-autoscaler"
    hears = frozenset({"horizontalpodautoscalers", *_TARGETS.values()})

    def changed(self, event: Event) -> None:
        if event.key[:2] == AUTOSCALERS:
            if not only_status(event):
                self.queue.add(event.key)
        elif event.key[0] == "apps" and event.key[1] in _TARGETS.values():
            for each in self.index.all(*AUTOSCALERS, event.key[2]):
                if each["spec"]["scaleTargetRef"]["name"] == event.key[3]:
                    self.queue.add((*AUTOSCALERS, event.key[2], each["metadata"]["name"]))

    def sync(self, key: Key) -> None:
        scaler = self.store.get(key)
        if scaler is None or is_deleted(scaler):
            return
        reference = scaler["spec"]["scaleTargetRef"]
        plural = _TARGETS.get(reference["kind"], "")
        target = self.store.get(("apps", plural, key[2], reference["name"]))
        able = (
            ("True", "SucceededGetScale", "the HPA controller was able to get the target's current scale")
            if target is not None
            else (
                "False",
                "FailedGetScale",
                "the HPA controller was unable to get the target's current scale",
            )
        )
        self.cluster.write_status(key, scaler, self._status(scaler, target, able))

    def _status(self, scaler: Obj, target: Obj | None, able: tuple[str, str, str]) -> Obj:
        current = 0 if target is None else int((target.get("status") or {}).get("replicas", 0))
        wanted = 0 if target is None else int(target["spec"].get("replicas", 1))
        state, reason, message = able
        said = {"type": "AbleToScale", "status": state, "reason": reason, "message": message}
        known = (scaler.get("status") or {}).get("conditions") or ()
        conditions = with_condition(known, said, self.cluster.stamp())
        return counters({"currentReplicas": current}) | {"desiredReplicas": wanted, "conditions": conditions}
