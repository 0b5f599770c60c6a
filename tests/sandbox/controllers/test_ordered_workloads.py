"""StatefulSets and DaemonSets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upgrader.sandbox.controllers.trouble import Trouble

if TYPE_CHECKING:
    from tests.sandbox.controllers.conftest import Scene


def revisions(scene: Scene) -> dict[str, str]:
    return {
        pod["metadata"]["name"]: pod["metadata"]["labels"]["controller-revision-hash"] for pod in scene.pods()
    }


def ages(scene: Scene) -> dict[str, str]:
    return {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in scene.pods()}


def test_pods_of_a_stateful_set_start_one_after_the_other(scene: Scene) -> None:
    scene.workload("StatefulSet", replicas=3, serviceName="web")
    assert scene.names("Pod") == ["web-0"]
    scene.world.advance(2)
    assert scene.names("Pod") == ["web-0", "web-1"]
    scene.world.advance(4)
    status = scene.status("StatefulSet")
    assert (
        status["replicas"],
        status["readyReplicas"],
        status["currentReplicas"],
        status["availableReplicas"],
    ) == (3, 3, 3, 3)
    assert status["currentRevision"] == status["updateRevision"]


def test_a_parallel_stateful_set_starts_all_at_once(scene: Scene) -> None:
    scene.workload("StatefulSet", replicas=3, serviceName="web", podManagementPolicy="Parallel")
    assert scene.names("Pod") == ["web-0", "web-1", "web-2"]


def test_an_update_goes_from_the_highest_number_down_and_waits_for_each(scene: Scene) -> None:
    scene.workload("StatefulSet", replicas=3, serviceName="web")
    scene.world.advance(10)
    before = ages(scene)
    scene.mark("StatefulSet")
    order = []
    for _ in range(30):
        scene.world.advance(0.5)
        now = ages(scene)
        order += [
            name for name in before if now.get(name, before[name]) != before[name] and name not in order
        ]
        assert len(scene.ready()) >= 2
    assert order == ["web-2", "web-1", "web-0"]
    status = scene.status("StatefulSet")
    assert status["currentRevision"] == status["updateRevision"]
    assert status["updatedReplicas"] == status["currentReplicas"] == 3


def test_pods_below_the_partition_keep_their_revision_even_when_they_are_deleted(scene: Scene) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    scene.workload("StatefulSet", replicas=3, serviceName="web", updateStrategy=strategy)
    scene.world.advance(10)
    former = revisions(scene)["web-0"]
    scene.mark("StatefulSet")
    scene.world.advance(10)
    found = revisions(scene)
    assert found["web-0"] == found["web-1"] == former != found["web-2"]
    assert scene.status("StatefulSet")["updatedReplicas"] == 1
    scene.delete("Pod", "web-0")
    scene.world.advance(10)
    assert revisions(scene)["web-0"] == former


def test_on_delete_changes_a_pod_only_when_somebody_deletes_it(scene: Scene) -> None:
    scene.workload("StatefulSet", replicas=2, serviceName="web", updateStrategy={"type": "OnDelete"})
    scene.world.advance(10)
    before = ages(scene)
    scene.mark("StatefulSet")
    scene.world.advance(60)
    assert ages(scene) == before
    scene.delete("Pod", "web-1")
    scene.world.advance(10)
    found = revisions(scene)
    assert found["web-1"] == scene.status("StatefulSet")["updateRevision"] != found["web-0"]


def test_a_template_that_returns_gets_its_former_controller_revision(scene: Scene) -> None:
    scene.workload("StatefulSet", replicas=1, serviceName="web")
    scene.world.advance(5)
    first = scene.status("StatefulSet")["updateRevision"]
    scene.mark("StatefulSet")
    scene.world.advance(10)
    scene.mark("StatefulSet", value=None)
    scene.world.advance(10)
    assert scene.status("StatefulSet")["updateRevision"] == first
    kept = scene.world.store.list("apps", "controllerrevisions", "default")
    assert sorted(each["revision"] for each in kept) == [2, 3]


def test_a_stateful_set_stops_at_a_pod_that_does_not_get_ready(scene: Scene) -> None:
    scene.workload("StatefulSet", replicas=3, serviceName="web")
    scene.world.advance(10)
    scene.world.troubles.begin("StatefulSet", "default", "web", Trouble("never-ready"))
    scene.mark("StatefulSet")
    scene.world.advance(120)
    assert scene.ready() == ["web-0", "web-1"]
    assert len(set(revisions(scene).values())) == 2


def test_scaling_down_takes_the_highest_number_first(scene: Scene) -> None:
    scene.workload("StatefulSet", replicas=3, serviceName="web")
    scene.world.advance(10)
    scene.patch("StatefulSet", "web", {"spec": {"replicas": 1}})
    scene.world.advance(1)
    assert scene.names("Pod") == ["web-0", "web-1"]
    scene.world.advance(2)
    assert scene.names("Pod") == ["web-0"]


def test_each_pod_of_a_stateful_set_keeps_its_own_claim(scene: Scene) -> None:
    claim = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    scene.workload("StatefulSet", replicas=1, serviceName="web", volumeClaimTemplates=[claim])
    (pod,) = scene.pods()
    assert pod["spec"]["hostname"] == "web-0"
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "data-web-0"}} in pod["spec"]["volumes"]
    assert scene.world.store.get(("", "persistentvolumeclaims", "default", "data-web-0")) is not None


def test_a_daemon_set_has_a_pod_on_every_node_and_on_new_ones(scene: Scene) -> None:
    scene.workload("DaemonSet")
    scene.world.advance(3)
    assert sorted(pod["spec"]["nodeName"] for pod in scene.pods()) == ["node-1", "node-2"]
    scene.local.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-3"}})
    scene.world.advance(3)
    status = scene.status("DaemonSet")
    assert (status["desiredNumberScheduled"], status["numberReady"], status["numberAvailable"]) == (3, 3, 3)
    assert "numberUnavailable" not in status


def test_a_daemon_set_replaces_one_pod_at_a_time(scene: Scene) -> None:
    scene.workload("DaemonSet")
    scene.world.advance(3)
    before = set(ages(scene).values())
    scene.mark("DaemonSet")
    for _ in range(20):
        scene.world.advance(0.5)
        assert len(scene.ready()) >= 1
    assert not before & set(ages(scene).values())
    assert scene.status("DaemonSet")["updatedNumberScheduled"] == 2


def test_with_surge_an_old_daemon_stays_until_the_new_one_is_available(scene: Scene) -> None:
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    scene.workload("DaemonSet", updateStrategy=strategy)
    scene.world.advance(3)
    before = set(ages(scene).values())
    scene.mark("DaemonSet")
    for _ in range(20):
        assert {
            pod["spec"]["nodeName"] for pod in scene.pods() if pod["metadata"]["name"] in scene.ready()
        } == {"node-1", "node-2"}
        scene.world.advance(0.5)
    assert not before & set(ages(scene).values())


def test_a_daemon_set_on_delete_is_left_alone(scene: Scene) -> None:
    scene.workload("DaemonSet", updateStrategy={"type": "OnDelete"})
    scene.world.advance(3)
    before = ages(scene)
    scene.mark("DaemonSet")
    scene.world.advance(30)
    assert ages(scene) == before
    assert "updatedNumberScheduled" not in scene.status("DaemonSet")


def test_a_cordoned_node_keeps_its_daemon_and_gets_no_other_pods(scene: Scene) -> None:
    scene.workload("DaemonSet", name="agent")
    scene.local.patch(
        "/api/v1/nodes/node-1", b'{"spec":{"unschedulable":true}}', "application/merge-patch+json"
    )
    scene.workload("Deployment", replicas=4)
    scene.world.advance(5)
    assert scene.status("DaemonSet", "agent")["numberReady"] == 2
    assert {pod["spec"]["nodeName"] for pod in scene.pods() if pod["metadata"]["labels"]["app"] == "web"} == {
        "node-2"
    }
