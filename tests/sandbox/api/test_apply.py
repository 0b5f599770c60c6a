"""Server-side apply: who owns a field, who may change it, and what goes when nobody wants it."""

from __future__ import annotations

from typing import Any

import pytest

from upgrader.sandbox.errors import ApiError

_MAPS = "/api/v1/namespaces/dt/configmaps"
_ONE = f"{_MAPS}/c"
_DEPLOYMENT = "/apis/apps/v1/namespaces/dt/deployments/web"


def _map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def _deployment(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def _full(*containers: dict[str, Any]) -> dict[str, Any]:
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": list(containers)}}
    return _deployment(selector={"matchLabels": {"app": "web"}}, template=template)


def _owner(obj: dict[str, Any], manager: str) -> Any:
    found = [entry["fieldsV1"] for entry in obj["metadata"]["managedFields"] if entry["manager"] == manager]
    return found[0] if found else None


def test_apply_creates_what_is_missing(server: Any) -> None:
    status, body = server.ask(
        "PATCH", _ONE, _map(a="1"), "application/apply-patch+yaml", query={"fieldManager": "one"}
    )
    assert status == 201
    assert _owner(body, "one") == {"f:data": {"f:a": {}}}


def test_a_field_of_another_applier_is_a_conflict_until_forced(server: Any) -> None:
    client = server.local()
    client.apply(_ONE, _map(a="1"), "one")
    with pytest.raises(ApiError, match=r'conflict with "one": \.data\.a') as refused:
        client.apply(_ONE, _map(a="2"), "two")
    assert refused.value.status == 409
    assert client.get(_ONE)["data"] == {"a": "1"}
    forced = client.apply(_ONE, _map(a="2"), "two", force=True)
    assert forced["data"] == {"a": "2"}
    assert _owner(forced, "one") is None


def test_equal_values_are_shared_and_survive_one_owner_leaving(server: Any) -> None:
    client = server.local()
    client.apply(_ONE, _map(a="1", b="1"), "one")
    client.apply(_ONE, _map(a="1"), "two")
    left = client.apply(_ONE, _map(), "one")
    assert left["data"] == {"a": "1"}
    assert client.apply(_ONE, _map(), "two").get("data") is None


def test_an_update_takes_the_fields_it_changes(server: Any) -> None:
    client = server.local()
    client.apply(_ONE, _map(a="1", b="1"), "one")
    client.patch(_ONE, b'{"data":{"a":"9"}}', "application/merge-patch+json")
    obj = client.get(_ONE)
    assert _owner(obj, "one") == {"f:data": {"f:b": {}}}
    assert _owner(obj, "probe") == {"f:data": {"f:a": {}}}


def test_reapplying_the_same_configuration_changes_nothing(server: Any) -> None:
    client = server.local()
    first = client.apply(_ONE, _map(a="1"), "one")
    server.clock.advance(60)
    assert client.apply(_ONE, _map(a="1"), "one") == first


def test_a_container_that_is_no_longer_applied_goes_and_the_others_stay(server: Any) -> None:
    client = server.local()
    client.apply(_DEPLOYMENT, _full({"name": "app", "image": "a:1"}, {"name": "side", "image": "b:1"}), "one")
    left = client.apply(_DEPLOYMENT, _full({"name": "app", "image": "a:1"}), "one")
    assert [c["name"] for c in left["spec"]["template"]["spec"]["containers"]] == ["app"]


def test_a_scaled_deployment_keeps_its_replicas_when_apply_does_not_name_them(server: Any) -> None:
    client = server.local()
    client.apply(_DEPLOYMENT, _full({"name": "app", "image": "a:1"}), "one")
    client.patch(f"{_DEPLOYMENT}/scale", b'{"spec":{"replicas":5}}', "application/merge-patch+json")
    again = client.apply(_DEPLOYMENT, _full({"name": "app", "image": "a:2"}), "one")
    assert again["spec"]["replicas"] == 5
    scaled = [e for e in again["metadata"]["managedFields"] if e.get("subresource") == "scale"]
    assert [e["fieldsV1"] for e in scaled] == [{"f:spec": {"f:replicas": {}}}]


def test_new_items_of_a_keyed_list_come_last(server: Any) -> None:
    client = server.local()
    client.create(_DEPLOYMENT.rpartition("/")[0], _full({"name": "app", "image": "a:1"}))
    side = {"name": "side", "image": "b:1"}
    applied = client.apply(_DEPLOYMENT, _deployment(template={"spec": {"containers": [side]}}), "two")
    assert [c["name"] for c in applied["spec"]["template"]["spec"]["containers"]] == ["app", "side"]


def test_what_was_stored_without_owners_belongs_to_the_time_before_apply(server: Any) -> None:
    server.store.put(
        ("", "configmaps", "dt", "c"), _map(a="1") | {"metadata": {"name": "c", "namespace": "dt"}}
    )
    with pytest.raises(ApiError, match="before-first-apply"):
        server.local().apply(_ONE, _map(a="2"), "one")


def test_the_status_is_not_owned_through_the_main_resource(server: Any) -> None:
    client = server.local()
    told = _full({"name": "app", "image": "a:1"}) | {"status": {"replicas": 7}}
    applied = client.apply(_DEPLOYMENT, told, "one")
    assert "f:status" not in _owner(applied, "one")
    assert applied["status"] == {}
