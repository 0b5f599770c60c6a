"""Custom resources follow their definition."""

from __future__ import annotations

from typing import Any

import pytest

from upgrader.sandbox.errors import ApiError

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_THINGS = "/apis/ex.io/v1/namespaces/dt/things"


def _schema() -> dict[str, Any]:
    spec = {
        "type": "object",
        "properties": {
            "size": {"type": "integer", "default": 3, "minimum": 1},
            "mode": {"type": "string", "enum": ["a", "b"]},
            "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
            "ports": {
                "type": "array",
                "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "port": {"type": "integer"}},
                    "required": ["name"],
                },
            },
            "either": {
                "type": "object",
                "properties": {"x": {"type": "string"}, "y": {"type": "string"}},
                "oneOf": [{"required": ["x"]}, {"required": ["y"]}],
            },
        },
    }
    return {"openAPIV3Schema": {"type": "object", "properties": {"spec": spec, "status": {"type": "object"}}}}


def _crd(*versions: dict[str, Any]) -> dict[str, Any]:
    listed = list(versions) or [
        {"name": "v1", "served": True, "storage": True, "subresources": {"status": {}}}
    ]
    for version in listed:
        version.setdefault("schema", _schema())
    names = {"kind": "Thing", "plural": "things"}
    spec = {"group": "ex.io", "names": names, "scope": "Namespaced", "versions": listed}
    return {"metadata": {"name": "things.ex.io"}, "spec": spec}


def _again(client: Any, *versions: dict[str, Any]) -> dict[str, Any]:
    """The definition with other versions, made from the stored one."""
    crd = _crd(*versions)
    crd["metadata"]["resourceVersion"] = client.get(f"{_CRDS}/things.ex.io")["metadata"]["resourceVersion"]
    return crd


def _thing(version: str = "v1", **spec: Any) -> dict[str, Any]:
    return {"apiVersion": f"ex.io/{version}", "kind": "Thing", "metadata": {"name": "t"}, "spec": spec}


@pytest.fixture
def things(server: Any) -> Any:
    server.local().create(_CRDS, _crd())
    return server


def test_unknown_fields_are_pruned_except_where_they_are_preserved(things: Any) -> None:
    made = things.local().create(_THINGS, _thing(junk=1, free={"any": {"thing": 1}}) | {"extra": 1})
    assert made["spec"] == {"size": 3, "free": {"any": {"thing": 1}}}
    assert "extra" not in made


def test_strict_validation_names_the_unknown_field(things: Any) -> None:
    status, body = things.ask("POST", _THINGS, _thing(junk=1), query={"fieldValidation": "Strict"})
    assert status == 400
    assert body["message"].endswith('strict decoding error: unknown field "spec.junk"')


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"size": "big"}, 'spec.size in body must be of type integer: "string"'),
        ({"size": 0}, "spec.size in body should be greater than or equal to 1"),
        ({"mode": "c"}, 'Unsupported value: "c": supported values: "a", "b"'),
        ({"ports": [{"port": 1}]}, "spec.ports[0].name: Required value"),
        ({"ports": [{"name": "x"}, {"name": "x"}]}, 'Duplicate value: {"name":"x"}'),
        ({"either": {"x": "1", "y": "1"}}, "must validate one and only one schema (oneOf)"),
    ],
)
def test_what_the_schema_forbids_is_refused(things: Any, spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError) as refused:
        things.local().create(_THINGS, _thing(**spec))
    assert refused.value.status == 422
    assert message in refused.value.message


def test_keyed_lists_of_custom_resources_merge_in_apply(things: Any) -> None:
    client = things.local()
    client.apply(f"{_THINGS}/t", _thing(ports=[{"name": "a", "port": 1}]), "one")
    both = client.apply(f"{_THINGS}/t", _thing(ports=[{"name": "b", "port": 2}]), "two")
    assert [port["name"] for port in both["spec"]["ports"]] == ["a", "b"]


def test_the_status_of_a_custom_resource_has_its_own_door(things: Any) -> None:
    client = things.local()
    made = client.create(_THINGS, _thing() | {"status": {"x": 1}})
    assert "status" not in made
    client.patch(f"{_THINGS}/t/status", b'{"status":{},"spec":{"size":9}}', "application/merge-patch+json")
    assert client.get(f"{_THINGS}/t")["spec"] == {"size": 3}


def test_items_of_custom_lists_name_their_kind(things: Any) -> None:
    things.local().create(_THINGS, _thing())
    assert things.local().list(_THINGS)[0]["kind"] == "Thing"


def test_a_replacement_of_a_custom_resource_must_name_the_revision(things: Any) -> None:
    things.local().create(_THINGS, _thing())
    with pytest.raises(ApiError, match="must be specified for an update"):
        things.local().update(f"{_THINGS}/t", _thing(size=4))


def test_every_served_version_shows_the_same_object(server: Any) -> None:
    client = server.local()
    old = {"name": "v1beta1", "served": True, "storage": True}
    new = {"name": "v1", "served": True, "storage": False}
    client.create(_CRDS, _crd(new, old))
    client.create(_THINGS, _thing())
    assert server.store.get(("ex.io", "things", "dt", "t"))["apiVersion"] == "ex.io/v1beta1"
    assert client.get(_THINGS.replace("/v1/", "/v1beta1/") + "/t")["apiVersion"] == "ex.io/v1beta1"
    assert client.get(f"{_THINGS}/t")["apiVersion"] == "ex.io/v1"


def test_a_version_that_was_stored_cannot_be_dropped(server: Any) -> None:
    client = server.local()
    old = {"name": "v1beta1", "served": True, "storage": True}
    client.create(_CRDS, _crd(old))
    new = {"name": "v1", "served": True, "storage": True}
    both = {"name": "v1beta1", "served": True, "storage": False}
    changed = client.update(f"{_CRDS}/things.ex.io", _again(client, new, both))
    assert changed["status"]["storedVersions"] == ["v1beta1", "v1"]
    with pytest.raises(ApiError, match=r"must remain in spec\.versions until a storage migration"):
        client.update(
            f"{_CRDS}/things.ex.io", _again(client, {"name": "v1", "served": True, "storage": True})
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"group": "other.io"}, "must be spec.names.plural"),
        ({"scope": "Nowhere"}, 'Unsupported value: "Nowhere"'),
        ({"versions": []}, "must have at least one version"),
        (
            {"versions": [{"name": "v1", "served": True, "storage": True}]},
            "schema.openAPIV3Schema: Required value",
        ),
    ],
)
def test_a_definition_that_makes_no_sense_is_refused(
    server: Any, change: dict[str, Any], message: str
) -> None:
    crd = _crd()
    crd["spec"] |= change
    with pytest.raises(ApiError) as refused:
        server.local().create(_CRDS, crd)
    assert message in refused.value.message
