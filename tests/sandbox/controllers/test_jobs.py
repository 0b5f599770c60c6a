"""Jobs and CronJobs."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from upgrader.sandbox.controllers.batch.calendar import following
from upgrader.sandbox.controllers.trouble import Trouble

if TYPE_CHECKING:
    from tests.sandbox.controllers.conftest import Scene


def job(scene: Scene, name: str = "work", meta: Any = None, **spec: Any) -> None:
    template = {
        "spec": {
            "restartPolicy": "Never",
            "containers": [{"name": "app", "image": "registry.example/work:1"}],
        }
    }
    scene.create("Job", name, meta=meta, spec={"template": template, **spec})


def test_a_job_is_complete_when_its_pod_ended_well(scene: Scene) -> None:
    job(scene)
    assert scene.status("Job", "work")["active"] == 1
    scene.world.advance(20)
    status = scene.status("Job", "work")
    assert status["succeeded"] == 1
    assert "active" not in status
    assert scene.condition("Job", "work", "Complete")[0] == "True"
    assert status["completionTime"] == "2026-01-05T09:00:06Z"
    (pod,) = scene.pods()
    assert pod["status"]["phase"] == "Succeeded"
    assert pod["metadata"]["labels"]["job-name"] == "work"


def test_a_job_runs_as_long_as_its_annotation_says(scene: Scene) -> None:
    job(scene, meta={"annotations": {"sandbox.upgrader/runs-for": "3600"}})
    scene.world.advance(3600)
    assert scene.status("Job", "work")["active"] == 1
    scene.world.advance(2)
    assert scene.status("Job", "work")["succeeded"] == 1


def test_completions_are_done_with_so_many_pods_at_a_time(scene: Scene) -> None:
    job(scene, completions=3, parallelism=2)
    assert len(scene.pods()) == 2
    scene.world.advance(30)
    assert scene.status("Job", "work")["succeeded"] == 3
    assert len(scene.pods()) == 3


def test_a_suspended_job_has_no_pods_until_it_is_resumed(scene: Scene) -> None:
    job(scene, suspend=True)
    scene.world.advance(30)
    assert scene.pods() == []
    assert scene.condition("Job", "work", "Suspended")[0] == "True"
    scene.patch("Job", "work", {"spec": {"suspend": False}})
    scene.world.advance(30)
    assert scene.status("Job", "work")["succeeded"] == 1


def test_a_job_that_keeps_failing_gives_up(scene: Scene) -> None:
    scene.world.troubles.begin("Job", "default", "work", Trouble("crash-loop"))
    job(scene, backoffLimit=2)
    scene.world.advance(60)
    assert scene.condition("Job", "work", "Failed") == ("True", "BackoffLimitExceeded")
    assert scene.status("Job", "work")["failed"] == 3


def test_a_finished_job_goes_after_its_time_with_its_pods(scene: Scene) -> None:
    job(scene, ttlSecondsAfterFinished=60)
    scene.world.advance(60)
    assert scene.names("Job") == ["work"]
    scene.world.advance(20)
    assert scene.names("Job") == scene.names("Pod") == []


def test_a_proxy_that_is_no_native_sidecar_keeps_a_job_from_ending(scene: Scene) -> None:
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "app", "image": "a:1"}, {"name": "istio-proxy", "image": "p:1"}],
    }
    scene.create("Job", "old", spec={"template": {"spec": pod}})
    native = {"name": "istio-proxy", "image": "p:1", "restartPolicy": "Always"}
    pod = {
        "restartPolicy": "Never",
        "containers": [{"name": "app", "image": "a:1"}],
        "initContainers": [native],
    }
    scene.create("Job", "new", spec={"template": {"spec": pod}})
    scene.world.advance(600)
    assert scene.condition("Job", "old", "Complete") == ("", "")
    assert scene.condition("Job", "new", "Complete")[0] == "True"


def test_a_cron_job_starts_its_job_at_the_minute_and_keeps_few_of_them(scene: Scene) -> None:
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "app", "image": "a:1"}]}}
    spec = {
        "schedule": "*/10 * * * *",
        "jobTemplate": {"spec": {"template": template}},
        "successfulJobsHistoryLimit": 2,
    }
    scene.create("CronJob", "tick", spec=spec)
    scene.world.advance(599)
    assert scene.names("Job") == []
    scene.world.advance(1)
    assert len(scene.names("Job")) == 1
    assert scene.status("CronJob", "tick")["lastScheduleTime"] == "2026-01-05T09:10:00Z"
    scene.world.advance(3 * 600 + 60)
    assert len(scene.names("Job")) == 2
    scene.patch("CronJob", "tick", {"spec": {"suspend": True}})
    scene.world.advance(3600)
    assert scene.status("CronJob", "tick")["lastScheduleTime"] == "2026-01-05T09:40:00Z"


@pytest.mark.parametrize(
    ("schedule", "moment"),
    [
        ("0 3 * * 0", datetime(2026, 1, 11, 3, 0, tzinfo=UTC)),
        ("30 2 1,15 * *", datetime(2026, 1, 15, 2, 30, tzinfo=UTC)),
        ("@hourly", datetime(2026, 1, 5, 10, 0, tzinfo=UTC)),
        ("15 10-12/2 * feb mon", datetime(2026, 2, 2, 10, 15, tzinfo=UTC)),
        ("0 0 29 2 *", datetime(2028, 2, 29, 0, 0, tzinfo=UTC)),
        ("0 0 13 * fri", datetime(2026, 1, 9, 0, 0, tzinfo=UTC)),
        ("0 0 31 4 *", None),
    ],
)
def test_a_schedule_falls_due_when_cron_says(schedule: str, moment: datetime | None) -> None:
    assert following(schedule, datetime(2026, 1, 5, 9, 0, tzinfo=UTC)) == moment
