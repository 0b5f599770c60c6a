"""Do workloads run the revision they should?"""

from __future__ import annotations

import msgspec

from upgrader.cluster.read import is_ready, proxy_of
from upgrader.model.kinds import Obj, Ref
from upgrader.model.step import Reader, Reading, counted, worst
from upgrader.probes.rollout import name_of, pods_of, replicas_of, wrong_with
from upgrader.probes.unread import pending_if_unread


class WorkloadsOn(msgspec.Struct, frozen=True, kw_only=True, tag="workloads-on", tag_field="probe"):
    """Every live pod of *workloads* runs a proxy of *revision* with *image*, is ready, and its proxy has not restarted."""

    workloads: tuple[Ref, ...]
    revision: str
    image: str

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """The worst of all workloads; one that is gone does not count."""
        readings = [self._one(cluster, ref) for ref in self.workloads]
        return worst(readings, self.title())

    def title(self) -> str:
        """The question, for plan and report."""
        return f"{counted(len(self.workloads), 'workload')} on {self.revision}"

    def _one(self, cluster: Reader, ref: Ref) -> Reading:
        workload = cluster.get(ref)
        if workload is None:
            return Reading.holds(f"{ref} is gone")
        pods = pods_of(cluster, workload)
        readings = [self._pod(pod) for pod in pods]
        ready = sum(is_ready(pod) for pod in pods)
        if ready < replicas_of(workload):
            words = f"{ref}: {ready} of {replicas_of(workload)} pods are ready"
            readings.append(Reading.pending(words))
        return worst(readings, f"{ref}: {len(pods)} pods on {self.revision}")

    def _pod(self, pod: Obj) -> Reading:
        if pod["metadata"].get("deletionTimestamp"):
            return Reading.pending(f"{name_of(pod)} is still going away")
        if wrong := wrong_with(pod, self.revision, self.image):
            return Reading.broken(wrong)
        proxy = proxy_of(pod)
        if proxy is not None and proxy.restarts:
            return Reading.broken(f"the proxy of {name_of(pod)} has restarted {proxy.restarts} times")
        if not is_ready(pod):
            return Reading.pending(f"{name_of(pod)} is not ready")
        return Reading.holds(f"{name_of(pod)} runs {self.revision}")
