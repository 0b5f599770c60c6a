"""Deployments roll as kube-controller-manager rolls them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.controllers.conftest import Scene

REVISION = "deployment.kubernetes.io/revision"


def sets(scene: Scene) -> dict[str, int]:
    """Size of every ReplicaSet by its revision."""
    found = scene.local.list(scene.path("ReplicaSet"))
    return {each["metadata"]["annotations"][REVISION]: each["spec"]["replicas"] for each in found}


def walk(scene: Scene, seconds: float) -> list[tuple[int, int]]:
    """(pods ready, pods that are not being deleted) at every half second."""
    seen = []
    for _ in range(int(seconds * 2)):
        scene.world.advance(0.5)
        living = [pod for pod in scene.pods() if "deletionTimestamp" not in pod["metadata"]]
        seen.append((len(scene.ready()), len(living)))
    return seen


def test_a_new_deployment_becomes_available_once_its_pods_are_ready(scene: Scene) -> None:
    scene.workload("Deployment", replicas=3)
    assert "availableReplicas" not in scene.status("Deployment")
    assert scene.status("Deployment")["unavailableReplicas"] == 3
    scene.world.advance(2)
    status = scene.status("Deployment")
    assert {
        word: status[word] for word in ("replicas", "readyReplicas", "availableReplicas", "updatedReplicas")
    } == dict.fromkeys(("replicas", "readyReplicas", "availableReplicas", "updatedReplicas"), 3)
    assert "unavailableReplicas" not in status
    assert status["observedGeneration"] == 1
    assert scene.condition("Deployment", "web", "Available") == ("True", "MinimumReplicasAvailable")
    assert scene.condition("Deployment", "web", "Progressing") == ("True", "NewReplicaSetAvailable")


def test_pods_are_named_after_the_hash_of_their_template(scene: Scene) -> None:
    scene.workload("Deployment", replicas=1)
    (pod,), (replica_set,) = scene.pods(), scene.local.list(scene.path("ReplicaSet"))
    word = replica_set["metadata"]["labels"]["pod-template-hash"]
    assert replica_set["metadata"]["name"] == f"web-{word}"
    assert pod["metadata"]["name"].startswith(f"web-{word}-")
    assert pod["metadata"]["labels"] == {"app": "web", "pod-template-hash": word}
    assert replica_set["spec"]["selector"]["matchLabels"]["pod-template-hash"] == word


@pytest.mark.parametrize(
    ("surge", "unavailable", "least", "most"),
    [(1, 0, 4, 5), (0, 1, 3, 4), ("25%", "25%", 3, 5), ("50%", 0, 4, 6), (0, "50%", 2, 4)],
)
def test_a_rollout_stays_within_surge_and_unavailable(
    scene: Scene, surge: Any, unavailable: Any, least: int, most: int
) -> None:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    scene.workload("Deployment", replicas=4, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    scene.world.advance(3)
    scene.mark("Deployment")
    seen = walk(scene, 15)
    assert min(ready for ready, _ in seen) == least
    assert max(living for _, living in seen) == most
    assert sets(scene) == {"1": 0, "2": 4}
    assert all(pod["metadata"]["annotations"]["restarted"] == "now" for pod in scene.pods())


def test_a_paused_deployment_keeps_its_pods_until_it_is_resumed(scene: Scene) -> None:
    scene.workload("Deployment", replicas=2)
    scene.world.advance(3)
    before = scene.names("Pod")
    scene.patch("Deployment", "web", {"spec": {"paused": True}})
    scene.mark("Deployment")
    scene.world.advance(60)
    assert scene.names("Pod") == before
    assert (
        scene.status("Deployment")["observedGeneration"] == scene.get("Deployment")["metadata"]["generation"]
    )
    assert "updatedReplicas" not in scene.status("Deployment")
    assert scene.condition("Deployment", "web", "Progressing") == ("Unknown", "DeploymentPaused")
    scene.patch("Deployment", "web", {"spec": {"paused": False}})
    scene.world.advance(10)
    assert not set(before) & set(scene.names("Pod"))
    assert scene.condition("Deployment", "web", "Progressing")[1] == "NewReplicaSetAvailable"


def test_a_paused_deployment_still_scales(scene: Scene) -> None:
    scene.workload("Deployment", replicas=2)
    scene.world.advance(3)
    scene.patch("Deployment", "web", {"spec": {"paused": True, "replicas": 5}})
    scene.world.advance(3)
    assert len(scene.ready()) == 5


def test_recreate_has_a_gap_without_any_pod(scene: Scene) -> None:
    scene.workload("Deployment", replicas=3, strategy={"type": "Recreate"})
    scene.world.advance(3)
    scene.mark("Deployment")
    assert scene.ready() == []
    assert sets(scene) == {"1": 0}
    seen = walk(scene, 5)
    assert (0, 0) in seen
    assert max(living for _, living in seen) == 3
    assert seen[-1] == (3, 3)
    assert sets(scene) == {"1": 0, "2": 3}


def test_a_template_that_returns_to_a_former_one_scales_the_former_replica_set_up(scene: Scene) -> None:
    scene.workload("Deployment", replicas=2)
    scene.world.advance(3)
    first = scene.names("ReplicaSet")
    scene.mark("Deployment")
    scene.world.advance(10)
    scene.mark("Deployment", value=None)
    scene.world.advance(10)
    assert sets(scene) == {"2": 0, "3": 2}
    assert scene.get("Deployment")["metadata"]["annotations"][REVISION] == "3"
    former = scene.get("ReplicaSet", first[0])
    assert former["spec"]["replicas"] == 2
    assert former["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"
    assert {pod["metadata"]["ownerReferences"][0]["name"] for pod in scene.pods()} == set(first)


def test_only_so_many_former_replica_sets_are_kept(scene: Scene) -> None:
    scene.workload("Deployment", replicas=1, revisionHistoryLimit=2)
    for value in "abcde":
        scene.world.advance(10)
        scene.mark("Deployment", value=value)
    scene.world.advance(10)
    assert sets(scene) == {"4": 0, "5": 0, "6": 1}


def test_a_pod_counts_as_available_only_after_min_ready_seconds(scene: Scene) -> None:
    scene.workload("Deployment", replicas=1, minReadySeconds=10)
    scene.world.advance(11)
    assert scene.status("Deployment")["readyReplicas"] == 1
    assert "availableReplicas" not in scene.status("Deployment")
    scene.world.advance(1)
    assert scene.status("Deployment")["availableReplicas"] == 1


def test_a_rollout_that_does_not_move_is_late_after_its_deadline_and_recovers(scene: Scene) -> None:
    from upgrader.sandbox.controllers.trouble import Trouble

    scene.workload("Deployment", replicas=2, progressDeadlineSeconds=30)
    scene.world.advance(5)
    scene.world.troubles.begin("Deployment", "default", "web", Trouble("never-ready"))
    scene.mark("Deployment")
    scene.world.advance(29)
    assert scene.condition("Deployment", "web", "Progressing")[0] == "True"
    scene.world.advance(2)
    assert scene.condition("Deployment", "web", "Progressing") == ("False", "ProgressDeadlineExceeded")
    assert scene.condition("Deployment", "web", "Available")[0] == "True"
    scene.world.troubles.end("Deployment", "default", "web")
    scene.world.advance(10)
    assert scene.condition("Deployment", "web", "Progressing") == ("True", "NewReplicaSetAvailable")


def test_a_crash_loop_leaves_the_old_pods_serving(scene: Scene) -> None:
    from upgrader.sandbox.controllers.trouble import Trouble

    scene.workload("Deployment", replicas=4)
    scene.create(
        "Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}
    )
    scene.world.advance(3)
    old = scene.ready()
    scene.world.troubles.begin("Deployment", "default", "web", Trouble("crash-loop"))
    scene.mark("Deployment")
    scene.world.advance(120)
    new = [pod for pod in scene.pods() if pod["metadata"]["name"] not in old]
    assert len(scene.addresses()) == 3
    assert set(scene.addresses()) < set(old)
    (row,) = new[0]["status"]["containerStatuses"]
    assert row["state"]["waiting"]["reason"] == "CrashLoopBackOff"
    assert row["restartCount"] == 3
    assert row["lastState"]["terminated"]["exitCode"] == 1


def test_refused_pods_are_told_in_a_condition_and_tried_again(scene: Scene) -> None:
    from upgrader.sandbox.api.access.rbac import Denial

    denial = Denial(
        "system:serviceaccount:kube-system:replicaset-controller", verbs=("create",), resources=("pods",)
    )
    scene.world.api.rbac.denials.append(denial)
    scene.workload("Deployment", replicas=1)
    scene.world.advance(5)
    assert scene.condition("Deployment", "web", "ReplicaFailure") == ("True", "FailedCreate")
    scene.world.api.rbac.denials.clear()
    scene.world.advance(10)
    assert scene.condition("Deployment", "web", "ReplicaFailure") == ("", "")
    assert len(scene.ready()) == 1


def test_scaling_down_removes_pods_that_are_not_ready_first(scene: Scene) -> None:
    scene.workload("Deployment", replicas=2)
    scene.world.advance(3)
    old = scene.ready()
    scene.patch("Deployment", "web", {"spec": {"replicas": 4}})
    scene.patch("Deployment", "web", {"spec": {"replicas": 2}})
    scene.world.advance(3)
    assert scene.ready() == old


def test_resizing_in_the_middle_of_a_rollout_keeps_the_proportions(scene: Scene) -> None:
    from upgrader.sandbox.controllers.trouble import Trouble

    rolling = {"maxSurge": 3, "maxUnavailable": 2}
    scene.workload("Deployment", replicas=10, strategy={"type": "RollingUpdate", "rollingUpdate": rolling})
    scene.world.advance(3)
    scene.world.troubles.begin("Deployment", "default", "web", Trouble("image-pull"))
    scene.mark("Deployment")
    scene.world.advance(5)
    assert sets(scene) == {"1": 8, "2": 5}
    scene.patch("Deployment", "web", {"spec": {"replicas": 15}})
    scene.world.advance(5)
    assert sets(scene) == {
        "1": 11,
        "2": 7,
    }  # the example of the Kubernetes documentation on proportional scaling


def test_a_deleted_pod_is_replaced(scene: Scene) -> None:
    scene.workload("Deployment", replicas=2)
    scene.world.advance(3)
    first, second = scene.names("Pod")
    scene.delete("Pod", first)
    scene.world.advance(3)
    assert len(scene.ready()) == 2
    assert first not in scene.names("Pod")
    assert second in scene.names("Pod")
