"""What is read of how a workload restarts: its waits, and how long its pods took to become ready."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.meshes import shop
from upgrader.cluster.read import workload_of
from upgrader.cluster.read.pods import ready_after
from upgrader.survey import snapshot_digest

Obj = dict[str, Any]
MADE = "2026-01-05T09:00:00Z"


def pod(
    ready: str = "2026-01-05T09:00:42Z", *, status: str = "True", restarts: int = 0, made: str = MADE
) -> Obj:
    conditions = [{"type": "Ready", "status": status, "lastTransitionTime": ready}] if ready else []
    counts = [{"name": "app", "restartCount": restarts}]
    return {
        "metadata": {"name": "cart-1", "creationTimestamp": made},
        "status": {"conditions": conditions, "containerStatuses": counts},
    }


def test_a_pod_tells_how_long_it_took_to_become_ready() -> None:
    assert ready_after(pod()) == 42
    assert ready_after(pod(ready=MADE)) == 0


@pytest.mark.parametrize("silent", [pod(status="False"), pod(restarts=1), pod(ready=""), pod(made="")])
def test_a_pod_that_is_not_ready_or_came_back_since_tells_nothing(silent: Obj) -> None:
    assert ready_after(silent) == -1


def test_a_workload_tells_what_its_rollout_waits_for() -> None:
    spec = {"minReadySeconds": 15, "progressDeadlineSeconds": 300, "template": {"spec": {"containers": []}}}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "cart", "namespace": "shop"}}
    found = workload_of(body | {"spec": spec})
    assert (found.min_ready, found.progress_deadline) == (15, 300)
    bare = workload_of(body | {"spec": {"template": spec["template"]}})
    assert (bare.min_ready, bare.progress_deadline) == (0, 0)


def test_the_pace_of_a_restart_is_no_fact_that_a_plan_depends_on() -> None:
    mesh = shop().snapshot()
    workloads = tuple(msgspec.structs.replace(w, min_ready=9, progress_deadline=9) for w in mesh.workloads)
    proxies = tuple(msgspec.structs.replace(p, ready_after=9) for p in mesh.proxies)
    assert snapshot_digest(
        msgspec.structs.replace(mesh, workloads=workloads, proxies=proxies)
    ) == snapshot_digest(mesh)
