"""DaemonSets: one pod on every node that takes it (pkg/controller/daemon)."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import (
    ENDED,
    available_from,
    counters,
    holds,
    is_deleted,
    is_ready,
    phase,
)
from upgrader.sandbox.controllers.index import PODS, controller_of
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.controllers.nodes.fitting import chosen, daemon_tolerations, tolerated
from upgrader.sandbox.controllers.nodes.scheduler import NODES
from upgrader.sandbox.controllers.workloads import revisions
from upgrader.sandbox.controllers.workloads.adoption import claim
from upgrader.sandbox.controllers.workloads.replicasets import RETRY
from upgrader.sandbox.controllers.workloads.templates import pod_of, portion
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Event, Key, Obj

DAEMONS = ("apps", "daemonsets")
_GENERATION = "deprecated.daemonset.template.generation"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class DaemonSets(Loop):
    """Keeps one pod a node, and replaces old pods within the bounds of the strategy."""

    user = "daemon-set-controller"
    hears = frozenset({"daemonsets", "pods", "nodes"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == DAEMONS:
            if not only_status(event):
                self.queue.add(event.key)
        elif event.key[:2] == PODS:
            owner = controller_of(event.obj)
            if owner is not None and owner["kind"] == "DaemonSet":
                self.queue.add((*DAEMONS, event.key[2], owner["name"]))
        elif event.key[:2] == NODES:
            for each in self.store.list(*DAEMONS):
                self.queue.add((*DAEMONS, each["metadata"]["namespace"], each["metadata"]["name"]))

    def sync(self, key: Key) -> None:
        obj = self.store.get(key)
        if obj is None or is_deleted(obj):
            return
        claim(self.cluster, obj, PODS, obj["spec"]["selector"])
        revision = revisions.current(self.cluster, obj)
        word = revisions.word_of(revision)
        try:
            self._place(obj, word)
            if (obj["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate") == "RollingUpdate":
                self._roll(obj, word)
        except ApiError as refusal:
            self.queue.after(key, RETRY)
            message = f"Error creating: {refusal.message}"
            self.cluster.recorder.tell(obj, "FailedCreate", message, source=self.user, warning=True)
        self._tell(key, obj, word)

    def _nodes(self, obj: Obj) -> list[str]:
        """Nodes that shall have a pod."""
        spec = obj["spec"]["template"]["spec"]
        spec = {**spec, "tolerations": [*(spec.get("tolerations") or ()), *daemon_tolerations()]}
        nodes = self.index.all(*NODES, "")
        return [node["metadata"]["name"] for node in nodes if chosen(spec, node) and tolerated(spec, node)]

    def _pods(self, obj: Obj) -> dict[str, list[Obj]]:
        """Living pods by the node they are made for."""
        found: dict[str, list[Obj]] = {}
        for pod in self.index.controlled(obj["metadata"]["uid"], *PODS):
            if phase(pod) not in ENDED:
                found.setdefault(_node(pod), []).append(pod)
        return found

    def _place(self, obj: Obj, word: str) -> None:
        """A pod wherever there is none, none where none shall be."""
        wanted, pods = self._nodes(obj), self._pods(obj)
        for node in wanted:
            if not pods.get(node):
                self._create(obj, node, word)
        for node, found in pods.items():
            surplus = found if node not in wanted else self._surplus(obj, found, word)
            for pod in surplus:
                self._delete(pod)

    def _surplus(self, obj: Obj, pods: list[Obj], word: str) -> list[Obj]:
        """With surge an old pod stays until the new one of its node is available."""
        living = [pod for pod in pods if not is_deleted(pod)]
        new = [pod for pod in living if _is_new(pod, word)]
        old = [pod for pod in living if not _is_new(pod, word)]
        if not new:
            return old[1:]
        return [*new[1:], *(old if self._is_available(obj, new[0]) else [])]

    def _roll(self, obj: Obj, word: str) -> None:
        pods = self._pods(obj)
        nodes = [node for node in self._nodes(obj) if node in pods]
        old = {
            node: pod
            for node in nodes
            for pod in pods[node]
            if not is_deleted(pod) and not _is_new(pod, word)
        }
        surge, most = self._bounds(obj, len(nodes))
        if surge:
            waiting = [node for node in nodes if len(pods[node]) > 1]
            for node in [node for node in old if len(pods[node]) == 1][: max(0, surge - len(waiting))]:
                self._create(obj, node, word)
            return
        down = [node for node in nodes if not any(self._is_available(obj, pod) for pod in pods[node])]
        sick = [node for node in old if node in down]
        fit = [node for node in old if node not in down][: max(0, most - len(down))]
        for node in [*sick, *fit]:
            self._delete(old[node])

    def _bounds(self, obj: Obj, total: int) -> tuple[int, int]:
        """MaxSurge and maxUnavailable in pods."""
        rolling = (obj["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        surge = portion(rolling.get("maxSurge") or 0, total, up=True)
        most = portion(rolling.get("maxUnavailable", 0 if surge else 1), total, up=True)
        return surge, most if surge or most else 1

    def _is_available(self, obj: Obj, pod: Obj) -> bool:
        moment = None if is_deleted(pod) else available_from(pod, obj["spec"].get("minReadySeconds", 0))
        if moment is not None and moment > self.cluster.now():
            self.queue.at((*DAEMONS, obj["metadata"]["namespace"], obj["metadata"]["name"]), moment)
        return moment is not None and moment <= self.cluster.now()

    def _create(self, obj: Obj, node: str, word: str) -> None:
        labels = {revisions.HASH: word, "pod-template-generation": str(_template_generation(obj))}
        pod = pod_of(obj, obj["spec"]["template"], labels=labels)
        field = {"key": "metadata.name", "operator": "In", "values": [node]}
        affinity = {"nodeAffinity": {_REQUIRED: {"nodeSelectorTerms": [{"matchFields": [field]}]}}}
        tolerations = [*(pod["spec"].get("tolerations") or ()), *daemon_tolerations()]
        spec = {**pod["spec"], "affinity": {**(pod["spec"].get("affinity") or {}), **affinity}}
        path = f"/api/v1/namespaces/{obj['metadata']['namespace']}/pods"
        self.client.create(path, {**pod, "spec": spec | {"tolerations": tolerations}})

    def _delete(self, pod: Obj) -> None:
        meta = pod["metadata"]
        if not is_deleted(pod):
            self.client.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}")

    def _tell(self, key: Key, obj: Obj, word: str) -> None:
        nodes, pods = self._nodes(obj), self._pods(obj)
        first = {node: _first(pods[node], word) for node in nodes if node in pods}
        able = sum(self._is_available(obj, pod) for pod in first.values())
        status: Obj = {
            "currentNumberScheduled": len(first),
            "numberMisscheduled": len([node for node in pods if node not in nodes]),
            "desiredNumberScheduled": len(nodes),
            "numberReady": sum(is_ready(pod) and not is_deleted(pod) for pod in first.values()),
        }
        status |= counters(
            {
                "observedGeneration": obj["metadata"].get("generation", 0),
                "updatedNumberScheduled": sum(_is_new(pod, word) for pod in first.values()),
                "numberAvailable": able,
                "numberUnavailable": len(nodes) - able,
            }
        )
        self.cluster.write_status(key, obj, status)
        found = self.index.controlled(obj["metadata"]["uid"], *PODS)
        words = {pod["metadata"]["labels"].get(revisions.HASH, "") for pod in found} | {word}
        revisions.prune(self.cluster, obj, {f"{key[3]}-{each}" for each in words})


def _first(pods: list[Obj], word: str) -> Obj:
    """The pod a node is counted by: ready before not ready, new before old."""
    return min(pods, key=lambda pod: (is_deleted(pod), not holds(pod, "Ready"), not _is_new(pod, word)))


def _is_new(pod: Obj, word: str) -> bool:
    return bool(pod["metadata"]["labels"].get(revisions.HASH) == word)


def _node(pod: Obj) -> str:
    bound: str = pod["spec"].get("nodeName") or ""
    if bound:
        return bound
    terms = pod["spec"]["affinity"]["nodeAffinity"][_REQUIRED]["nodeSelectorTerms"]
    meant: str = terms[0]["matchFields"][0]["values"][0]
    return meant


def _template_generation(obj: Obj) -> int:
    told = (obj["metadata"].get("annotations") or {}).get(_GENERATION)
    return int(told or obj["metadata"].get("generation", 1))
