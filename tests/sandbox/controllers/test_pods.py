"""The life of pods: scheduling, starting, going wrong, ending."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from upgrader.sandbox.controllers.trouble import Trouble, parse_trouble

if TYPE_CHECKING:
    from tests.sandbox.controllers.conftest import Scene

NATIVE = {"name": "istio-proxy", "image": "registry.example/proxyv2:1", "restartPolicy": "Always"}


def pod(scene: Scene, name: str = "web", meta: Any = None, **spec: Any) -> None:
    body = {"containers": [{"name": "app", "image": "registry.example/web:1"}], **spec}
    scene.create("Pod", name, meta=meta, spec=body)


def row(scene: Scene, name: str = "web", container: str = "app") -> Any:
    status = scene.status("Pod", name)
    rows = [*status.get("initContainerStatuses", ()), *status["containerStatuses"]]
    return next(each for each in rows if each["name"] == container)


def test_a_pod_is_bound_runs_and_gets_ready(scene: Scene) -> None:
    pod(scene)
    assert scene.get("Pod")["spec"]["nodeName"] == "node-1"
    assert scene.status("Pod")["phase"] == "Pending"
    assert row(scene)["state"] == {"waiting": {"reason": "ContainerCreating"}}
    scene.world.advance(1)
    assert scene.status("Pod")["phase"] == "Running"
    assert scene.condition("Pod", "web", "Ready") == ("False", "ContainersNotReady")
    scene.world.advance(1)
    assert scene.condition("Pod", "web", "Ready")[0] == "True"
    assert row(scene)["state"] == {"running": {"startedAt": "2026-01-05T09:00:01Z"}}


def test_equal_images_have_equal_ids_and_different_ones_different_ids(scene: Scene) -> None:
    for name, image in {
        "a": "r.example/x:1",
        "b": "r.example/x:1",
        "c": "r.example/x:2",
        "d": "r.example:5000/x",
    }.items():
        pod(scene, name, containers=[{"name": "app", "image": image}])
    scene.world.advance(3)
    ids = {name: row(scene, name)["imageID"] for name in "abcd"}
    assert ids["a"] == ids["b"] != ids["c"]
    assert ids["a"].startswith("r.example/x@sha256:")
    assert ids["d"].startswith("r.example:5000/x@sha256:")


def test_an_image_with_a_digest_keeps_it(scene: Scene) -> None:
    image = "r.example/x@sha256:" + "a" * 64
    pod(scene, containers=[{"name": "app", "image": image}])
    scene.world.advance(3)
    assert row(scene)["imageID"] == image


def test_init_containers_end_and_native_sidecars_go_on(scene: Scene) -> None:
    pod(scene, initContainers=[{"name": "prepare", "image": "i:1"}, NATIVE])
    assert scene.condition("Pod", "web", "Initialized") == ("False", "ContainersNotInitialized")
    scene.world.advance(3)
    assert row(scene, container="prepare")["state"]["terminated"]["exitCode"] == 0
    sidecar = row(scene, container="istio-proxy")
    assert sidecar["ready"]
    assert sidecar["started"]
    assert "running" in sidecar["state"]
    assert scene.condition("Pod", "web", "Ready")[0] == "True"


def test_pods_never_share_an_address_even_when_others_are_gone(scene: Scene) -> None:
    scene.workload("Deployment", replicas=3)
    scene.world.advance(3)
    first = {each["status"]["podIP"] for each in scene.pods()}
    scene.mark("Deployment")
    scene.world.advance(20)
    second = {each["status"]["podIP"] for each in scene.pods()}
    assert len(first) == len(second) == 3
    assert not first & second


def test_a_pod_on_the_host_network_has_the_address_of_its_node(scene: Scene) -> None:
    pod(scene, hostNetwork=True)
    status = scene.status("Pod")
    assert status["podIP"] == status["hostIP"]


def test_a_deleted_pod_stays_until_it_ended(scene: Scene) -> None:
    pod(scene)
    scene.world.advance(3)
    scene.delete("Pod")
    assert scene.get("Pod")["metadata"]["deletionGracePeriodSeconds"] == 30
    scene.world.advance(1)
    assert scene.names("Pod") == []


def test_a_finalizer_holds_a_pod_that_ended(scene: Scene) -> None:
    pod(scene, meta={"finalizers": ["example.com/hold"]})
    scene.world.advance(3)
    scene.delete("Pod")
    scene.world.advance(60)
    assert scene.names("Pod") == ["web"]
    scene.patch("Pod", "web", {"metadata": {"finalizers": None}})
    scene.world.advance(1)
    assert scene.names("Pod") == []


def test_a_pod_that_fits_nowhere_waits_until_a_node_does(scene: Scene) -> None:
    pod(scene, nodeSelector={"disk": "fast"})
    scene.world.advance(60)
    assert scene.condition("Pod", "web", "PodScheduled") == ("False", "Unschedulable")
    scene.local.patch(
        "/api/v1/nodes/node-2", b'{"metadata":{"labels":{"disk":"fast"}}}', "application/merge-patch+json"
    )
    scene.world.advance(1)
    assert scene.get("Pod")["spec"]["nodeName"] == "node-2"


def test_pods_are_spread_over_the_nodes(scene: Scene) -> None:
    scene.workload("Deployment", replicas=4)
    scene.world.settle()
    assert sorted(each["spec"]["nodeName"] for each in scene.pods()) == [
        "node-1",
        "node-1",
        "node-2",
        "node-2",
    ]


def test_a_slow_pod_runs_early_and_is_ready_late(scene: Scene) -> None:
    pod(scene, meta={"annotations": {"sandbox.upgrader/trouble": "slow=30"}})
    scene.world.advance(29)
    assert scene.status("Pod")["phase"] == "Running"
    assert scene.ready() == []
    scene.world.advance(1)
    assert scene.ready() == ["web"]


def test_a_crashing_container_is_restarted_ever_more_rarely_while_its_proxy_runs(scene: Scene) -> None:
    notes = {"annotations": {"sandbox.upgrader/trouble": "crash-loop"}}
    pod(
        scene,
        meta=notes,
        containers=[{"name": "app", "image": "a:1"}, {"name": "istio-proxy", "image": "p:1"}],
    )
    counts = []
    for _ in range(4):
        scene.world.advance(40)
        counts.append(row(scene)["restartCount"])
    assert counts == [2, 3, 3, 4]
    assert row(scene)["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert row(scene, container="istio-proxy")["ready"]
    assert row(scene, container="istio-proxy")["restartCount"] == 0
    assert scene.ready() == []
    scene.patch("Pod", "web", {"metadata": {"annotations": {"sandbox.upgrader/trouble": None}}})
    assert scene.ready() == ["web"]
    assert row(scene)["restartCount"] == 4


def test_an_image_that_cannot_be_pulled_keeps_the_pod_pending(scene: Scene) -> None:
    pod(scene, meta={"annotations": {"sandbox.upgrader/trouble": "image-pull"}})
    scene.world.advance(60)
    assert scene.status("Pod")["phase"] == "Pending"
    assert row(scene)["state"]["waiting"]["reason"] == "ImagePullBackOff"


def test_the_image_auto_is_in_no_registry(scene: Scene) -> None:
    pod(scene, containers=[{"name": "istio-proxy", "image": "auto"}])
    scene.world.advance(60)
    assert row(scene, container="istio-proxy")["state"]["waiting"]["reason"] == "ImagePullBackOff"


def test_a_trouble_concerns_new_pods_only_unless_it_says_existing(scene: Scene) -> None:
    scene.workload("Deployment", replicas=2)
    scene.world.advance(3)
    scene.world.troubles.begin("Deployment", "default", "web", Trouble("never-ready"))
    scene.world.advance(3)
    assert len(scene.ready()) == 2
    scene.world.troubles.begin("Deployment", "default", "web", Trouble("never-ready", existing=True))
    scene.world.advance(3)
    assert scene.ready() == []
    scene.world.troubles.end("Deployment", "default", "web")
    scene.world.advance(3)
    assert len(scene.ready()) == 2


def test_a_trouble_concerns_the_pods_its_selector_names(scene: Scene) -> None:
    notes = {"annotations": {"sandbox.upgrader/trouble": "never-ready; where=version=v2"}}
    scene.workload("Deployment", replicas=2, meta=notes)
    scene.world.advance(3)
    assert len(scene.ready()) == 2
    scene.patch("Deployment", "web", {"spec": {"template": {"metadata": {"labels": {"version": "v2"}}}}})
    scene.world.advance(60)
    assert {
        each["metadata"]["labels"].get("version")
        for each in scene.pods()
        if each["metadata"]["name"] in scene.ready()
    } == {None}


def test_an_annotation_on_the_workload_is_heeded_at_once_and_until_it_is_gone(scene: Scene) -> None:
    scene.workload("Deployment", replicas=1)
    scene.world.advance(3)
    scene.patch(
        "Deployment", "web", {"metadata": {"annotations": {"sandbox.upgrader/trouble": "never-ready"}}}
    )
    scene.world.advance(1)
    assert scene.ready() == []
    scene.patch("Deployment", "web", {"metadata": {"annotations": {"sandbox.upgrader/trouble": None}}})
    scene.world.advance(1)
    assert len(scene.ready()) == 1


@pytest.mark.parametrize("text", ["", "slowly", "slow=soon"])
def test_a_trouble_nobody_understands_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unknown trouble|could not convert"):
        parse_trouble(text)


def test_an_open_readiness_gate_keeps_a_pod_from_being_ready(scene: Scene) -> None:
    pod(scene, readinessGates=[{"conditionType": "example.com/open"}])
    scene.world.advance(5)
    assert scene.ready() == []
    assert scene.condition("Pod", "web", "ContainersReady")[0] == "True"
    told = {"type": "example.com/open", "status": "True"}
    conditions = [*scene.status("Pod")["conditions"], told]
    body = {"status": {"conditions": conditions}}
    import orjson

    scene.local.patch(
        scene.path("Pod", "web") + "/status", orjson.dumps(body), "application/merge-patch+json"
    )
    scene.world.settle()
    assert scene.ready() == ["web"]
