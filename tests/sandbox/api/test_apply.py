"""Server-side apply: who owns a field, who may change it, and what goes when nobody wants it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from upgrader.sandbox.api.wire import AdmissionCall
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


_MERGE = "application/merge-patch+json"
_LAST = "kubectl.kubernetes.io/last-applied-configuration"


def _noted(config: dict[str, Any]) -> dict[str, Any]:
    """An object as client-side apply sends it: with the configuration in an annotation."""
    return {**config, "metadata": {**config["metadata"], "annotations": {_LAST: json.dumps(config)}}}


def _scale(replicas: int) -> dict[str, Any]:
    spec = {"replicas": replicas}
    return {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}, "spec": spec}


def test_more_than_ten_updaters_become_ancient_changes(server: Any) -> None:
    server.local().create(_MAPS, _map(z="1"))
    for number in range(14):
        server.clock.advance(1)
        told = json.dumps({"data": {f"k{number}": "v"}}).encode()
        server.local(agent=f"agent-{number:02}").patch(_ONE, told, _MERGE)
    entries = server.local().get(_ONE)["metadata"]["managedFields"]
    updaters = [entry["manager"] for entry in entries]
    assert len(updaters) == 10
    assert "agent-03" not in updaters
    assert {"agent-13", "ancient-changes"} <= set(updaters)
    ancient = next(entry for entry in entries if entry["manager"] == "ancient-changes")
    assert {"f:k0", "f:k1", "f:k4"} <= ancient["fieldsV1"]["f:data"].keys()


def test_kubectl_goes_on_server_side_where_it_left_off(server: Any) -> None:
    client = server.local(agent="kubectl-client-side-apply")
    client.create(_MAPS, _noted(_map(a="1", b="1")))
    done = client.apply(_ONE, _map(a="2", b="1"), "kubectl")
    assert done["data"] == {"a": "2", "b": "1"}
    assert json.loads(done["metadata"]["annotations"][_LAST])["data"] == {"a": "2", "b": "1"}


def test_what_somebody_changed_since_is_not_taken_over(server: Any) -> None:
    client = server.local(agent="kubectl-client-side-apply")
    client.create(_MAPS, _noted(_map(a="1", b="1")))
    server.local(agent="stranger").patch(_ONE, b'{"data":{"b":"9"}}', _MERGE)
    with pytest.raises(ApiError, match=r'1 conflict: conflict with "stranger" using v1: \.data\.b'):
        client.apply(_ONE, _map(a="2", b="2"), "kubectl")


def test_other_managers_take_nothing_over(server: Any) -> None:
    client = server.local(agent="kubectl-client-side-apply")
    client.create(_MAPS, _noted(_map(a="1")))
    with pytest.raises(ApiError, match="kubectl-client-side-apply"):
        client.apply(_ONE, _map(a="2"), "helm")
    forced = client.apply(_ONE, _map(a="2"), "helm", force=True)
    assert json.loads(forced["metadata"]["annotations"][_LAST])["data"] == {"a": "1"}


def test_an_applied_scale_owns_the_replicas_and_nothing_else(server: Any) -> None:
    client = server.local()
    client.apply(_DEPLOYMENT, _full({"name": "app", "image": "a:1"}), "one")
    scaled = client.apply(f"{_DEPLOYMENT}/scale", _scale(4), "scaler", force=True)
    assert scaled["spec"] == {"replicas": 4}
    stored = client.get(_DEPLOYMENT)
    assert stored["spec"]["replicas"] == 4
    entry = next(e for e in stored["metadata"]["managedFields"] if e["manager"] == "scaler")
    assert (entry["operation"], entry["apiVersion"], entry["subresource"]) == ("Apply", "apps/v1", "scale")
    assert entry["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
    assert "f:template" in _owner(stored, "one")["f:spec"]


def test_replicas_of_another_applier_are_a_conflict_for_the_scale(server: Any) -> None:
    client = server.local()
    told = _full({"name": "app", "image": "a:1"})
    told["spec"]["replicas"] = 2
    client.apply(_DEPLOYMENT, told, "one")
    with pytest.raises(ApiError, match=r'conflict with "one": \.spec\.replicas'):
        client.apply(f"{_DEPLOYMENT}/scale", _scale(4), "scaler")
    client.apply(f"{_DEPLOYMENT}/scale", _scale(4), "scaler", force=True)
    assert "f:replicas" not in _owner(client.get(_DEPLOYMENT), "one")["f:spec"]


def test_a_scale_cannot_be_applied_as_another_kind(server: Any) -> None:
    server.local().apply(_DEPLOYMENT, _full({"name": "app", "image": "a:1"}), "one")
    with pytest.raises(ApiError, match="expected: autoscaling/v1"):
        server.local().apply(f"{_DEPLOYMENT}/scale", _deployment(replicas=2), "scaler")


def test_an_applied_status_changes_and_owns_the_status_alone(server: Any) -> None:
    client = server.local()
    client.apply(_DEPLOYMENT, _full({"name": "app", "image": "a:1"}), "one")
    told = _deployment(replicas=9) | {"status": {"readyReplicas": 3}}
    done = client.apply(f"{_DEPLOYMENT}/status", told, "two")
    assert (done["spec"]["replicas"], done["status"]["readyReplicas"]) == (1, 3)
    entry = next(e for e in done["metadata"]["managedFields"] if e["manager"] == "two")
    assert (entry["subresource"], entry["fieldsV1"]) == ("status", {"f:status": {"f:readyReplicas": {}}})
    with pytest.raises(ApiError, match=r"\.status\.readyReplicas"):
        client.apply(f"{_DEPLOYMENT}/status", told | {"status": {"readyReplicas": 4}}, "three")


def test_nothing_that_is_missing_is_made_by_applying_its_status(server: Any) -> None:
    with pytest.raises(ApiError) as refused:
        server.local().apply(f"{_DEPLOYMENT}/status", _deployment(), "two")
    assert refused.value.status == 404


def test_owners_that_were_forgotten_on_purpose_stay_forgotten_until_an_apply(server: Any) -> None:
    client = server.local()
    client.apply(_ONE, _map(a="1"), "one")
    client.patch(_ONE, b'{"metadata":{"managedFields":[{}]}}', _MERGE)
    client.patch(_ONE, b'{"data":{"b":"1"}}', _MERGE)
    assert "managedFields" not in client.get(_ONE)["metadata"]
    again = client.apply(_ONE, _map(a="1"), "one")
    assert _owner(again, "before-first-apply")["f:data"] == {".": {}, "f:a": {}, "f:b": {}}


def test_owners_are_not_edited_through_a_subresource(server: Any) -> None:
    client = server.local()
    client.apply(_DEPLOYMENT, _full({"name": "app", "image": "a:1"}), "one")
    edit = b'{"metadata":{"managedFields":[{}]},"status":{"replicas":1}}'
    client.patch(f"{_DEPLOYMENT}/status", edit, _MERGE)
    assert _owner(client.get(_DEPLOYMENT), "one") is not None


class _Gatekeeper:
    """Admission that lets everything pass until it is told to refuse, or to label what it sees."""

    def __init__(self) -> None:
        self.asked = 0
        self.refuses = False
        self.label = ""

    def admit(self, call: AdmissionCall) -> Any:
        self.asked += 1
        if self.refuses:
            raise ApiError(403, "Forbidden", "not today")
        if not self.label or call.obj is None:
            return call.obj
        meta = {**call.obj["metadata"], "labels": {"seen": self.label}}
        return {**call.obj, "metadata": meta}


def test_the_same_apply_again_is_still_a_matter_of_admission(server: Any) -> None:
    keeper = server.api.admission = _Gatekeeper()
    client = server.local()
    client.apply(_ONE, _map(a="1"), "one")
    client.apply(_ONE, _map(a="1"), "one")
    assert keeper.asked == 2
    keeper.label = "yes"
    assert client.apply(_ONE, _map(a="1"), "one")["metadata"]["labels"] == {"seen": "yes"}
    keeper.refuses = True
    with pytest.raises(ApiError, match="not today"):
        client.apply(_ONE, _map(a="1"), "one")


def test_the_same_apply_again_brings_back_what_somebody_changed(server: Any) -> None:
    client = server.local()
    client.apply(_ONE, _map(a="1"), "one")
    client.patch(_ONE, b'{"data":{"a":"9"}}', _MERGE)
    assert client.apply(_ONE, _map(a="1"), "one", force=True)["data"] == {"a": "1"}


def test_the_same_apply_again_minds_the_revision_it_names(server: Any) -> None:
    client = server.local()
    first = client.apply(_ONE, _map(a="1"), "one")
    told = _map(a="2")
    told["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"]
    client.apply(_ONE, told, "one")
    with pytest.raises(ApiError) as refused:
        client.apply(_ONE, told, "one")
    assert refused.value.status == 409


def test_the_same_apply_by_another_manager_makes_it_an_owner(server: Any) -> None:
    client = server.local()
    client.apply(_ONE, _map(a="1"), "one")
    assert _owner(client.apply(_ONE, _map(a="1"), "two"), "two") == {"f:data": {"f:a": {}}}
