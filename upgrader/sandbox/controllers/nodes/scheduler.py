"""The scheduler: every pod gets the fitting node with the fewest pods."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import ENDED, is_deleted, phase, with_condition
from upgrader.sandbox.controllers.index import PODS
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.controllers.nodes.fitting import fits
from upgrader.sandbox.store import Event, Key, Obj

NODES = ("", "nodes")
_NAME = "default-scheduler"


class Scheduler(Loop):
    """Binds pods; those that fit nowhere wait for the nodes to change."""

    user = "kube-scheduler"
    hears = frozenset({"pods", "nodes"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == PODS:
            if event.type != "DELETED" and not event.obj["spec"].get("nodeName"):
                self.queue.add(event.key)
        elif (event.key[:2] == NODES and not only_status(event)) or (
            event.key[:2] == NODES and event.old is not None and not event.old.get("status")
        ):
            self._wake()

    def _wake(self) -> None:
        for pod in self.store.list(*PODS):
            if not pod["spec"].get("nodeName"):
                self.queue.add((*PODS, pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def sync(self, key: Key) -> None:
        pod = self.store.get(key)
        if pod is None or is_deleted(pod) or phase(pod) in ENDED:
            return
        spec = pod["spec"]
        if spec.get("nodeName") or spec.get("schedulingGates") or spec.get("schedulerName", _NAME) != _NAME:
            return
        nodes = self.index.all(*NODES, "")
        fitting = [node["metadata"]["name"] for node in nodes if fits(spec, node)]
        if not fitting:
            self._refuse(key, pod, len(nodes))
            return
        best = min(fitting, key=lambda name: (len(self.index.on_node(name)), name))
        told = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
        bound = {**pod, "spec": {**spec, "nodeName": best}, "status": self._with(pod, told)}
        self.store.put(key, bound)

    def _refuse(self, key: Key, pod: Obj, nodes: int) -> None:
        message = f"0/{nodes} nodes are available: {nodes} node(s) did not accept the pod."
        told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
        self.cluster.write_status(key, pod, self._with(pod, told | {"lastProbeTime": None}))
        self.cluster.recorder.tell(pod, "FailedScheduling", message, source=_NAME, warning=True)

    def _with(self, pod: Obj, told: Obj) -> Obj:
        status = {"phase": "Pending", **(pod.get("status") or {})}
        conditions = with_condition(status.get("conditions") or (), told, self.cluster.stamp())
        return {**status, "conditions": conditions}
