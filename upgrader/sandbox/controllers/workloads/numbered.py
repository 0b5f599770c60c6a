"""A StatefulSet and its pods by number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from upgrader.sandbox.controllers.workloads import revisions
from upgrader.sandbox.controllers.workloads.templates import owned_by, pod_of
from upgrader.sandbox.store import Key, Obj


@dataclass(frozen=True)
class Numbered:
    """One look at a StatefulSet.

    Attributes:
        pods: By ordinal, those being deleted included.
        former: The revision pods below the partition get.
        target: The revision of the template.
    """

    obj: Obj
    pods: dict[int, Obj]
    former: Obj
    target: Obj

    @property
    def size(self) -> int:
        """How many pods are wanted."""
        found: int = self.obj["spec"].get("replicas", 1)
        return found

    @property
    def start(self) -> int:
        """The first ordinal."""
        found: int = (self.obj["spec"].get("ordinals") or {}).get("start", 0)
        return found

    @property
    def ordinals(self) -> range:
        """Ordinals of the pods wanted."""
        return range(self.start, self.start + self.size)

    @property
    def partition(self) -> int:
        """The first ordinal that takes part in an update; 0 when all do."""
        rolling = (self.obj["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
        found: int = rolling.get("partition") or 0
        return self.start + found if found else 0

    @property
    def ordered(self) -> bool:
        """Whether every step waits for the one before."""
        return bool(self.obj["spec"].get("podManagementPolicy", "OrderedReady") == "OrderedReady")

    @property
    def condemned(self) -> list[Obj]:
        """Pods beyond the size, the highest first."""
        return [
            self.pods[ordinal] for ordinal in sorted(self.pods, reverse=True) if ordinal not in self.ordinals
        ]

    def revision_for(self, ordinal: int) -> Obj:
        """The revision a pod with this ordinal is created from."""
        kind = (self.obj["spec"].get("updateStrategy") or {}).get("type", "RollingUpdate")
        return self.former if kind == "RollingUpdate" and ordinal < self.partition else self.target


def ordinal_of(pod: Obj) -> int:
    """The number at the end of a pod's name; -1 when there is none."""
    text = pod["metadata"]["name"].rpartition("-")[2]
    return int(text) if text.isdigit() else -1


def pod_at(look: Numbered, ordinal: int) -> Obj:
    """The pod with this ordinal."""
    meta, revision = look.obj["metadata"], look.revision_for(ordinal)
    name = f"{meta['name']}-{ordinal}"
    labels = {
        revisions.HASH: revision["metadata"]["name"],
        "statefulset.kubernetes.io/pod-name": name,
        "apps.kubernetes.io/pod-index": str(ordinal),
    }
    pod = pod_of(look.obj, revisions.template_of(revision), name=name, labels=labels)
    spec = {**pod["spec"], "hostname": name, "subdomain": look.obj["spec"].get("serviceName", "")}
    kept = [each for each in spec.get("volumes") or () if each["name"] not in _templates(look)]
    claims = [{"name": t, "persistentVolumeClaim": {"claimName": f"{t}-{name}"}} for t in _templates(look)]
    if claims:
        spec["volumes"] = [*kept, *claims]
    return {**pod, "spec": spec}


def claims_of(look: Numbered, ordinal: int) -> Iterator[tuple[Key, Obj]]:
    """The volume claims of the pod with this ordinal, bound at once."""
    meta, policy = look.obj["metadata"], look.obj["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    for name, template in _templates(look).items():
        full = f"{name}-{meta['name']}-{ordinal}"
        labels = (look.obj["spec"]["selector"].get("matchLabels") or {}) | (
            template["metadata"].get("labels") or {}
        )
        about: Obj = {"name": full, "namespace": meta["namespace"], "labels": labels}
        if policy.get("whenDeleted") == "Delete":
            about["ownerReferences"] = [owned_by(look.obj)]
        spec = template.get("spec") or {}
        status = {"phase": "Bound", "accessModes": spec.get("accessModes") or []}
        status["capacity"] = (spec.get("resources") or {}).get("requests") or {}
        claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": about, "spec": spec}
        yield ("", "persistentvolumeclaims", meta["namespace"], full), claim | {"status": status}


def _templates(look: Numbered) -> dict[str, Obj]:
    return {each["metadata"]["name"]: each for each in look.obj["spec"].get("volumeClaimTemplates") or ()}
