"""Endpoints, slices and load balancers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.sandbox.controllers.conftest import Scene

PORTS = [{"name": "web", "port": 80, "targetPort": "http", "protocol": "TCP"}]


def service(scene: Scene, **spec: Any) -> None:
    scene.create("Service", "web", spec={"selector": {"app": "web"}, "ports": PORTS, **spec})


def endpoints(scene: Scene) -> Any:
    return scene.world.store.get(("", "endpoints", "default", "web"))


def slices(scene: Scene) -> list[Any]:
    found = scene.world.store.list("discovery.k8s.io", "endpointslices", "default")
    return [each for each in found if each["metadata"]["labels"]["kubernetes.io/service-name"] == "web"]


def test_pods_are_endpoints_once_they_are_ready(scene: Scene) -> None:
    service(scene)
    assert "subsets" not in endpoints(scene)
    scene.workload("Deployment", replicas=2)
    scene.world.advance(1)
    (subset,) = endpoints(scene)["subsets"]
    assert len(subset["notReadyAddresses"]) == 2
    assert "addresses" not in subset
    scene.world.advance(1)
    (subset,) = endpoints(scene)["subsets"]
    assert len(subset["addresses"]) == 2
    assert subset["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]


def test_slices_say_the_same_as_endpoints(scene: Scene) -> None:
    service(scene)
    scene.workload("Deployment", replicas=2)
    scene.world.advance(3)
    (found,) = slices(scene)
    assert found["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]
    assert all(
        each["conditions"] == {"ready": True, "serving": True, "terminating": False}
        for each in found["endpoints"]
    )
    assert sorted(each["targetRef"]["name"] for each in found["endpoints"]) == scene.addresses()


def test_a_pod_that_is_being_deleted_is_no_endpoint_any_more(scene: Scene) -> None:
    service(scene)
    scene.create(
        "Pod",
        "web",
        meta={"labels": {"app": "web"}},
        spec={"containers": [{"name": "a", "image": "a:1", "ports": [{"name": "http", "containerPort": 1}]}]},
    )
    scene.world.advance(3)
    scene.delete("Pod")
    assert "subsets" not in endpoints(scene)
    (found,) = slices(scene)
    assert found["endpoints"][0]["conditions"] == {"ready": False, "serving": True, "terminating": True}
    scene.world.advance(3)
    assert slices(scene)[0]["endpoints"] == []


def test_a_pod_that_loses_its_label_is_no_endpoint_any_more(scene: Scene) -> None:
    service(scene)
    scene.workload("Deployment", replicas=1)
    scene.world.advance(3)
    (name,) = scene.addresses()
    scene.patch("Pod", name, {"metadata": {"labels": {"app": "other"}}})
    scene.world.advance(3)
    assert name not in scene.addresses()
    assert len(scene.addresses()) == 1


def test_endpoints_of_a_service_without_selector_are_its_owners_and_mirrored(scene: Scene) -> None:
    scene.create("Service", "web", spec={"ports": PORTS})
    subsets = [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"name": "web", "port": 9, "protocol": "TCP"}]}]
    made = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "web", "namespace": "default"},
        "subsets": subsets,
    }
    scene.local.create("/api/v1/namespaces/default/endpoints", made)
    scene.world.advance(5)
    assert endpoints(scene)["subsets"] == subsets
    (found,) = slices(scene)
    assert found["endpoints"] == [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}]
    assert (
        found["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"]
        == "endpointslicemirroring-controller.k8s.io"
    )


def test_a_deleted_service_takes_its_endpoints_and_slices_along(scene: Scene) -> None:
    service(scene)
    scene.workload("Deployment", replicas=1)
    scene.world.advance(3)
    scene.delete("Service")
    assert endpoints(scene) is None
    assert slices(scene) == []


def test_addresses_are_published_early_where_the_service_says_so(scene: Scene) -> None:
    service(scene, publishNotReadyAddresses=True)
    scene.workload("Deployment", replicas=1)
    assert len(scene.addresses()) == 1


def test_each_load_balancer_has_an_address_of_its_own(scene: Scene) -> None:
    for name in ("a", "b"):
        scene.create(
            "Service", name, spec={"type": "LoadBalancer", "selector": {"app": name}, "ports": PORTS}
        )
    found = [scene.status("Service", name)["loadBalancer"]["ingress"][0]["ip"] for name in ("a", "b")]
    assert len(set(found)) == 2
