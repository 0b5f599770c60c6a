"""Create, update, patch and delete keep the promises clients lean on."""

from __future__ import annotations

from typing import Any

import pytest

from upgrader.sandbox.errors import ApiError

_MAPS = "/api/v1/namespaces/dt/configmaps"
_PODS = "/api/v1/namespaces/dt/pods"
_MERGE = "application/merge-patch+json"
_STRATEGIC = "application/strategic-merge-patch+json"


def _pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "a", "image": "b:1"}], **spec}}


def _running(server: Any, name: str = "p") -> None:
    server.local().create(_PODS, _pod(name, nodeName="n1"))
    obj = server.store.get(("", "pods", "dt", name))
    server.store.put(("", "pods", "dt", name), {**obj, "status": {"phase": "Running"}})


def test_a_generated_name_begins_with_what_was_asked(server: Any) -> None:
    made = server.local().create(_MAPS, {"metadata": {"generateName": "web-"}})
    assert made["metadata"]["name"].startswith("web-")
    assert len(made["metadata"]["name"]) == 9


@pytest.mark.parametrize(
    ("method", "path", "body", "media"),
    [
        ("POST", _MAPS, {"metadata": {"name": "new"}}, "application/json"),
        ("PUT", f"{_MAPS}/c", {"metadata": {"name": "c"}, "data": {"a": "2"}}, "application/json"),
        ("PATCH", f"{_MAPS}/c", {"data": {"a": "2"}}, _MERGE),
        ("PATCH", f"{_MAPS}/c", {"data": {"a": "2"}}, _STRATEGIC),
        ("PATCH", f"{_MAPS}/c", [{"op": "remove", "path": "/data"}], "application/json-patch+json"),
        ("DELETE", f"{_MAPS}/c", None, "application/json"),
        ("DELETE", _MAPS, None, "application/json"),
        ("DELETE", "/api/v1/namespaces/dt", None, "application/json"),
        ("POST", f"{_PODS}/p/eviction", {"metadata": {"name": "p"}}, "application/json"),
    ],
)
def test_a_dry_run_leaves_the_store_untouched(
    server: Any, method: str, path: str, body: Any, media: str
) -> None:
    server.local().create(_MAPS, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    server.local().create(_PODS, _pod())
    before = server.store.revision
    status, _ = server.ask(method, path, body, media, query={"dryRun": "All"})
    assert status in {200, 201}
    assert server.store.revision == before
    assert server.ask(method, path, body, media)[0] in {200, 201}
    assert server.store.revision > before


def test_a_dry_run_named_in_the_body_of_a_delete_deletes_nothing(server: Any) -> None:
    server.local().create(_MAPS, {"metadata": {"name": "c"}})
    server.local().delete(f"{_MAPS}/c", dryRun=["All"])
    assert server.local().get(f"{_MAPS}/c") is not None
    assert server.api.audit.entries[-2].dry_run


def test_a_stale_revision_is_refused_and_a_fresh_one_is_not(server: Any) -> None:
    client = server.local()
    first = client.create(_MAPS, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    client.patch(f"{_MAPS}/c", b'{"data":{"a":"2"}}', _MERGE)
    stale = {**first, "data": {"a": "3"}}
    with pytest.raises(ApiError, match="the object has been modified"):
        client.update(f"{_MAPS}/c", stale)
    revision = client.get(f"{_MAPS}/c")["metadata"]["resourceVersion"]
    fresh = {**first, "metadata": {**first["metadata"], "resourceVersion": revision}, "data": {"a": "3"}}
    assert client.update(f"{_MAPS}/c", fresh)["data"] == {"a": "3"}


def test_an_update_that_changes_nothing_keeps_the_revision(server: Any) -> None:
    client = server.local()
    made = client.create(_MAPS, {"metadata": {"name": "c"}, "data": {"a": "1"}})
    assert client.update(f"{_MAPS}/c", made) == made


@pytest.mark.parametrize("wanted", [{"uid": "other"}, {"resourceVersion": "1"}])
def test_a_delete_with_an_unmet_precondition_is_a_conflict(server: Any, wanted: dict[str, str]) -> None:
    client = server.local()
    made = client.create(_MAPS, {"metadata": {"name": "c"}})
    with pytest.raises(ApiError, match="in the precondition") as refused:
        client.delete(f"{_MAPS}/c", preconditions=wanted)
    assert refused.value.status == 409
    met = {name: made["metadata"][name] for name in ("uid", "resourceVersion")}
    client.delete(f"{_MAPS}/c", preconditions=met)
    assert client.get(f"{_MAPS}/c") is None


def test_a_running_pod_is_given_its_grace_and_a_shorter_one_shortens_it(server: Any) -> None:
    _running(server)
    server.local().delete(f"{_PODS}/p")
    first = server.local().get(f"{_PODS}/p")["metadata"]
    assert first["deletionGracePeriodSeconds"] == 30
    assert first["deletionTimestamp"] == "2026-01-05T09:00:30Z"
    server.local().delete(f"{_PODS}/p", gracePeriodSeconds=5)
    assert server.local().get(f"{_PODS}/p")["metadata"]["deletionTimestamp"] == "2026-01-05T09:00:05Z"
    server.local().delete(f"{_PODS}/p", gracePeriodSeconds=0)
    assert server.local().get(f"{_PODS}/p") is None


def test_an_object_goes_with_its_last_finalizer(server: Any) -> None:
    client = server.local()
    client.create(_MAPS, {"metadata": {"name": "c", "finalizers": ["a.b/c"]}})
    client.delete(f"{_MAPS}/c")
    assert "deletionTimestamp" in client.get(f"{_MAPS}/c")["metadata"]
    client.patch(f"{_MAPS}/c", b'{"metadata":{"finalizers":null}}', _MERGE)
    assert client.get(f"{_MAPS}/c") is None


def test_foreground_deletion_holds_the_owner_until_its_finalizer_goes(server: Any) -> None:
    server.local().create(_MAPS, {"metadata": {"name": "c"}})
    server.local().delete(f"{_MAPS}/c", propagationPolicy="Foreground")
    assert server.local().get(f"{_MAPS}/c")["metadata"]["finalizers"] == ["foregroundDeletion"]


def test_nothing_new_is_created_in_a_namespace_that_is_going(server: Any) -> None:
    client = server.local()
    client.delete("/api/v1/namespaces/dt")
    with pytest.raises(ApiError, match="because it is being terminated") as refused:
        client.create(_MAPS, {"metadata": {"name": "c"}})
    assert (refused.value.status, refused.value.details["causes"][0]["reason"]) == (
        403,
        "NamespaceTerminating",
    )
    space = client.get("/api/v1/namespaces/dt")
    assert space["status"]["phase"] == "Terminating"
    client.update("/api/v1/namespaces/dt/finalize", {**space, "spec": {"finalizers": []}})
    assert client.get("/api/v1/namespaces/dt") is None


def test_a_namespace_that_is_not_there_is_not_found(server: Any) -> None:
    with pytest.raises(ApiError, match='namespaces "nope" not found'):
        server.local().create("/api/v1/namespaces/nope/configmaps", {"metadata": {"name": "c"}})


def test_the_generation_counts_specifications_only(server: Any) -> None:
    client = server.local()
    path = "/apis/apps/v1/namespaces/dt/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "a", "image": "b:1"}]}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    assert client.create(path, {"metadata": {"name": "d"}, "spec": spec})["metadata"]["generation"] == 1
    labelled = client.patch(f"{path}/d", b'{"metadata":{"labels":{"x":"y"}}}', _MERGE)
    assert labelled["metadata"]["generation"] == 1
    status = client.patch(f"{path}/d/status", b'{"status":{"replicas":3},"spec":{"replicas":9}}', _MERGE)
    assert (status["metadata"]["generation"], status["status"]["replicas"], status["spec"]["replicas"]) == (
        1,
        3,
        1,
    )
    scaled = client.patch(f"{path}/d", b'{"spec":{"replicas":2},"status":{"replicas":9}}', _MERGE)
    assert (scaled["metadata"]["generation"], scaled["status"]["replicas"]) == (2, 3)


def test_strategic_patches_keep_to_the_order_the_client_names(server: Any) -> None:
    client = server.local()
    containers = [{"name": "a", "image": "x:1"}, {"name": "b", "image": "x:1"}]
    path = "/apis/apps/v1/namespaces/dt/deployments"
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
    client.create(
        path,
        {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}},
    )
    order = [{"name": "b"}, {"name": "a"}]
    patch = {
        "spec": {
            "template": {
                "spec": {"$setElementOrder/containers": order, "containers": [{"name": "b", "image": "x:2"}]}
            }
        }
    }
    _, body = server.ask("PATCH", f"{path}/d", patch, _STRATEGIC)
    found = [(c["name"], c["image"]) for c in body["spec"]["template"]["spec"]["containers"]]
    assert found == [("b", "x:2"), ("a", "x:1")]
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "a", "$patch": "delete"}]}}}}
    _, body = server.ask("PATCH", f"{path}/d", patch, _STRATEGIC)
    assert [c["name"] for c in body["spec"]["template"]["spec"]["containers"]] == ["b"]


