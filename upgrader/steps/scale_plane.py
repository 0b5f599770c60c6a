"""The istiod of a revision, frozen or brought back."""

from __future__ import annotations

import msgspec

from upgrader.cluster.read import settled
from upgrader.model.change import Change, Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import Obj, Ref
from upgrader.model.step import Reader, Reading
from upgrader.probes.rollout import pods_of
from upgrader.steps.drift import check_same, drift


class ScalePlane(msgspec.Struct, frozen=True, kw_only=True, tag="scale-plane", tag_field="step"):
    """The istiod Deployment has *replicas* (0: frozen; its proxies keep their last configuration) and has settled.

    An istiod of many releases empties a Gateway API gateway the moment it stops being its owner; frozen, it cannot.
    A HorizontalPodAutoscaler leaves 0 alone, and may choose any other number: only frozen or not frozen is compared.
    """

    ref: Ref
    uid: str
    revision: str
    replicas: int
    before: int

    def observe(self, cluster: Reader) -> Obj | None:
        """The Deployment, or None when it is gone."""
        return cluster.get(self.ref)

    def diff(self, seen: Obj | None) -> tuple[Change, ...]:
        """One patch of ``spec.replicas``.

        Raises:
            UpgradeError: UPG-0604: it is another Deployment, or there is none to bring back.
        """
        if seen is None:
            if self.replicas:
                raise drift(str(self.ref), found="no such Deployment", expected="the frozen istiod")
            return ()
        check_same(str(self.ref), seen, self.uid)
        if (wanted_of(seen) > 0) is (self.replicas > 0):
            return ()
        body: Obj = {"spec": {"replicas": self.replicas}}
        return (Patch(self.ref, body, seen["metadata"]["uid"], seen["metadata"]["resourceVersion"]),)

    def verify(self, cluster: Reader) -> Reading:
        """Whether it is frozen without a pod left, or back and available."""
        seen = self.observe(cluster)
        if seen is None and not self.replicas:
            return Reading.holds(f"istiod {self.revision} is gone; there is nothing to freeze")
        try:
            gap = self.diff(seen)
        except UpgradeError as error:
            return Reading.broken(error.what[0] if error.what else error.headline)
        if gap or seen is None:
            return Reading.broken(f"istiod {self.revision} does not keep its {self.replicas} replicas")
        pods = pods_of(cluster, seen)
        if not self.replicas:
            if pods or not settled(seen):
                return Reading.pending(f"{len(pods)} istiod pods of {self.revision} are still there")
            return Reading.holds(f"istiod {self.revision} is frozen: 0 replicas, no pod left")
        available = int((seen.get("status") or {}).get("availableReplicas") or 0)
        words = f"{available} of {wanted_of(seen)} istiod pods of {self.revision} are available"
        return Reading.holds(words) if settled(seen) else Reading.pending(words)

    def title(self) -> str:
        """What changes, for plan and journal."""
        verb = "bring back" if self.replicas else "freeze"
        return f"{verb} istiod {self.revision}: replicas {self.before} -> {self.replicas}"


def wanted_of(deployment: Obj) -> int:
    """Its wanted replicas; 1 when it does not say."""
    found = deployment["spec"].get("replicas")
    return 1 if found is None else int(found)
