"""What a restart means and how long it takes: what is read, what the present pods tell, and what has to be assumed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.checks.objects import quota, ranged, service, thing
from tests.meshes import Mesh, mesh
from upgrader.checks.restarts.outlook import outlook
from upgrader.checks.restarts.restart import Budget, Range, Restart, Scaler
from upgrader.checks.restarts.surroundings import Surroundings
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import Document, Snapshot

PROBE: Obj = {"httpGet": {"path": "/", "port": 80}}


def shop() -> Mesh:
    return mesh().plane("1.27.9").namespace("shop", rev="1-27-9")


def pods(**container: Any) -> Obj:
    return {"containers": [{"name": "app", **container}]}


def selecting(name: str, **labels: str) -> Document:
    return thing("Service", name, {"spec": {"selector": labels, "ports": [{"port": 80}]}})


def of(made: Mesh | Snapshot, name: str = "shop/cart") -> Restart:
    found = made if isinstance(made, Snapshot) else made.snapshot()
    workload = next(w for w in found.workloads if w.name == name)
    return outlook(workload, Surroundings.of(found))


def lasting(shortest: float, longest: float) -> Range:
    return Range(timedelta(seconds=shortest), timedelta(seconds=longest))


def started(made: Mesh, *seconds: int, **fields: Any) -> Mesh:
    made.deployment("shop/cart", **({"replicas": len(seconds)} | fields))
    for each in seconds:
        made.pods_of("shop/cart", 1, on="1-27-9", ready_after=each)
    return made


def test_pods_that_run_tell_how_long_they_take() -> None:
    found = of(started(shop(), 12, 8, 30))
    assert (found.start, found.seen) == (lasting(8, 30), 3)


def test_the_slowest_tenth_of_many_pods_does_not_decide() -> None:
    assert of(started(shop(), *range(1, 20), 590)).start == lasting(1, 18)


def test_a_pod_that_lost_its_readiness_for_a_while_is_not_believed() -> None:
    assert of(started(shop(), 9, 100_000)).start == lasting(9, 9)
    slow = of(started(shop(), 900, progress_deadline=1200))
    assert (slow.start, slow.seen) == (lasting(900, 900), 1)


def test_where_no_pod_tells_a_usual_time_is_assumed_and_what_the_probe_waits() -> None:
    assert of(started(shop(), -1)).start == lasting(20, 40)
    waits = of(started(shop(), -1, spec=pods(readinessProbe=PROBE | {"initialDelaySeconds": 45})))
    assert (waits.start, waits.seen) == (lasting(45, 85), 0)


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        ({}, (5, 30)),
        ({"terminationGracePeriodSeconds": 120}, (5, 120)),
        ({"terminationGracePeriodSeconds": 0}, (0, 0)),
        ({"hook": {"sleep": {"seconds": 15}}}, (15, 30)),
        ({"hook": {"exec": {"command": ["sh", "sleep 1m"]}}, "terminationGracePeriodSeconds": 90}, (60, 90)),
        ({"hook": {"exec": {"command": ["/drain.sh"]}}}, (5, 30)),
        ({"hook": {"exec": {"command": ["sleep", "99"]}}}, (30, 30)),
    ],
)
def test_a_pod_goes_after_its_hooks_and_no_later_than_its_grace(made: Obj, expected: tuple[int, int]) -> None:
    whole = pods(**({"lifecycle": {"preStop": made.pop("hook")}} if "hook" in made else {}))
    whole |= made
    assert of(started(shop(), 10, spec=whole)).stop == lasting(*expected)


def test_a_proxy_that_drains_for_longer_is_waited_for() -> None:
    slow = {"1-27-9": {"defaultConfig": {"terminationDrainDuration": "20s"}}}
    assert of(started(shop(), 10).having(mesh_configs=slow)).stop == lasting(20, 30)


def test_a_deployment_waits_for_each_batch_and_once_for_the_last_old_pods() -> None:
    found = of(started(shop(), 10, 10, 10, 10, min_ready=5))
    assert (found.batches, found.lowest, found.extra) == (2, 3, 1)
    assert found.length == lasting(2 * 15 + 5, 2 * (15 + 20) + 30)


def test_a_stateful_set_waits_for_the_end_of_each_pod_too() -> None:
    made = shop().stateful_set("shop/db", replicas=3)
    for _ in range(3):
        made.pods_of("shop/db", 1, on="1-27-9", ready_after=10)
    assert of(made, "shop/db").length == lasting(3 * 15, 3 * 60)


@pytest.mark.parametrize(
    ("kind", "fields", "impact"),
    [
        ("deployment", {"replicas": 3}, "steady"),
        ("deployment", {"replicas": 4}, "thin"),
        ("deployment", {"replicas": 2, "strategy": "Recreate"}, "outage"),
        ("deployment", {"replicas": 1, "max_surge": "0", "max_unavailable": "1"}, "outage"),
        ("deployment", {"replicas": 0}, "asleep"),
        ("stateful_set", {"replicas": 1}, "outage"),
        ("stateful_set", {"replicas": 3}, "thin"),
        ("daemon_set", {"replicas": 1}, "node"),
        ("daemon_set", {"replicas": 5, "max_surge": "1", "max_unavailable": "0"}, "steady"),
    ],
)
def test_what_is_left_ready_tells_the_class(kind: str, fields: dict[str, Any], impact: str) -> None:
    made = getattr(shop(), kind)("shop/cart", **fields)
    assert of(made).impact == impact


def test_without_a_readiness_probe_behind_a_service_nobody_knows_when_a_pod_serves() -> None:
    bare, probed = pods(), pods(readinessProbe=PROBE)
    served = selecting("shop/cart", app="cart")
    assert (
        of(shop().deployment("shop/cart", replicas=3, spec=bare).having(documents=(served,))).impact
        == "unproven"
    )
    assert (
        of(shop().deployment("shop/cart", replicas=3, spec=probed).having(documents=(served,))).impact
        == "steady"
    )
    worker = shop().deployment("shop/cart", replicas=3, spec=bare)
    assert of(worker.having(documents=(selecting("shop/x", app="x"),))).impact == "steady"
    gateway = shop().injected_gateway("shop/gate", replicas=3)
    assert of(gateway.having(documents=(selecting("shop/gate", app="gate"),)), "shop/gate").impact == "steady"


def test_a_single_pod_that_ends_first_is_missed_for_its_end_and_the_start_of_the_next() -> None:
    made = shop().stateful_set("shop/db", replicas=1).pods_of("shop/db", 1, on="1-27-9", ready_after=10)
    assert of(made, "shop/db").gap == lasting(15, 40)
    surging = started(shop(), 10, max_surge="0", max_unavailable="1")
    assert of(surging).gap == lasting(10, 10)
    assert of(started(shop(), 10)).gap is None


def test_the_budget_that_wants_most_is_named() -> None:
    made = shop().deployment("shop/cart", replicas=4)
    made.budget("shop/a", {"app": "cart"}, min_available="1").budget(
        "shop/b", {"app": "cart"}, max_unavailable="30%"
    )
    assert of(made).budget == Budget("b", 2)


def test_an_autoscaler_at_its_maximum_cannot_make_up_for_missing_pods() -> None:
    target = {"kind": "Deployment", "name": "cart"}
    body = {
        "spec": {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 4},
        "status": {"currentReplicas": 4},
    }
    made = shop().deployment("shop/cart", replicas=4)
    found = of(made.having(documents=(thing("HorizontalPodAutoscaler", "shop/cart", body),))).scaler
    assert found == Scaler("cart", 2, 4, 4)
    assert found.exhausted
    silent = {"spec": body["spec"]}
    found = of(made.having(documents=(thing("HorizontalPodAutoscaler", "shop/cart", silent),))).scaler
    assert found is not None
    assert not found.exhausted


def test_a_quota_with_room_for_fewer_pods_makes_a_restart_longer() -> None:
    asks = {"requests": {"cpu": "900m", "memory": "128Mi"}}
    made = shop().deployment("shop/cart", replicas=8, asks=asks, proxies=8)
    free = of(made)
    assert (free.extra, free.room, free.batches) == (2, None, 2)
    tight = of(made.having(documents=(quota("shop/q", {"requests.cpu": "10"}, {"requests.cpu": "9"}),)))
    assert (tight.extra, tight.room, tight.batches) == (1, 1, 3)
    other = of(made.having(documents=(quota("shop/q", {"services": "10"}),)))
    assert other.room is None
    ruled = quota("shop/q", {"limits.cpu": "100"})
    filled = ranged("shop/r", default={"cpu": "1"})
    assert of(made.having(documents=(ruled,))).room is not None
    assert of(made.having(documents=(ruled, filled))).extra == 2


def test_what_could_not_be_read_is_said_and_is_not_none() -> None:
    made = shop().deployment("shop/cart", replicas=1, spec=pods())
    made.unread("services", optional=True).unread("resourcequotas", optional=True)
    found = made.snapshot()
    assert of(found).served is None
    told = " ".join(Surroundings.of(found).unknown)
    assert "services: forbidden" in told
    assert "whether quotas have room" in told
    assert Surroundings.of(shop().snapshot()).unknown == ()
    assert of(shop().deployment("shop/cart").having(documents=(service("shop/cart"),))).probed is None
