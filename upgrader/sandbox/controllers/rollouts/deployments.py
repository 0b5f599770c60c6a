"""Deployments, with the arithmetic of kube-controller-manager (pkg/controller/deployment)."""

from __future__ import annotations

from upgrader.sandbox.controllers.conditions import is_deleted, phase
from upgrader.sandbox.controllers.index import PODS, controller_of
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.controllers.rollouts.progress import due, is_complete, status_of
from upgrader.sandbox.controllers.rollouts.proportions import spread
from upgrader.sandbox.controllers.rollouts.rollout import DESIRED, Rollout, available, size
from upgrader.sandbox.controllers.workloads.replicasets import SETS
from upgrader.sandbox.store import Event, Key, Obj

DEPLOYMENTS = ("apps", "deployments")


class Deployments(Loop):
    """Scales ReplicaSets so that the newest template takes over within the bounds of the strategy."""

    user = "deployment-controller"
    hears = frozenset({"deployments", "replicasets", "pods"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == DEPLOYMENTS:
            if not only_status(event):
                self.queue.add(event.key)
        elif event.key[:2] == SETS:
            self._set_changed(event.obj)
        elif event.key[:2] == PODS and event.type == "DELETED":
            owner = controller_of(event.obj)
            found = self.store.get((*SETS, event.key[2], owner["name"])) if owner else None
            if found is not None:
                self._set_changed(found)

    def _set_changed(self, obj: Obj) -> None:
        owner, namespace = controller_of(obj), obj["metadata"]["namespace"]
        if owner is not None:
            if owner["kind"] == "Deployment":
                self.queue.add((*DEPLOYMENTS, namespace, owner["name"]))
            return
        for each in self.index.all(*DEPLOYMENTS, namespace):
            self.queue.add((*DEPLOYMENTS, namespace, each["metadata"]["name"]))

    def sync(self, key: Key) -> None:
        deployment = self.store.get(key)
        if deployment is None or is_deleted(deployment):
            return
        rollout = Rollout(self.cluster, key, deployment)
        rollout.number()
        if deployment["spec"].get("paused") or _is_resized(rollout):
            spread(rollout)
        elif (deployment["spec"].get("strategy") or {}).get("type") == "Recreate":
            self._recreate(rollout)
        else:
            _roll(rollout)
        status = status_of(rollout, self.cluster.now())
        stored = self.cluster.write_status(key, rollout.deployment, status)
        if is_complete(stored, status) and not stored["spec"].get("paused"):
            rollout.prune()
        moment = due(stored)
        if moment is not None and moment > self.cluster.now():
            self.queue.at(key, moment)

    def _recreate(self, rollout: Rollout) -> None:
        """New pods only when no old one is left."""
        scaled = [rollout.scale(each, 0) for each in rollout.old if size(each)]
        if any(scaled) or any(self._runs(each) for each in rollout.old):
            return
        rollout.create(rollout.replicas)
        if rollout.new is not None:
            rollout.scale(rollout.new, rollout.replicas)

    def _runs(self, replica_set: Obj) -> bool:
        pods = self.index.controlled(replica_set["metadata"]["uid"], *PODS)
        return any(phase(pod) not in {"Failed", "Succeeded"} for pod in pods)


def _is_resized(rollout: Rollout) -> bool:
    """Whether the Deployment wants another number of pods than when its ReplicaSets were last scaled."""
    wanted = str(rollout.replicas)
    notes = [each["metadata"].get("annotations") or {} for each in rollout.sets if size(each)]
    return any(note.get(DESIRED, wanted) != wanted for note in notes)


def _roll(rollout: Rollout) -> None:
    rollout.create(_room(rollout, 0))
    new = rollout.new
    if new is None:
        return
    grown = min(rollout.replicas, size(new) + _room(rollout, size(new)))
    if not rollout.created and rollout.scale(new, grown):
        return
    _shrink(rollout)


def _room(rollout: Rollout, has: int) -> int:
    """How many pods the new ReplicaSet may get now on top of those it has."""
    free = rollout.replicas + rollout.surge - sum(size(each) for each in rollout.sets)
    return max(0, min(free, rollout.replicas - has))


def _shrink(rollout: Rollout) -> None:
    """First old pods that are not available, then available ones as long as enough are left."""
    new = rollout.new
    if new is None or not any(size(each) for each in rollout.old):
        return
    least = rollout.replicas - rollout.unavailable
    starting = size(new) - available(new)
    most = sum(size(each) for each in rollout.sets) - least - starting
    for each in list(rollout.old):
        sick = min(max(0, most), max(0, size(each) - available(each)))
        if size(each) and sick:
            rollout.scale(each, size(each) - sick)
            most -= sick
    spare = sum(min(size(each), available(each)) for each in rollout.sets) - least
    for each in list(rollout.old):
        cut = min(max(0, spare), size(each))
        if size(each) and cut:
            rollout.scale(each, size(each) - cut)
            spare -= cut
