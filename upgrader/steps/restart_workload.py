"""A workload whose pods all run a proxy of one revision."""

from __future__ import annotations

import msgspec

from upgrader.cluster.read import workload_of
from upgrader.model.change import RESTARTED_FOR, Change, Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import Obj, Ref
from upgrader.model.step import Reader, Reading
from upgrader.probes.rollout import roll
from upgrader.steps.drift import check_same, check_values, drift

_TEMPLATE = ("spec", "template", "metadata")


class RestartWorkload(msgspec.Struct, frozen=True, kw_only=True, tag="restart-workload", tag_field="step"):
    """Every live pod of the workload runs a proxy of *revision* with *image*, and is ready.

    The restart is a pod-template annotation with a fixed value, so sending it twice changes nothing; going back is the
    same step with the former value (or none), which makes the template what it was.

    Attributes:
        ref: Deployment, StatefulSet or DaemonSet.
        image: Expected proxy image, as text.
        mark: Wanted value of annotation ``upgrader.istio/restarted-for``; None removes it.
        before: Its value before the step.
        labels: Pod-template labels to change in the same patch, where the workload itself names its revision.
        labels_before: The same labels as they were.
    """

    ref: Ref
    uid: str
    revision: str
    image: str
    mark: str | None
    before: str | None = None
    labels: dict[str, str | None] = {}
    labels_before: dict[str, str | None] = {}
    gateway: bool = False

    def observe(self, cluster: Reader) -> Obj | None:
        """The workload, or None when it is gone."""
        return cluster.get(self.ref)

    def diff(self, seen: Obj | None) -> tuple[Change, ...]:
        """One patch of the pod template; () too when the workload is gone or going.

        Raises:
            UpgradeError: UPG-0604: another workload of that name, a mark or label that is neither as before nor as
                wanted, or a rollout that somebody paused, partitioned or took into their own hands meanwhile.
        """
        if seen is None:
            return ()
        check_same(str(self.ref), seen, self.uid)
        wanted, before = {RESTARTED_FOR: self.mark}, {RESTARTED_FOR: self.before}
        mark = check_values(str(self.ref), seen, (*_TEMPLATE, "annotations"), wanted, before)
        labels = check_values(str(self.ref), seen, (*_TEMPLATE, "labels"), self.labels, self.labels_before)
        if not (mark or labels) or seen["metadata"].get("deletionTimestamp"):
            return ()
        self._refuse_held_rollouts(seen)
        metadata: Obj = ({"annotations": mark} if mark else {}) | ({"labels": labels} if labels else {})
        body: Obj = {"spec": {"template": {"metadata": metadata}}}
        return (Patch(self.ref, body, seen["metadata"]["uid"], seen["metadata"]["resourceVersion"]),)

    def verify(self, cluster: Reader) -> Reading:
        """What the pods say, not only the rollout's counters; terminating pods still count."""
        seen = self.observe(cluster)
        if seen is None:
            return Reading.holds(f"{self.ref} is gone; there is nothing to restart")
        try:
            gap = self.diff(seen)
        except UpgradeError as error:
            return Reading.broken(error.what[0] if error.what else error.headline)
        if gap:
            return Reading.broken(f"{self.ref} does not have the pod template that restarts it")
        return roll(cluster, seen, revision=self.revision, image=self.image, is_new=self._is_new)

    def title(self) -> str:
        """What changes, for plan and journal."""
        what = "gateway " if self.gateway else ""
        return f"restart {what}{self.ref} onto {self.revision}"

    def _is_new(self, pod: Obj) -> bool:
        annotations, labels = pod["metadata"].get("annotations") or {}, pod["metadata"].get("labels") or {}
        return annotations.get(RESTARTED_FOR) == self.mark and all(
            labels.get(key) == value for key, value in self.labels.items()
        )

    def _refuse_held_rollouts(self, seen: Obj) -> None:
        """A paused template may hold more than our mark; partition and OnDelete are their owner's own pace."""
        workload = workload_of(seen)
        held = {
            "spec.paused": "true" if workload.paused else "",
            "update strategy": "OnDelete" if workload.strategy == "OnDelete" else "",
            "rollingUpdate.partition": str(workload.partition) if workload.partition else "",
        }
        for field, found in held.items():
            if found:
                raise drift(
                    f"{self.ref}, {field}", found=found, expected="a rollout that goes through by itself"
                )
