"""Namespaces, garbage, budgets, definitions, nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.sandbox.controllers.conftest import Scene

SELECTOR = {"matchLabels": {"app": "web"}}
FOREGROUND = {"propagationPolicy": "Foreground"}


def space(scene: Scene, name: str = "shop") -> None:
    scene.local.create(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    )
    scene.world.settle()


def test_a_namespace_gets_its_account_and_root_certificate_also_when_somebody_deletes_them(
    scene: Scene,
) -> None:
    space(scene)
    assert scene.names("ConfigMap", "shop") == ["kube-root-ca.crt"]
    assert scene.world.store.get(("", "serviceaccounts", "shop", "default")) is not None
    scene.delete("ConfigMap", "kube-root-ca.crt", "shop")
    assert scene.names("ConfigMap", "shop") == ["kube-root-ca.crt"]


def test_a_deleted_namespace_ends_with_all_that_is_in_it(scene: Scene) -> None:
    space(scene)
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    body = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    scene.create("Deployment", "web", "shop", spec=body)
    scene.create("Service", "web", "shop", spec={"selector": labels, "ports": [{"port": 80}]})
    scene.world.advance(3)
    scene.local.delete("/api/v1/namespaces/shop")
    scene.world.settle()
    found = scene.at("/api/v1/namespaces/shop")
    assert found["status"]["phase"] == "Terminating"
    assert scene.names("Deployment", "shop") == []
    assert len(scene.names("Pod", "shop")) == 2
    scene.world.advance(2)
    assert scene.local.get("/api/v1/namespaces/shop") is None
    assert scene.world.index.within("shop") == []


def test_a_finalizer_holds_the_namespace(scene: Scene) -> None:
    space(scene)
    scene.create("ConfigMap", "held", "shop", meta={"finalizers": ["example.com/hold"]})
    scene.local.delete("/api/v1/namespaces/shop")
    scene.world.advance(60)
    conditions = scene.at("/api/v1/namespaces/shop")["status"]["conditions"]
    [left] = [each for each in conditions if each["type"] == "NamespaceContentRemaining"]
    assert left["message"] == "Some resources are remaining: configmaps. has 1 resource instances"
    scene.patch("ConfigMap", "held", {"metadata": {"finalizers": None}}, "shop")
    scene.world.advance(1)
    assert scene.local.get("/api/v1/namespaces/shop") is None


def test_deleting_in_the_background_takes_the_owner_first(scene: Scene) -> None:
    scene.workload("Deployment", replicas=1)
    scene.world.advance(3)
    scene.delete("Deployment")
    assert scene.names("Deployment") == scene.names("ReplicaSet") == []
    assert len(scene.names("Pod")) == 1
    scene.world.advance(2)
    assert scene.names("Pod") == []


def test_deleting_in_the_foreground_takes_the_owner_last(scene: Scene) -> None:
    scene.workload("Deployment", replicas=1)
    scene.world.advance(3)
    scene.delete("Deployment", **FOREGROUND)
    assert scene.names("Deployment") == ["web"]
    assert len(scene.names("Pod")) == 1
    scene.world.advance(2)
    assert scene.names("Pod") == scene.names("ReplicaSet") == scene.names("Deployment") == []


def test_orphans_outlive_their_owner_and_are_adopted_by_the_next_one(scene: Scene) -> None:
    scene.workload("Deployment", replicas=1)
    scene.world.advance(3)
    before, sets = scene.names("Pod"), scene.names("ReplicaSet")
    scene.delete("Deployment", propagationPolicy="Orphan")
    scene.world.advance(10)
    assert scene.names("Deployment") == []
    assert (scene.names("Pod"), scene.names("ReplicaSet")) == (before, sets)
    assert "ownerReferences" not in scene.get("ReplicaSet", sets[0])["metadata"]
    scene.workload("Deployment", replicas=1)
    scene.world.advance(10)
    assert (scene.names("Pod"), scene.names("ReplicaSet")) == (before, sets)


def owner(name: str, uid: str, *, controller: bool = False) -> Any:
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "controller": controller}


def test_an_object_goes_with_the_last_of_its_owners(scene: Scene) -> None:
    owners = [owner(name, scene.create("ConfigMap", name)["metadata"]["uid"]) for name in ("a", "b")]
    scene.create("ConfigMap", "child", meta={"ownerReferences": owners})
    scene.delete("ConfigMap", "a")
    assert [each["name"] for each in scene.get("ConfigMap", "child")["metadata"]["ownerReferences"]] == ["b"]
    scene.delete("ConfigMap", "b")
    assert "child" not in scene.names("ConfigMap")


def test_an_object_whose_owner_never_was_is_collected(scene: Scene) -> None:
    scene.create("ConfigMap", "child", meta={"ownerReferences": [owner("nobody", "0000")]})
    assert "child" not in scene.names("ConfigMap")


@pytest.mark.parametrize(
    ("rule", "desired", "allowed"),
    [
        ({"minAvailable": 2}, 2, 2),
        ({"minAvailable": "80%"}, 4, 0),
        ({"maxUnavailable": 1}, 3, 1),
        ({"maxUnavailable": "50%"}, 2, 2),
    ],
)
def test_a_budget_says_how_many_pods_may_go(scene: Scene, rule: Any, desired: int, allowed: int) -> None:
    scene.workload("Deployment", replicas=4)
    scene.create("PodDisruptionBudget", "web", spec={"selector": SELECTOR, **rule})
    assert scene.status("PodDisruptionBudget")["disruptionsAllowed"] == 0
    scene.world.advance(3)
    status = scene.status("PodDisruptionBudget")
    assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (desired, allowed)
    assert (status["currentHealthy"], status["expectedPods"]) == (4, 4)
    assert status["observedGeneration"] == 1


def test_an_eviction_uses_the_budget_up_until_the_pod_is_replaced(scene: Scene) -> None:
    from upgrader.sandbox.errors import ApiError

    scene.workload("Deployment", replicas=2)
    scene.create("PodDisruptionBudget", "web", spec={"selector": SELECTOR, "minAvailable": 1})
    scene.world.advance(3)

    def evict(name: str) -> None:
        body = {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": name, "namespace": "default"},
        }
        scene.local.create(scene.path("Pod", name) + "/eviction", body)
        scene.world.settle()

    first, second = scene.names("Pod")
    evict(first)
    with pytest.raises(ApiError, match="disruption budget"):
        evict(second)
    scene.world.advance(5)
    evict(second)


def definition(scene: Scene) -> None:
    names = {"plural": "lamps", "singular": "lamp", "kind": "Lamp"}
    version = {"name": "v1", "served": True, "storage": True}
    version["schema"] = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    spec = {"group": "example.com", "names": names, "scope": "Namespaced", "versions": [version]}
    made = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "lamps.example.com"},
    }
    scene.local.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", made | {"spec": spec})
    scene.world.settle()


LAMPS = "/apis/example.com/v1/namespaces/default/lamps"
PLACE = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/lamps.example.com"


def lamp(scene: Scene, **meta: Any) -> None:
    scene.local.create(
        LAMPS, {"apiVersion": "example.com/v1", "kind": "Lamp", "metadata": {"name": "desk", **meta}}
    )


def test_a_definition_is_served_a_moment_after_it_was_created(scene: Scene) -> None:
    from upgrader.sandbox.errors import ApiError

    definition(scene)
    with pytest.raises(ApiError):
        lamp(scene)
    scene.world.advance(1)
    lamp(scene)
    status = scene.at(PLACE)["status"]
    assert {c["type"]: c["status"] for c in status["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert status["storedVersions"] == ["v1"]
    assert status["acceptedNames"]["listKind"] == "LampList"


def test_a_deleted_definition_takes_its_objects_along(scene: Scene) -> None:
    definition(scene)
    scene.world.advance(1)
    lamp(scene)
    scene.local.delete(PLACE)
    scene.world.advance(1)
    assert scene.local.get(PLACE) is None
    assert scene.local.get(f"{LAMPS}/desk") is None
    assert scene.world.store.list("example.com", "lamps") == []
    assert ("example.com", "lamps") not in scene.world.api.catalogue.custom


def test_a_new_node_reports_itself_ready(scene: Scene) -> None:
    scene.local.create("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "node-9"}})
    scene.world.settle()
    status = scene.at("/api/v1/nodes/node-9")["status"]
    assert next(c for c in status["conditions"] if c["type"] == "Ready")["status"] == "True"
    assert status["nodeInfo"]["kubeletVersion"] == "v1.33.0"


def test_an_autoscaler_tells_its_status_and_scales_nothing(scene: Scene) -> None:
    scene.workload("Deployment", replicas=1)
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    made = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web"}}
    path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
    scene.local.create(path, made | {"spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5}})
    scene.world.advance(5)
    status = scene.at(f"{path}/web")["status"]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (1, 1)
    assert scene.get("Deployment")["spec"]["replicas"] == 1
