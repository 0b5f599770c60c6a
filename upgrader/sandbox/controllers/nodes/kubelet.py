"""The kubelets of all nodes: pods start, get ready, go wrong as told, end and disappear."""

from __future__ import annotations

from datetime import datetime, timedelta

from upgrader.sandbox.clock import parse_stamp, stamp
from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.conditions import ENDED, condition, is_deleted, phase, with_condition
from upgrader.sandbox.controllers.index import PODS, controller_of
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.controllers.nodes.containers import UNSET_IMAGE
from upgrader.sandbox.controllers.nodes.life import Look, Plan, broken_by, look
from upgrader.sandbox.controllers.nodes.scheduler import NODES
from upgrader.sandbox.controllers.trouble import ANNOTATION, Trouble
from upgrader.sandbox.store import Event, Key, Obj

RUNS_FOR = "sandbox.upgrader/runs-for"
_OWNERS = frozenset({"deployments", "statefulsets", "daemonsets", "replicasets", "jobs", "cronjobs"})


class Kubelet(Loop):
    """Writes the status of bound pods and removes deleted ones when their time is over."""

    user = "node-controller"
    hears = _OWNERS | {"pods"}

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster)
        cluster.troubles.subscribe(self._mark)

    def changed(self, event: Event) -> None:
        if event.key[:2] == PODS:
            spec = event.obj["spec"]
            if event.type == "DELETED" or not spec.get("nodeName"):
                return
            if not only_status(event) or spec.get("readinessGates"):
                self.queue.add(event.key)
        elif event.key[1] in _OWNERS and _word(event.obj) != _word(event.old):
            self._mark(event.key[2])

    def _mark(self, namespace: str) -> None:
        for pod in self.index.all(*PODS, namespace):
            if pod["spec"].get("nodeName"):
                self.queue.add((*PODS, namespace, pod["metadata"]["name"]))

    def sync(self, key: Key) -> None:
        pod = self.store.get(key)
        if pod is None or not pod["spec"].get("nodeName"):
            return
        if is_deleted(pod):
            self._end(key, pod)
        elif phase(pod) not in ENDED:
            self._watch(key, pod)

    def _end(self, key: Key, pod: Obj) -> None:
        meta = pod["metadata"]
        grace = meta.get("deletionGracePeriodSeconds") or 0
        began = parse_stamp(meta["deletionTimestamp"]) - timedelta(seconds=grace)
        gone = began + timedelta(seconds=min(float(grace), self.cluster.timings.terminate_after))
        if gone > self.cluster.now():
            self.queue.at(key, gone)
        elif not meta.get("finalizers"):
            self.store.remove(key)

    def _watch(self, key: Key, pod: Obj) -> None:
        now = self.cluster.now()
        seen = look(pod, self._plan(pod), now)
        if seen.again is not None:
            self.queue.at(key, seen.again)
        self._report(pod, self.cluster.write_status(key, pod, self._status(pod, seen, stamp(now))))

    def _plan(self, pod: Obj) -> Plan:
        meta, timings = pod["metadata"], self.cluster.timings
        born = parse_stamp(meta["creationTimestamp"])
        trouble = self.cluster.troubles.of(pod, self.index.born(meta["uid"]))
        ready = timings.ready_after
        if trouble is not None and trouble.what == "slow":
            ready = trouble.seconds
        up = born + timedelta(seconds=min(ready, timings.ready_after) / 2)
        plan = Plan(born, up, _at(born, None if _never(trouble) else ready), self._done(pod, up))
        if any(each.get("image") == UNSET_IMAGE for each in pod["spec"]["containers"]):
            return broken_by(plan, UNSET_IMAGE)
        if trouble is not None and trouble.what == "image-pull":
            return plan if phase(pod) == "Running" else broken_by(plan)
        if trouble is not None and trouble.what == "crash-loop":
            return Plan(born, up, None, None, crashes=True)
        return plan

    def _done(self, pod: Obj, up: datetime) -> datetime | None:
        """Only pods that are not restarted end, and of these only those of Jobs and those that say when."""
        if pod["spec"].get("restartPolicy", "Always") == "Always":
            return None
        told = self.cluster.troubles.note(pod, RUNS_FOR)
        owner = controller_of(pod)
        if told is None and (owner is None or owner["kind"] != "Job"):
            return None
        return up + timedelta(seconds=self.cluster.timings.runs_for if told is None else float(told))

    def _status(self, pod: Obj, seen: Look, now: str) -> Obj:
        known = pod.get("status") or {}
        status = {**known, "phase": seen.phase, **self._place(pod, known)}
        status["startTime"] = known.get("startTime") or now
        status["qosClass"] = known.get("qosClass") or _quality(pod["spec"])
        if seen.init:
            status["initContainerStatuses"] = seen.init
        status["containerStatuses"] = seen.containers
        status["conditions"] = _conditions(pod, seen, now)
        return status

    def _place(self, pod: Obj, known: Obj) -> Obj:
        """Addresses: the node's, and one no other pod of this cluster ever had."""
        if known.get("podIP"):
            return {}
        node = self.store.get((*NODES, "", pod["spec"]["nodeName"])) or {}
        told = {each["type"]: each["address"] for each in (node.get("status") or {}).get("addresses") or ()}
        host = told.get("InternalIP", "10.0.0.1")
        number = self.store.revision
        own = f"10.{128 + (number >> 16) % 100}.{(number >> 8) % 256}.{number % 256}"
        address = host if pod["spec"].get("hostNetwork") else own
        return {"hostIP": host, "hostIPs": [{"ip": host}], "podIP": address, "podIPs": [{"ip": address}]}

    def _report(self, before: Obj, pod: Obj) -> None:
        if pod is before:
            return
        known = {row["name"]: row for row in (before.get("status") or {}).get("containerStatuses") or ()}
        for row in pod["status"]["containerStatuses"]:
            told = (row["state"].get("waiting") or {}).get("reason", "")
            if not told.endswith("BackOff") or known.get(row["name"]) == row:
                continue
            message = row["state"]["waiting"]["message"]
            self.cluster.recorder.tell(pod, "BackOff", message, source="kubelet", warning=True)


