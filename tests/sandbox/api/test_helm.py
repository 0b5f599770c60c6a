"""What helm and istioctl ask of an API server besides the objects they install."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World

_SECRETS = "/api/v1/namespaces/dt/secrets"
_TYPE = "helm.sh/release.v1"


def _release(version: int, status: str, size: int = 10) -> dict[str, Any]:
    labels = {"name": "istiod", "owner": "helm", "status": status, "version": str(version)}
    name = f"sh.helm.release.v1.istiod.v{version}"
    data = {"release": base64.b64encode(b"x" * size).decode()}
    return {"metadata": {"name": name, "labels": labels}, "type": _TYPE, "data": data}


@pytest.fixture
def released(server: Any) -> Any:
    """A server on which helm upgraded istiod once."""
    for version, status in ((1, "superseded"), (2, "deployed")):
        server.local().create(_SECRETS, _release(version, status))
    server.local().create(_SECRETS, {"metadata": {"name": "other"}})
    return server


def _names(server: Any, **query: str) -> list[str]:
    _, body = server.ask("GET", "/api/v1/secrets", query=query)
    return [item["metadata"]["name"].rpartition(".")[2] for item in body["items"]]


def test_releases_are_found_by_their_labels_and_their_type(released: Any) -> None:
    assert _names(released, labelSelector="owner=helm,name=istiod") == ["v1", "v2"]
    assert _names(released, labelSelector="owner=helm,status in (deployed,failed)") == ["v2"]
    assert _names(released, fieldSelector=f"type={_TYPE}") == ["v1", "v2"]
    assert _names(released, fieldSelector=f"type!={_TYPE}") == ["other"]


def test_a_release_that_is_superseded_is_found_as_that(released: Any) -> None:
    client = released.local()
    client.update(f"{_SECRETS}/sh.helm.release.v1.istiod.v2", _release(2, "superseded"))
    client.create(_SECRETS, _release(3, "deployed"))
    assert _names(released, labelSelector="owner=helm,status=superseded") == ["v1", "v2"]
    client.delete(f"{_SECRETS}/sh.helm.release.v1.istiod.v1")
    assert _names(released, labelSelector="owner=helm") == ["v2", "v3"]


def test_a_release_keeps_its_type_and_its_size(released: Any) -> None:
    client = released.local()
    with pytest.raises(ApiError, match="type: Invalid value"):
        client.update(
            f"{_SECRETS}/sh.helm.release.v1.istiod.v2", _release(2, "deployed") | {"type": "Opaque"}
        )
    client.create(_SECRETS, _release(4, "deployed", 1024 * 1024))
    with pytest.raises(ApiError, match="data: Too long: may not be more than 1048576 bytes"):
        client.create(_SECRETS, _release(5, "deployed", 1024 * 1024 + 1))


def test_a_config_map_has_the_same_bounds(server: Any) -> None:
    path, half = "/api/v1/namespaces/dt/configmaps", "x" * (512 * 1024)
    coded = base64.b64encode(half.encode()).decode()
    server.local().create(path, {"metadata": {"name": "a"}, "data": {"t": half}, "binaryData": {"b": coded}})
    with pytest.raises(ApiError, match="Too long"):
        server.local().create(
            path, {"metadata": {"name": "b"}, "data": {"t": half + "x"}, "binaryData": {"b": coded}}
        )


@pytest.mark.slow
def test_slices_of_a_service_are_found_by_its_name_and_lead_to_the_ready_pods() -> None:
    world = World()
    load(world, "shop")
    client = world.local()
    path = "/apis/discovery.k8s.io/v1/namespaces/istio-system/endpointslices"
    (found,) = client.list(path, "kubernetes.io/service-name=istiod-1-27-9")
    pods = client.list("/api/v1/namespaces/istio-system/pods", "app=istiod,istio.io/rev=1-27-9")
    assert {row["targetRef"]["uid"] for row in found["endpoints"]} == {pod["metadata"]["uid"] for pod in pods}
    assert {port["port"] for port in found["ports"]} >= {15010, 15012, 15017, 15014}
    world.advance(1)
    listed = client.list("/apis/discovery.k8s.io/v1/endpointslices")
    assert all(each["metadata"]["ownerReferences"][0]["kind"] == "Service" for each in listed)


@pytest.mark.slow
def test_definitions_of_istio_have_a_document_of_their_own() -> None:
    world = World()
    client = world.local()
    before = client.get("/openapi/v3")
    load(world, "shop")
    after = client.get("/openapi/v3")
    assert before is not None
    assert after is not None
    name = "apis/networking.istio.io/v1"
    assert name not in before["paths"]
    where = after["paths"][name]["serverRelativeURL"]
    document = client.get(where)
    assert document is not None
    assert "io.istio.networking.v1.VirtualService" in document["components"]["schemas"]
