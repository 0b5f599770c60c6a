"""Jobs: pods until enough of them succeeded."""

from __future__ import annotations

from upgrader.sandbox.controllers.cluster import after
from upgrader.sandbox.controllers.conditions import (
    counters,
    holds,
    is_active,
    is_deleted,
    is_ready,
    phase,
    with_condition,
)
from upgrader.sandbox.controllers.index import PODS, controller_of
from upgrader.sandbox.controllers.loop import Loop, only_status
from upgrader.sandbox.controllers.workloads.replicasets import RETRY
from upgrader.sandbox.controllers.workloads.templates import pod_of
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Event, Key, Obj

JOBS = ("batch", "jobs")


class Jobs(Loop):
    """Starts pods, counts how they ended, and says when the work is done."""

    user = "job-controller"
    hears = frozenset({"jobs", "pods"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == JOBS:
            if not only_status(event):
                self.queue.add(event.key)
        elif event.key[:2] == PODS:
            owner = controller_of(event.obj)
            if owner is not None and owner["kind"] == "Job":
                self.queue.add((*JOBS, event.key[2], owner["name"]))

    def sync(self, key: Key) -> None:
        job = self.store.get(key)
        if job is None or is_deleted(job):
            return
        if not is_over(job):
            job = self._work(key, job)
        self._expire(key, job)

    def _work(self, key: Key, job: Obj) -> Obj:
        spec = job["spec"]
        active, succeeded, failed = self._pods(job)
        verdict = self._verdict(key, job, succeeded, failed)
        if verdict or spec.get("suspend"):
            for pod in active:
                self._delete(pod)
        else:
            self._fill(key, job, len(active), succeeded)
        if not verdict:
            active, succeeded, failed = self._pods(job)
        return self._tell(
            key, job, [] if verdict or spec.get("suspend") else active, (succeeded, failed), verdict
        )

    def _pods(self, job: Obj) -> tuple[list[Obj], int, int]:
        pods = self.index.controlled(job["metadata"]["uid"], *PODS)
        ended = [phase(pod) for pod in pods]
        return [pod for pod in pods if is_active(pod)], ended.count("Succeeded"), ended.count("Failed")

    def _verdict(self, key: Key, job: Obj, succeeded: int, failed: int) -> tuple[str, str, str] | None:
        """Type, reason and message of the condition that ends the Job."""
        spec, status = job["spec"], job.get("status") or {}
        if succeeded >= _wanted(spec):
            return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
        if failed > spec.get("backoffLimit", 6):
            return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        limit = spec.get("activeDeadlineSeconds")
        if limit is not None and status.get("startTime"):
            end = after(status["startTime"], limit)
            if end <= self.cluster.now():
                return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
            self.queue.at(key, end)
        return None

    def _fill(self, key: Key, job: Obj, active: int, succeeded: int) -> None:
        spec, meta = job["spec"], job["metadata"]
        missing = min(spec.get("parallelism", 1), _wanted(spec) - succeeded) - active
        named = {"job-name": meta["name"], "controller-uid": meta["uid"]}
        labels = named | {f"batch.kubernetes.io/{word}": value for word, value in named.items()}
        try:
            for _ in range(missing):
                pod = pod_of(job, spec["template"], labels=labels)
                self.client.create(f"/api/v1/namespaces/{key[2]}/pods", pod)
        except ApiError as refusal:
            self.queue.after(key, RETRY)
            message = f"Error creating: {refusal.message}"
            self.cluster.recorder.tell(job, "FailedCreate", message, source=self.user, warning=True)

    def _tell(
        self,
        key: Key,
        job: Obj,
        active: list[Obj],
        ended: tuple[int, int],
        verdict: tuple[str, str, str] | None,
    ) -> Obj:
        known, now = job.get("status") or {}, self.cluster.stamp()
        counts = {"active": len(active), "succeeded": ended[0], "failed": ended[1]}
        status = counters(counts) | {"ready": sum(is_ready(pod) for pod in active), "terminating": 0}
        status["uncountedTerminatedPods"] = {}
        paused = bool(job["spec"].get("suspend"))
        if known.get("startTime") or not paused:
            status["startTime"] = known.get("startTime") or now
        conditions = list(known.get("conditions") or ())
        if paused or any(each["type"] == "Suspended" for each in conditions):
            told = ("JobSuspended", "Job suspended") if paused else ("JobResumed", "Job resumed")
            conditions = with_condition(
                conditions, _said("Suspended", *told, status="True" if paused else "False"), now
            )
        if verdict:
            if verdict[0] == "Complete":
                conditions = with_condition(conditions, _said("SuccessCriteriaMet", *verdict[1:]), now)
            conditions = with_condition(conditions, _said(*verdict), now)
            if verdict[0] == "Complete":
                status["completionTime"] = now
        if conditions:
            status["conditions"] = conditions
        return self.cluster.write_status(key, job, status)

    def _expire(self, key: Key, job: Obj) -> None:
        seconds = job["spec"].get("ttlSecondsAfterFinished")
        if seconds is None or not is_over(job):
            return
        end = after(ended_at(job), seconds)
        if end <= self.cluster.now():
            self.cluster.doom(key, job)
        else:
            self.queue.at(key, end)

    def _delete(self, pod: Obj) -> None:
        meta = pod["metadata"]
        self.client.delete(f"/api/v1/namespaces/{meta['namespace']}/pods/{meta['name']}")


def is_over(job: Obj) -> bool:
    """Whether a Job is complete or failed."""
    return holds(job, "Complete") or holds(job, "Failed")


def ended_at(job: Obj) -> str:
    """The timestamp at which a Job that is over ended."""
    found = [each for each in job["status"]["conditions"] if each["type"] in {"Complete", "Failed"}]
    moment: str = found[0]["lastTransitionTime"]
    return moment


def _wanted(spec: Obj) -> int:
    completions = spec.get("completions")
    return int(1 if completions is None else completions)


def _said(kind: str, reason: str, message: str, *, status: str = "True") -> Obj:
    return {"type": kind, "status": status, "reason": reason, "message": message, "lastProbeTime": None}
