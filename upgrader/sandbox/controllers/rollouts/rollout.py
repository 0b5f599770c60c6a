"""A Deployment and its ReplicaSets: which one is new, what revisions they are, how they are scaled."""

from __future__ import annotations

from upgrader.sandbox.controllers.cluster import Cluster
from upgrader.sandbox.controllers.workloads.adoption import claim
from upgrader.sandbox.controllers.workloads.replicasets import SETS
from upgrader.sandbox.controllers.workloads.templates import HASH, essence, hash_of, owned_by, portion
from upgrader.sandbox.store import Key, Obj

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"
_OWN = {REVISION, HISTORY, DESIRED, MAXIMUM, "kubectl.kubernetes.io/last-applied-configuration"}
_SOURCE = "deployment-controller"


class Rollout:
    """One look at a Deployment.

    Attributes:
        new: The ReplicaSet whose template is the Deployment's; None while there is none.
        old: The others, in order of creation.
        created: ``new`` was created by this look.
    """

    def __init__(self, cluster: Cluster, key: Key, deployment: Obj) -> None:
        self.cluster, self.key, self.deployment = cluster, key, deployment
        self.created = False
        claim(cluster, deployment, SETS, deployment["spec"]["selector"])
        self._essence = essence(deployment["spec"]["template"])
        self.new: Obj | None = None
        self.old: list[Obj] = []
        for each in cluster.index.controlled(deployment["metadata"]["uid"], *SETS):
            if self.new is None and essence(each["spec"]["template"]) == self._essence:
                self.new = each
            else:
                self.old.append(each)

    @property
    def sets(self) -> list[Obj]:
        """All ReplicaSets, the new one last."""
        return [*self.old, *([self.new] if self.new else [])]

    @property
    def replicas(self) -> int:
        """How many pods are wanted."""
        wanted: int = self.deployment["spec"].get("replicas", 1)
        return wanted

    @property
    def surge(self) -> int:
        """How many pods there may be above those wanted."""
        rolling = self._rolling
        return 0 if rolling is None else portion(rolling.get("maxSurge", "25%"), self.replicas, up=True)

    @property
    def unavailable(self) -> int:
        """How many of the pods wanted may be missing."""
        rolling = self._rolling
        if rolling is None or not self.replicas:
            return 0
        found = portion(rolling.get("maxUnavailable", "25%"), self.replicas, up=False)
        return min(self.replicas, found if found or self.surge else 1)

    @property
    def _rolling(self) -> Obj | None:
        strategy = self.deployment["spec"].get("strategy") or {}
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            return None
        return strategy.get("rollingUpdate") or {}

    def number(self) -> None:
        """Give the new ReplicaSet, if there is one, the highest revision, and the Deployment the same."""
        if self.new is None:
            return
        notes = self.new["metadata"].get("annotations") or {}
        wanted = max((revision_of(each) for each in self.old), default=0) + 1
        kept = {**notes, **self._inherited()}
        if revision_of(self.new) < wanted:
            former = [each for each in (notes.get(HISTORY), notes.get(REVISION)) if each]
            kept |= {REVISION: str(wanted)} | ({HISTORY: ",".join(former)} if former else {})
        self._store(self.new, {**self.new["spec"], **self._min_ready()}, kept)
        self._note_revision(kept[REVISION])

    def create(self, replicas: int) -> None:
        """Create the new ReplicaSet; nothing happens when there is one."""
        if self.new is not None:
            return
        meta, spec = self.deployment["metadata"], self.deployment["spec"]
        word = hash_of(self._essence)
        revision = str(max((revision_of(each) for each in self.old), default=0) + 1)
        labels = {**((spec["template"].get("metadata") or {}).get("labels") or {}), HASH: word}
        selector = spec["selector"]
        selector = {**selector, "matchLabels": {**(selector.get("matchLabels") or {}), HASH: word}}
        template = {
            **spec["template"],
            "metadata": {**(spec["template"].get("metadata") or {}), "labels": labels},
        }
        made = {"replicas": replicas, **self._min_ready(), "selector": selector, "template": template}
        name = f"{meta['name']}-{word}"
        about = {
            "name": name,
            "namespace": self.key[2],
            "labels": labels,
            "annotations": {**self._inherited(), **self._sizes(), REVISION: revision},
            "ownerReferences": [owned_by(self.deployment)],
            "generation": 1,
        }
        whole = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": about, "spec": made}
        self.new = self.cluster.store.put((*SETS, self.key[2], name), whole | {"status": {"replicas": 0}})
        self.created = True
        self._say(name, 0, replicas)
        self._note_revision(revision)

    def scale(self, target: Obj, replicas: int) -> bool:
        """Give a ReplicaSet another size; True if it had another one before."""
        before = target["spec"].get("replicas", 1)
        notes = {**(target["metadata"].get("annotations") or {}), **self._sizes()}
        self._store(target, {**target["spec"], "replicas": replicas}, notes)
        if before != replicas:
            self._say(target["metadata"]["name"], before, replicas)
        return bool(before != replicas)

    def prune(self) -> None:
        """Delete the oldest idle ReplicaSets beyond the history limit."""
        limit = self.deployment["spec"].get("revisionHistoryLimit", 10)
        idle = [
            each for each in self.old if not size(each) and not (each.get("status") or {}).get("replicas")
        ]
        surplus = len(self.old) - limit
        for each in sorted(idle, key=revision_of)[: max(0, surplus)]:
            self.cluster.doom((*SETS, self.key[2], each["metadata"]["name"]), each)

    def _inherited(self) -> Obj:
        """Annotations a ReplicaSet takes over; troubles are told of the Deployment only, so that they can end."""
        notes = self.deployment["metadata"].get("annotations") or {}
        return {n: v for n, v in notes.items() if n not in _OWN and not n.startswith("sandbox.upgrader/")}

    def _sizes(self) -> Obj:
        return {DESIRED: str(self.replicas), MAXIMUM: str(self.replicas + self.surge)}

    def _min_ready(self) -> Obj:
        seconds = self.deployment["spec"].get("minReadySeconds", 0)
        return {"minReadySeconds": seconds} if seconds else {}

    def _store(self, target: Obj, spec: Obj, notes: Obj) -> None:
        key = (*SETS, self.key[2], target["metadata"]["name"])
        stored = self.cluster.write_spec(key, target, spec, notes)
        if self.new is target:
            self.new = stored
        else:
            self.old = [stored if each is target else each for each in self.old]

    def _note_revision(self, revision: str) -> None:
        meta = self.deployment["metadata"]
        notes = {**(meta.get("annotations") or {}), REVISION: revision}
        if notes != meta.get("annotations"):
            whole = {**self.deployment, "metadata": {**meta, "annotations": notes}}
            self.deployment = self.cluster.store.put(self.key, whole)

    def _say(self, name: str, before: int, now: int) -> None:
        word = "up" if now > before else "down"
        message = f"Scaled {word} replica set {name} from {before} to {now}"
        self.cluster.recorder.tell(self.deployment, "ScalingReplicaSet", message, source=_SOURCE)


def revision_of(obj: Obj) -> int:
    """The revision a ReplicaSet carries; 0 when it has none."""
    return int((obj["metadata"].get("annotations") or {}).get(REVISION, 0))


def size(obj: Obj) -> int:
    """Pods a ReplicaSet shall have."""
    found: int = obj["spec"].get("replicas", 1)
    return found


def available(obj: Obj) -> int:
    """Pods of a ReplicaSet that are available."""
    found: int = (obj.get("status") or {}).get("availableReplicas", 0)
    return found
