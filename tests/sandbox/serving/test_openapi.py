from typing import Any

import orjson
import pytest

from upgrader.sandbox.api.backend import Backend
from upgrader.sandbox.api.kinds.catalogue import Catalogue, Resource
from upgrader.sandbox.api.openapi import openapi
from upgrader.sandbox.api.protobuf import read
from upgrader.sandbox.api.wire import Request
from upgrader.sandbox.errors import ApiError

Obj = dict[str, Any]
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
DEPLOYMENT = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}"
CRD: Obj = {
    "versions": [
        {
            "name": "v1",
            "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                "spec": {"type": "object", "oneOf": [{"required": ["hosts"]}], "properties": {"hosts": {"type": "array", "items": {"type": "string"}}}}
            }}},
        }
    ]
}  # fmt: skip
SERVICES = Resource(
    "networking.istio.io", "virtualservices", "VirtualService", True, ("v1",), "v1",
    ("networking.istio.io", "virtualservices"), "virtualservice", crd=CRD,
)  # fmt: skip


def ask(backend: Backend, path: str) -> Obj:
    response = openapi(backend, Request("GET", path, {}, {"Accept": "application/json"}))
    assert response is not None
    found: Obj = orjson.loads(response.body)
    return found


def test_the_index_leads_to_a_document_for_each_group(backend: Backend) -> None:
    paths = ask(backend, "/openapi/v3")["paths"]
    assert {"api/v1", "apis/apps/v1"} <= paths.keys()
    for entry in paths.values():
        path = entry["serverRelativeURL"].partition("?")[0]
        assert ask(backend, path)["openapi"] == "3.0.0"


def test_every_reference_of_a_document_leads_somewhere(backend: Backend) -> None:
    backend.catalogue.put(SERVICES)
    for name in ask(backend, "/openapi/v3")["paths"]:
        document = ask(backend, f"/openapi/v3/{name}")
        assert _references(document) <= {
            f"#/components/schemas/{key}" for key in document["components"]["schemas"]
        }
    second = ask(backend, "/openapi/v2")
    assert _references(second) <= {f"#/definitions/{key}" for key in second["definitions"]}


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"]} if isinstance(node.get("$ref"), str) else set[str]()
        return own.union(*(_references(value) for value in node.values()))
    return set[str]().union(*map(_references, node)) if isinstance(node, list) else set()


def test_lists_name_their_merge_keys(backend: Backend) -> None:
    schemas = ask(backend, "/openapi/v3/apis/apps/v1")["components"]["schemas"]
    pod = schemas["io.k8s.api.core.v1.PodSpec"]["properties"]
    assert pod["containers"]["x-kubernetes-patch-merge-key"] == "name"
    assert pod["volumes"]["x-kubernetes-patch-strategy"] == "merge,retainKeys"
    assert "configMap" in schemas["io.k8s.api.core.v1.Volume"]["properties"]
    assert "x-kubernetes-patch-merge-key" not in pod["tolerations"]


@pytest.mark.parametrize(("minor", "told"), [(24, False), (25, True), (34, True)])
def test_server_side_field_validation_is_told_by_the_minors_that_have_it(
    backend: Backend, minor: int, told: bool
) -> None:
    backend.catalogue = Catalogue(minor)
    patch = ask(backend, "/openapi/v3/apis/apps/v1")["paths"][DEPLOYMENT]["patch"]
    assert ("fieldValidation" in {one["name"] for one in patch["parameters"]}) is told
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "apps",
        "kind": "Deployment",
        "version": "v1",
    }


def test_custom_resources_take_no_strategic_patch(backend: Backend) -> None:
    backend.catalogue.put(SERVICES)
    document = ask(backend, "/openapi/v3/apis/networking.istio.io/v1")
    path = "/apis/networking.istio.io/v1/namespaces/{namespace}/virtualservices/{name}"
    assert (
        "application/strategic-merge-patch+json"
        not in document["paths"][path]["patch"]["requestBody"]["content"]
    )
    schema = document["components"]["schemas"]["io.istio.networking.v1.VirtualService"]
    assert schema["properties"]["spec"]["properties"]["hosts"]["type"] == "array"


def test_version_two_leaves_out_what_it_cannot_say(backend: Backend) -> None:
    backend.catalogue.put(SERVICES)
    schema = ask(backend, "/openapi/v2")["definitions"]["io.istio.networking.v1.VirtualService"]
    assert schema["properties"]["spec"].keys() == {"type", "properties"}


def test_version_two_is_given_in_protobuf_to_go_clients(backend: Backend) -> None:
    response = openapi(backend, Request("GET", "/openapi/v2", {}, {"Accept": PROTOBUF}))
    assert response is not None
    assert response.headers["Content-Type"] == PROTOBUF.replace("@", ".")
    document = dict(read(response.body))
    assert document[1] == b"2.0"
    definitions = document[9]
    assert isinstance(definitions, bytes)
    names = {dict(read(named))[1] for _, named in read(definitions) if isinstance(named, bytes)}
    assert b"io.k8s.api.apps.v1.Deployment" in names
    assert len(names) == len(ask(backend, "/openapi/v2")["definitions"])


@pytest.mark.parametrize(
    ("path", "accept", "minor", "status"),
    [
        ("/openapi/v3", "application/json", 23, 404),
        ("/openapi/v3/apis/nope/v1", "application/json", 34, 404),
        ("/openapi/v3/nonsense", "application/json", 34, 404),
        ("/openapi/v4", "application/json", 34, 404),
        ("/openapi/v3", "application/com.github.proto-openapi.spec.v3@v1.0+protobuf", 34, 406),
    ],
)
def test_what_is_not_there_is_refused(
    backend: Backend, path: str, accept: str, minor: int, status: int
) -> None:
    backend.catalogue = Catalogue(minor)
    with pytest.raises(ApiError) as refusal:
        openapi(backend, Request("GET", path, {}, {"Accept": accept}))
    assert refusal.value.status == status


def test_other_paths_are_not_its_business(backend: Backend) -> None:
    assert openapi(backend, Request("GET", "/openapi")) is None
    assert openapi(backend, Request("GET", "/apis")) is None
