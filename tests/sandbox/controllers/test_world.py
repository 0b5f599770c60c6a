"""The world as a whole: time, repetition, forks, the product's doors."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from upgrader.sandbox.clock import EPOCH, ScaledClock
from upgrader.sandbox.controllers.loop import Queue
from upgrader.sandbox.controllers.trouble import Trouble
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import NeverSettles, World, WorldClock, apply_manifests

POD = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "a:1"}]}}
DEPLOYMENT = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
SPEC = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": POD}
PATH = "/apis/apps/v1/namespaces/default/deployments"
MERGE = "application/merge-patch+json"


def deployed(world: World) -> World:
    world.local().create(PATH, DEPLOYMENT | {"spec": SPEC})
    world.advance(5)
    return world


def restarted(world: World, value: str = "x") -> World:
    patch = {"spec": {"template": {"metadata": {"annotations": {"restarted": value}}}}}
    world.local().patch(f"{PATH}/web", orjson.dumps(patch), MERGE)
    world.advance(20)
    return world


def contents(world: World) -> Any:
    return dict(world.index.everything())


def test_time_stands_still_until_it_is_advanced() -> None:
    world = World()
    world.settle()
    assert world.clock.now() == EPOCH
    world.advance(12.5)
    assert world.clock.now() == EPOCH + timedelta(seconds=12.5)


def test_time_does_not_go_back() -> None:
    with pytest.raises(ValueError, match="does not go back"):
        World().advance(-1)


def test_many_small_steps_lead_to_the_same_world_as_a_large_one() -> None:
    large, small = deployed(World()), deployed(World())
    restarted(large)
    patch = {"spec": {"template": {"metadata": {"annotations": {"restarted": "x"}}}}}
    small.local().patch(f"{PATH}/web", orjson.dumps(patch), MERGE)
    for _ in range(80):
        small.advance(0.25)
    assert contents(small) == contents(large)


def test_the_same_requests_give_the_same_names_and_times() -> None:
    assert contents(restarted(deployed(World(seed=7)))) == contents(restarted(deployed(World(seed=7))))
    assert contents(deployed(World(seed=7))) != contents(deployed(World(seed=8)))


def test_a_fork_goes_on_as_the_original_would_have() -> None:
    world = deployed(World())
    twin = world.fork()
    assert contents(twin) == contents(world)
    assert contents(restarted(twin)) == contents(restarted(world))
    assert twin.clock.now() == world.clock.now()


@pytest.mark.parametrize("lag", [0.0, 0.4])
def test_a_fork_taken_in_the_middle_of_a_rollout_finishes_it(lag: float) -> None:
    world = deployed(World(lag=lag))
    patch = {"spec": {"template": {"metadata": {"annotations": {"restarted": "x"}}}}}
    world.local().patch(f"{PATH}/web", orjson.dumps(patch), MERGE)
    world.advance(2.25)
    twin = world.fork()
    assert twin.next_due() == world.next_due()
    for each in (world, twin):
        each.advance(20)
    assert contents(twin) == contents(world)


def test_a_fork_and_its_original_do_not_see_each_other() -> None:
    world = deployed(World())
    twin = world.fork()
    before, revision, now = contents(world), world.store.revision, world.clock.now()
    twin.local().delete(f"{PATH}/web")
    twin.troubles.begin("Deployment", "default", "web", Trouble("never-ready"))
    twin.api.rbac.deny("admin", verbs=("create",))
    twin.advance(30)
    assert contents(world) == before
    assert (world.store.revision, world.clock.now()) == (revision, now)
    assert len(restarted(world).local().list("/api/v1/namespaces/default/pods")) == 3
    assert len(twin.audit.entries) != len(world.audit.entries)


def test_a_fork_takes_over_troubles_permissions_and_audit() -> None:
    world = deployed(World())
    world.troubles.begin("Deployment", "default", "web", Trouble("never-ready"))
    world.api.rbac.deny("guest")
    twin = world.fork()
    assert twin.audit.entries == world.audit.entries
    assert twin.transport("guest").send("GET", PATH, {}, None, "", "")[0] == 403
    restarted(twin)
    status = twin.local().get(f"{PATH}/web")
    assert status is not None
    assert status["status"]["unavailableReplicas"] >= 1


def test_a_story_that_repeats_in_a_fork_is_counted_on() -> None:
    world = World()
    pod = {
        "metadata": {"name": "web", "annotations": {"sandbox.upgrader/trouble": "crash-loop"}},
        "spec": POD["spec"],
    }
    world.local().create("/api/v1/namespaces/default/pods", {"apiVersion": "v1", "kind": "Pod"} | pod)
    world.advance(15)
    twin = world.fork()
    twin.advance(60)
    (told,) = [each for each in twin.store.list("", "events") if each["reason"] == "BackOff"]
    assert told["count"] == 4


def test_a_write_through_the_transport_has_taken_effect_when_it_is_answered() -> None:
    world = World()
    body = orjson.dumps(DEPLOYMENT | {"spec": SPEC})
    status, headers, answer = world.transport().send(
        "POST", PATH, {}, body, "application/json", "application/json"
    )
    assert status == 201
    assert headers["content-type"] == "application/json"
    assert orjson.loads(answer)["metadata"]["name"] == "web"
    assert len(world.store.list("", "pods", "default")) == 3
    entry = world.audit.writes(user="admin")[-1]
    assert (entry.agent, entry.resource, entry.status) == ("upgrade", "deployments", 201)


def test_the_products_clock_moves_the_world() -> None:
    world = World()
    world.local().create(PATH, DEPLOYMENT | {"spec": SPEC})
    clock = WorldClock(world)
    began = clock.boottime()
    clock.sleep(2.0)
    assert clock.boottime() - began == 2.0
    assert clock.now() == world.clock.now()
    found = world.local().get(f"{PATH}/web")
    assert found is not None
    assert found["status"]["availableReplicas"] == 3


def test_a_lag_keeps_news_from_the_controllers() -> None:
    world = World(lag=0.5)
    world.local().create(PATH, DEPLOYMENT | {"spec": SPEC})
    world.settle()
    assert world.store.list("", "pods") == []
    world.advance(0.5)
    assert world.store.list("apps", "replicasets") != []
    assert world.store.list("", "pods") == []
    world.advance(10)
    found = world.local().get(f"{PATH}/web")
    assert found is not None
    assert found["status"]["availableReplicas"] == 3


def test_without_controllers_nothing_happens_by_itself() -> None:
    world = World(controllers=False)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
    world.local().create("/api/v1/namespaces", space)
    world.local().create(PATH, DEPLOYMENT | {"spec": SPEC})
    world.advance(60)
    assert world.store.list("apps", "replicasets") == []
    assert contents(world.fork()) == contents(world)


def test_a_world_on_a_scaled_clock_says_when_it_wants_to_go_on() -> None:
    world = World(clock=ScaledClock(0.001))
    assert world.step() is None
    world.local().create(PATH, DEPLOYMENT | {"spec": SPEC})
    wait = world.step()
    assert wait is not None
    assert 0 < wait <= 2
    with pytest.raises(TypeError, match="virtual"):
        world.advance(1)


def test_controllers_that_undo_each_other_are_found_out() -> None:
    world = World()

    class Restless:
        hears = None
        hears_ends = False

        def __init__(self) -> None:
            self.queue = Queue(world.clock, world.cluster.agenda)
            self.queue.add(("", "", "", ""))

        def changed(self, event: Any) -> None: ...
        def inherit(self, other: Any) -> None: ...
        def reconcile(self) -> None:
            for key in self.queue.take():
                self.queue.add(key)

        def next_due(self) -> None:
            return None

    world.controllers.append(Restless())
    with pytest.raises(NeverSettles, match="Restless"):
        world.settle()


@pytest.mark.slow
@pytest.mark.parametrize("lag", [0.0, 0.3])
def test_a_shop_restarts_workload_by_workload_and_is_whole_again(lag: float) -> None:
    from upgrader.sandbox.scenarios.health import unhealthy

    world = World(lag=lag)
    load(world, "shop")
    twin = world.fork()
    for plural in ("deployments", "statefulsets", "daemonsets"):
        for each in twin.store.list("apps", plural):
            meta = each["metadata"]
            path = f"/apis/apps/v1/namespaces/{meta['namespace']}/{plural}/{meta['name']}"
            patch = {"spec": {"template": {"metadata": {"annotations": {"restarted": "x"}}}}}
            twin.local().patch(path, orjson.dumps(patch), MERGE)
    twin.advance(120)
    assert unhealthy(twin.store) == []
    old = {
        pod["metadata"]["uid"] for pod in world.store.list("", "pods") if pod["status"]["phase"] == "Running"
    }
    assert not old & {pod["metadata"]["uid"] for pod in twin.store.list("", "pods")}


def manifests(version: str) -> Path:
    folder = os.environ.get("UPGRADER_TEST_DATA")
    if not folder:
        pytest.skip("UPGRADER_TEST_DATA does not name the folder with upstream manifests")
    return Path(folder) / "manifests" / version


@pytest.mark.slow
def test_upstream_manifests_bring_up_a_control_plane_and_an_injected_gateway() -> None:
    folder, world = manifests("1.28.10"), World(kubernetes="1.30")
    for name in ("istio-system", "istio-ingress"):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        world.local().create("/api/v1/namespaces", space)
    for name in ("crds", "base", "istiod", "gateway"):
        apply_manifests(world, (folder / f"{name}.yaml").read_text())
        world.advance(10)
    pods = world.store.list("", "pods")
    assert {pod["metadata"]["namespace"] for pod in pods} == {"istio-system", "istio-ingress"}
    gateway = next(pod for pod in pods if pod["metadata"]["namespace"] == "istio-ingress")
    assert gateway["spec"]["containers"][0]["image"].endswith("/proxyv2:1.28.10")
    assert gateway["status"]["phase"] == "Running"
    assert ("networking.istio.io", "virtualservices") in world.api.catalogue.custom