def test_services_get_addresses_of_their_own_and_keep_them(server: Any) -> None:
    client = server.local()
    path = "/api/v1/namespaces/dt/services"
    first = client.create(
        path, {"metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}], "type": "LoadBalancer"}}
    )
    second = client.create(path, {"metadata": {"name": "b"}, "spec": {"ports": [{"port": 80}]}})
    assert first["spec"]["clusterIP"] != second["spec"]["clusterIP"]
    assert first["spec"]["ports"][0]["nodePort"] == 30000
    bare = {"metadata": {"name": "b"}, "spec": {"ports": [{"port": 81}]}}
    assert client.update(f"{path}/b", bare)["spec"]["clusterIP"] == second["spec"]["clusterIP"]
    with pytest.raises(ApiError, match="may not change once set"):
        client.patch(f"{path}/b", b'{"spec":{"clusterIP":"10.9.9.9"}}', _MERGE)


def test_every_request_is_audited_with_its_verb_and_target(server: Any) -> None:
    server.local("jane", "kubectl/v1.34").create(_MAPS, {"metadata": {"name": "c"}})
    server.ask("GET", _MAPS, query={"watch": "0"}, user="jane")
    server.ask("GET", "/nowhere", user="jane")
    made, listed, lost = server.api.audit.entries[-3:]
    assert (made.user, made.agent, made.verb, made.resource, made.status) == (
        "jane", "kubectl/v1.34", "create", "configmaps", 201,
    )  # fmt: skip
    assert (listed.verb, lost.verb, lost.status) == ("list", "get", 404)
    assert server.api.audit.writes(user="jane") == [made]


def test_a_lease_is_only_replaced_by_who_names_its_revision(server: Any) -> None:
    client, path = server.local(), "/apis/coordination.k8s.io/v1/namespaces/dt/leases"
    made = client.create(path, {"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}})
    with pytest.raises(ApiError, match="Invalid value: 0x0: must be specified for an update"):
        client.update(f"{path}/l", {"metadata": {"name": "l"}, "spec": {"holderIdentity": "b"}})
    assert (
        client.update(f"{path}/l", {**made, "spec": {"holderIdentity": "b"}})["spec"]["holderIdentity"] == "b"
    )


@pytest.mark.parametrize(
    ("plural", "obj", "message"),
    [
        ("api/v1/namespaces/dt/services", {"spec": {}}, "spec.ports: Required value"),
        (
            "api/v1/namespaces/dt/pods",
            {"spec": {"containers": [{"name": "a"}]}},
            "spec.containers[0].image: Required value",
        ),
        (
            "apis/policy/v1/namespaces/dt/poddisruptionbudgets",
            {"spec": {"minAvailable": 1, "maxUnavailable": 1}},
            "minAvailable and maxUnavailable cannot be both set",
        ),
        (
            "api/v1/namespaces/dt/configmaps",
            {"data": {"a": 1}},
            "data[a]: Invalid value: 1: must be a string",
        ),
        (
            "apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
            {
                "webhooks": [
                    {"name": "a.b.c", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://x"}}
                ]
            },
            "webhooks[0].sideEffects: Required value",
        ),
        (
            "api/v1/namespaces/dt/secrets",
            {"metadata": {"name": "x", "labels": {"a": "b c"}}},
            "a valid label must be",
        ),
        (
            "apis/batch/v1/namespaces/dt/jobs",
            {"spec": {"template": {"spec": {"containers": [{"name": "a", "image": "b"}]}}}},
            'Unsupported value: "Always": supported values: "Never", "OnFailure"',
        ),
    ],
)
def test_what_a_kind_forbids_is_refused(server: Any, plural: str, obj: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError) as refused:
        server.local().create(f"/{plural}", {"metadata": {"name": "x"}, **obj})
    assert refused.value.status == 422
    assert message in refused.value.message


def test_what_admission_makes_of_an_object_is_stored_and_what_it_refuses_is_not(server: Any) -> None:
    class Gate:
        def admit(self, call: Any) -> Any:
            if call.operation == "DELETE" or call.obj["metadata"]["name"] == "bad":
                raise ApiError(400, "", "denied")
            return {**call.obj, "data": {**call.obj.get("data", {}), "by": call.user}}

    server.api.admission = Gate()
    assert server.local("jane").create(_MAPS, {"metadata": {"name": "c"}})["data"] == {"by": "jane"}
    with pytest.raises(ApiError, match="denied"):
        server.local().create(_MAPS, {"metadata": {"name": "bad"}})
    with pytest.raises(ApiError, match="denied"):
        server.local().delete(f"{_MAPS}/c")
    assert [obj["metadata"]["name"] for obj in server.store.list("", "configmaps")] == ["c"]
