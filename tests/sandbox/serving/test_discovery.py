from typing import Any

import orjson
import pytest

from upgrader.sandbox.api.backend import Backend
from upgrader.sandbox.api.discovery import discovery
from upgrader.sandbox.api.kinds.catalogue import Catalogue, Resource
from upgrader.sandbox.api.wire import Request
from upgrader.sandbox.errors import ApiError

Obj = dict[str, Any]
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
CLIENT = f"{V2},{V2BETA1},application/json"
SERVICES = Resource(
    "networking.istio.io", "virtualservices", "VirtualService", True, ("v1", "v1beta1"), "v1",
    ("networking.istio.io", "virtualservices"), "virtualservice", short=("vs",), crd={},
)  # fmt: skip


def ask(backend: Backend, path: str, accept: str = "application/json") -> Obj:
    response = discovery(backend, Request("GET", path, {}, {"Accept": accept}))
    assert response is not None
    found: Obj = orjson.loads(response.body)
    return found


def test_the_core_group_is_listed_apart(backend: Backend) -> None:
    assert ask(backend, "/api")["versions"] == ["v1"]
    groups = ask(backend, "/apis")["groups"]
    assert groups[0]["name"] == "apps"
    assert "" not in {group["name"] for group in groups}


def test_a_group_prefers_its_first_version(backend: Backend) -> None:
    group = ask(backend, "/apis/autoscaling")
    assert group["kind"] == "APIGroup"
    assert group["preferredVersion"] == {"groupVersion": "autoscaling/v2", "version": "v2"}


def test_resources_come_with_their_subresources(backend: Backend) -> None:
    found = {resource["name"]: resource for resource in ask(backend, "/api/v1")["resources"]}
    assert found["pods"]["shortNames"] == ["po"]
    assert found["pods"]["categories"] == ["all"]
    assert found["pods/eviction"] == {
        "name": "pods/eviction",
        "singularName": "",
        "namespaced": True,
        "kind": "Eviction",
        "verbs": ["create"],
        "group": "policy",
        "version": "v1",
    }
    assert "deletecollection" not in found["namespaces"]["verbs"]


def test_old_servers_evict_in_the_beta_version(backend: Backend) -> None:
    backend.catalogue = Catalogue(21)
    found = {resource["name"]: resource for resource in ask(backend, "/api/v1")["resources"]}
    assert found["pods/eviction"]["version"] == "v1beta1"


def test_a_custom_resource_appears_and_disappears_with_the_catalogue(backend: Backend) -> None:
    for served in (False, True, False):
        if served:
            backend.catalogue.put(SERVICES)
        else:
            backend.catalogue.drop("networking.istio.io", "virtualservices")
        groups = {group["name"] for group in ask(backend, "/apis")["groups"]}
        assert ("networking.istio.io" in groups) is served
    with pytest.raises(ApiError):
        ask(backend, "/apis/networking.istio.io/v1")


def test_everything_is_told_at_once_to_who_asks_for_it(backend: Backend) -> None:
    backend.catalogue.put(SERVICES)
    found = ask(backend, "/apis", CLIENT)
    assert (found["kind"], found["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    istio = next(item for item in found["items"] if item["metadata"]["name"] == "networking.istio.io")
    assert [version["version"] for version in istio["versions"]] == ["v1", "v1beta1"]
    assert istio["versions"][0]["resources"][0]["shortNames"] == ["vs"]
    (core,) = ask(backend, "/api", CLIENT)["items"]
    pods = next(one for one in core["versions"][0]["resources"] if one["resource"] == "pods")
    assert "exec" in {sub["subresource"] for sub in pods["subresources"]}


@pytest.mark.parametrize(
    ("minor", "kind", "version"),
    [
        (25, "APIGroupList", "v1"),
        (26, "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2beta1"),
        (29, "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2beta1"),
        (30, "APIGroupDiscoveryList", "apidiscovery.k8s.io/v2"),
    ],
)
def test_each_minor_tells_it_in_the_version_it_has(
    backend: Backend, minor: int, kind: str, version: str
) -> None:
    backend.catalogue = Catalogue(minor)
    found = ask(backend, "/apis", CLIENT)
    assert (found["kind"], found["apiVersion"]) == (kind, version)


def test_the_content_type_names_the_form(backend: Backend) -> None:
    response = discovery(backend, Request("GET", "/apis", {}, {"Accept": CLIENT}))
    assert response is not None
    assert response.headers["Content-Type"] == V2


def test_other_paths_are_not_its_business(backend: Backend) -> None:
    for path in ("/version", "/api/v1/pods", "/apis/apps/v1/deployments", "/openapi/v3", "/"):
        assert discovery(backend, Request("GET", path)) is None


@pytest.mark.parametrize(
    ("path", "method", "status"),
    [("/apis/nope", "GET", 404), ("/api/v2", "GET", 404), ("/apis", "POST", 405)],
)
def test_what_is_not_served_is_refused(backend: Backend, path: str, method: str, status: int) -> None:
    with pytest.raises(ApiError) as refusal:
        discovery(backend, Request(method, path))
    assert refusal.value.status == status