def _conditions(pod: Obj, seen: Look, now: str) -> list[Obj]:
    ended = seen.phase in ENDED
    gates = [each["conditionType"] for each in pod["spec"].get("readinessGates") or ()]
    open_gates = all((condition(pod, gate) or {}).get("status") == "True" for gate in gates)
    states = {
        "Initialized": seen.initialized,
        "Ready": seen.ready and open_gates,
        "ContainersReady": seen.ready,
        "PodScheduled": True,
    }
    found = list((pod.get("status") or {}).get("conditions") or ())
    for kind, good in states.items():
        told: Obj = {"type": kind, "status": "True" if good else "False", "lastProbeTime": None}
        if not good:
            told |= _excuse(kind, seen, ended=ended)
        elif ended and kind == "Initialized":
            told["reason"] = "PodCompleted"
        found = with_condition(found, told, now)
    return found


def _excuse(kind: str, seen: Look, *, ended: bool) -> Obj:
    if ended:
        return {"reason": "PodCompleted" if seen.phase == "Succeeded" else "PodFailed"}
    if kind == "Initialized":
        names = " ".join(row["name"] for row in seen.init)
        return {
            "reason": "ContainersNotInitialized",
            "message": f"containers with incomplete status: [{names}]",
        }
    names = " ".join(row["name"] for row in [*seen.init, *seen.containers] if not row["ready"])
    message = f"containers with unready status: [{names}]" if names else "readiness gates do not hold"
    return {"reason": "ContainersNotReady" if names else "ReadinessGatesNotReady", "message": message}


def _quality(spec: Obj) -> str:
    asked = [each.get("resources") or {} for each in spec["containers"]]
    if not any(asked):
        return "BestEffort"
    same = all(
        each.get("limits") and each.get("requests", each["limits"]) == each["limits"] for each in asked
    )
    return (
        "Guaranteed"
        if same and all({"cpu", "memory"} <= each["limits"].keys() for each in asked)
        else "Burstable"
    )


def _never(trouble: Trouble | None) -> bool:
    return trouble is not None and trouble.what == "never-ready"


def _at(born: datetime, seconds: float | None) -> datetime | None:
    return None if seconds is None else born + timedelta(seconds=seconds)


def _word(obj: Obj | None) -> object:
    notes = ((obj or {}).get("metadata") or {}).get("annotations") or {}
    return notes.get(ANNOTATION), notes.get(RUNS_FOR)
