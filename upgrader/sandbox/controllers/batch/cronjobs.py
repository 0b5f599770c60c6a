"""CronJobs: a Job whenever the schedule says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from upgrader.sandbox.clock import parse_stamp, stamp
from upgrader.sandbox.controllers.batch.calendar import following
from upgrader.sandbox.controllers.batch.jobs import JOBS, ended_at, is_over
from upgrader.sandbox.controllers.conditions import holds, is_deleted
from upgrader.sandbox.controllers.index import controller_of
from upgrader.sandbox.controllers.loop import Loop
from upgrader.sandbox.controllers.workloads.templates import owned_by
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Event, Key, Obj

CRONS = ("batch", "cronjobs")
_SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


class CronJobs(Loop):
    """Creates Jobs and forgets the oldest ones that are over."""

    user = "cronjob-controller"
    hears = frozenset({"cronjobs", "jobs"})

    def changed(self, event: Event) -> None:
        if event.key[:2] == CRONS and event.type != "DELETED":
            self.queue.add(event.key)
        elif event.key[:2] == JOBS:
            owner = controller_of(event.obj)
            if owner is not None and owner["kind"] == "CronJob":
                self.queue.add((*CRONS, event.key[2], owner["name"]))

    def sync(self, key: Key) -> None:
        cron = self.store.get(key)
        if cron is None or is_deleted(cron):
            return
        if not cron["spec"].get("suspend"):
            cron = self._start(key, cron)
        self._forget(cron)
        self._tell(key, cron)

    def _start(self, key: Key, cron: Obj) -> Obj:
        """Create the Job that is due, if one is, and plan the next look."""
        told = (cron.get("status") or {}).get("lastScheduleTime") or cron["metadata"]["creationTimestamp"]
        now, due = self.cluster.now(), None
        moment = following(cron["spec"]["schedule"], parse_stamp(told))
        while moment is not None and moment <= now:
            due, moment = moment, following(cron["spec"]["schedule"], moment)
        if moment is not None:
            self.queue.at(key, moment)
        if due is None or self._is_late(cron, due) or not self._may_run(cron):
            return cron
        self._create(cron, due)
        status = {**(cron.get("status") or {}), "lastScheduleTime": stamp(due)}
        return self.cluster.write_status(key, cron, status)

    def _is_late(self, cron: Obj, due: datetime) -> bool:
        limit = cron["spec"].get("startingDeadlineSeconds")
        return limit is not None and due + timedelta(seconds=limit) < self.cluster.now()

    def _jobs(self, cron: Obj) -> list[Obj]:
        return self.index.controlled(cron["metadata"]["uid"], *JOBS)

    def _may_run(self, cron: Obj) -> bool:
        policy = cron["spec"].get("concurrencyPolicy", "Allow")
        running = [job for job in self._jobs(cron) if not is_over(job)]
        if policy == "Replace":
            for job in running:
                self._delete(job)
        return policy != "Forbid" or not running

    def _create(self, cron: Obj, due: datetime) -> None:
        meta, template = cron["metadata"], cron["spec"]["jobTemplate"]
        given = template.get("metadata") or {}
        about = {
            "name": f"{meta['name']}-{int(due.timestamp()) // 60}",
            "namespace": meta["namespace"],
            "labels": given.get("labels") or {},
            "annotations": {**(given.get("annotations") or {}), _SCHEDULED: stamp(due)},
            "ownerReferences": [owned_by(cron)],
        }
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": about, "spec": template["spec"]}
        try:
            self.client.create(f"/apis/batch/v1/namespaces/{meta['namespace']}/jobs", job)
        except ApiError as refusal:
            message = f"Error creating job: {refusal.message}"
            self.cluster.recorder.tell(cron, "FailedCreate", message, source=self.user, warning=True)

    def _forget(self, cron: Obj) -> None:
        limits = {"Complete": ("successfulJobsHistoryLimit", 3), "Failed": ("failedJobsHistoryLimit", 1)}
        for kind, (word, default) in limits.items():
            over = sorted((job for job in self._jobs(cron) if holds(job, kind)), key=ended_at)
            for job in over[: max(0, len(over) - cron["spec"].get(word, default))]:
                self._delete(job)

    def _delete(self, job: Obj) -> None:
        self.cluster.doom((*JOBS, job["metadata"]["namespace"], job["metadata"]["name"]), job)

    def _tell(self, key: Key, cron: Obj) -> None:
        status = {word: value for word, value in (cron.get("status") or {}).items() if word != "active"}
        jobs = self._jobs(cron)
        active = [_pointer(job) for job in jobs if not is_over(job)]
        done = [job["status"]["completionTime"] for job in jobs if holds(job, "Complete")]
        if done:
            status["lastSuccessfulTime"] = max(done)
        self.cluster.write_status(key, cron, status | ({"active": active} if active else {}))


def _pointer(job: Obj) -> Obj:
    meta = job["metadata"]
    named = {"name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "resourceVersion": meta["resourceVersion"]} | named
