"""Who a pod's proxy is, and whom it asks, as pilot-agent would read it from the pod."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.bed.standins.sidecars.pods import Istiod, Proxy, proxy_of

LABELS = {"app": "cart", "service.istio.io/canonical-name": "cart", "pod-template-hash": "5d8c"}


def pod(**changes: Any) -> dict[str, Any]:
    """A running pod as the webhook of revision 1-30-3 left it; *changes* are of the container."""
    env = [
        {"name": "CA_ADDR", "value": "istiod-1-30-3.istio-system.svc:15012"},
        {"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "GOMAXPROCS", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "1"}}},
        {"name": "PROXY_CONFIG", "value": '{"discoveryAddress":"istiod-1-30-3.istio-system.svc:15012"}\n'},
        {"name": "ISTIO_META_CLUSTER_ID", "value": "east"},
        {"name": "ISTIO_META_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        {"name": "ISTIO_METAJSON_LABELS", "value": '{"tier":"web"}'},
    ]
    container = {
        "name": "istio-proxy",
        "image": "docker.io/istio/proxyv2:1.30.3",
        "args": [
            "proxy",
            "sidecar",
            "--domain",
            "$(POD_NAMESPACE).svc.cluster.local",
            "--proxyLogLevel=warning",
        ],
        "env": env,
    }
    return {
        "metadata": {"name": "cart-1", "namespace": "shop", "uid": "u1", "labels": LABELS},
        "spec": {
            "nodeName": "node-1",
            "serviceAccountName": "cart",
            "containers": [{"name": "app", "image": "app:1"}, container | changes],
        },
        "status": {"phase": "Running", "podIP": "10.244.0.7"},
    }


def proxy(given: dict[str, Any]) -> Proxy:
    found = proxy_of(given)
    assert found
    return found


def environment(given: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = given["spec"]["containers"][1]["env"]
    return found


def test_a_proxy_is_named_by_role_address_pod_and_domain() -> None:
    found = proxy(pod())
    assert (found.node, found.version) == ("sidecar~10.244.0.7~cart-1.shop~shop.svc.cluster.local", "1.30.3")
    assert found.istiod == Istiod("istiod-1-30-3", "istio-system")


def test_its_metadata_is_what_its_environment_and_its_pod_say() -> None:
    found = proxy(pod()).metadata
    wanted = {
        "ISTIO_VERSION": "1.30.3", "CLUSTER_ID": "east", "NODE_NAME": "node-1", "NAMESPACE": "shop", "NAME": "cart-1",
        "INSTANCE_IPS": "10.244.0.7", "SERVICE_ACCOUNT": "cart",
        "LABELS": {"tier": "web", "app": "cart", "service.istio.io/canonical-name": "cart"},
        "PROXY_CONFIG": {"discoveryAddress": "istiod-1-30-3.istio-system.svc:15012"},
    }  # fmt: skip
    assert {key: found[key] for key in wanted} == wanted
    json.dumps(found)


def test_a_native_sidecar_is_one_too() -> None:
    native = pod()
    native["spec"]["initContainers"] = [native["spec"]["containers"].pop()]
    assert proxy(native) == proxy(pod())


def test_a_gateway_without_injection_is_a_router() -> None:
    gateway = pod(args=["proxy", "router", "--domain", "$(POD_NAMESPACE).svc.cluster.local"])
    assert proxy(gateway).node.startswith("router~")


@pytest.mark.parametrize(
    ("config", "address", "istiod"),
    [
        ("{}", "istiod.istio-system.svc:15012", Istiod("istiod", "istio-system")),
        ("{}", "istiod-b.mesh.svc:15012", Istiod("istiod-b", "mesh")),
        ('{"discoveryAddress":"istiod-b.mesh.svc:15012"}', "ca.corp.svc:443", Istiod("istiod-b", "mesh")),
    ],
)
def test_what_differs_from_the_default_is_in_its_configuration_and_the_rest_in_the_address_of_the_ca(
    config: str, address: str, istiod: Istiod
) -> None:
    given = pod()
    values = {"PROXY_CONFIG": config, "CA_ADDR": address}
    for variable in environment(given):
        if variable["name"] in values:
            variable["value"] = values[variable["name"]]
    assert proxy(given).istiod == istiod


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("registry:5000/istio/proxyv2:1.29.1-distroless", "1.29.1"),
        ("registry:5000/istio/proxyv2:1.30.0@sha256:00", "1.30.0"),
        ("registry:5000/istio/proxyv2@sha256:00", ""),
    ],
)
def test_the_version_is_the_tag_of_its_image(image: str, version: str) -> None:
    assert proxy(pod(image=image)).version == version


def test_a_pod_without_a_proxy_an_address_or_life_has_none() -> None:
    bare, starting, ended = pod(), pod(), pod()
    bare["spec"]["containers"].pop()
    del starting["status"]["podIP"]
    ended["status"]["phase"] = "Succeeded"
    assert [proxy_of(each) for each in (bare, starting, ended)] == [None, None, None]


def test_a_proxyless_workload_is_none() -> None:
    assert proxy_of(pod(args=["proxy"])) is None


def test_reading_a_pod_leaves_it_alone() -> None:
    given = pod()
    before = copy.deepcopy(given)
    proxy_of(given)
    assert given == before
