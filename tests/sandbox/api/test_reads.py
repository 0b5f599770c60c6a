"""Lists, pages, selectors and representations."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.rest import Request

_MAPS = "/api/v1/namespaces/dt/configmaps"


@pytest.fixture
def five(server: Any) -> Any:
    for at in range(5):
        server.local().create(
            _MAPS, {"metadata": {"name": f"c{at}", "labels": {"n": str(at), "odd": str(at % 2)}}}
        )
    return server


def _names(body: Any) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


def test_pages_show_the_state_of_the_first_page(five: Any) -> None:
    _, first = five.ask("GET", _MAPS, query={"limit": "2"})
    assert first["metadata"]["remainingItemCount"] == 3
    five.local().delete(f"{_MAPS}/c3")
    five.local().create(_MAPS, {"metadata": {"name": "c2b"}})
    _, second = five.ask("GET", _MAPS, query={"limit": "9", "continue": first["metadata"]["continue"]})
    assert _names(second) == ["c2", "c3", "c4"]
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]


def test_an_expired_page_comes_with_a_token_that_goes_on(five: Any) -> None:
    _, first = five.ask("GET", _MAPS, query={"limit": "2"})
    five.local().create(_MAPS, {"metadata": {"name": "c2b"}})
    five.store.compact(five.store.revision)
    status, refused = five.ask("GET", _MAPS, query={"limit": "2", "continue": first["metadata"]["continue"]})
    assert (status, refused["reason"]) == (410, "Expired")
    _, rest = five.ask("GET", _MAPS, query={"continue": refused["metadata"]["continue"]})
    assert _names(rest) == ["c2", "c2b", "c3", "c4"]


def test_a_token_that_is_none_is_a_bad_request(five: Any) -> None:
    assert five.ask("GET", _MAPS, query={"limit": "2", "continue": "x"})[0] == 400


def test_pages_over_all_namespaces_meet_every_object_once(five: Any) -> None:
    five.local().create("/api/v1/namespaces", {"metadata": {"name": "a"}})
    five.local().create("/api/v1/namespaces/a/configmaps", {"metadata": {"name": "z"}})
    seen, token = [], ""
    while True:
        _, page = five.ask("GET", "/api/v1/configmaps", query={"limit": "2", "continue": token})
        seen += _names(page)
        token = page["metadata"].get("continue", "")
        if not token:
            break
    assert seen == ["z", "c0", "c1", "c2", "c3", "c4"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"labelSelector": "odd=1"}, ["c1", "c3"]),
        ({"labelSelector": "n in (0,4)"}, ["c0", "c4"]),
        ({"labelSelector": "odd=0,n!=0", "limit": "1"}, ["c2"]),
        ({"fieldSelector": "metadata.name=c2"}, ["c2"]),
        ({"labelSelector": "!odd"}, []),
    ],
)
def test_selectors_choose(five: Any, query: dict[str, str], names: list[str]) -> None:
    assert _names(five.ask("GET", _MAPS, query=query)[1]) == names


def test_a_list_asked_for_as_metadata_carries_nothing_else(five: Any) -> None:
    accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
    _, body = five.ask("GET", _MAPS, accept=accept)
    assert body["kind"] == "PartialObjectMetadataList"
    assert {tuple(sorted(item)) for item in body["items"]} == {("apiVersion", "kind", "metadata")}


def test_listing_twice_encodes_the_objects_once(five: Any) -> None:
    entries = five.store.entries("", "configmaps", None)
    five.ask("GET", "/api/v1/configmaps")
    bodies = [entry.body() for entry in entries]
    five.ask("GET", "/api/v1/configmaps")
    assert all(
        entry.body() is body
        for entry, body in zip(five.store.entries("", "configmaps", None), bodies, strict=True)
    )


def test_a_revision_of_the_future_is_refused(five: Any) -> None:
    status, body = five.ask("GET", _MAPS, query={"resourceVersion": "999999"})
    assert (status, body["reason"]) == (504, "Timeout")


def test_who_may_not_read_is_told_so(five: Any) -> None:
    five.api.rbac.deny("jane", verbs=["list"], resources=["configmaps"])
    status, body = five.ask("GET", _MAPS, user="jane")
    assert status == 403
    assert body["message"] == (
        'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "dt"'
    )
    review = {"spec": {"resourceAttributes": {"verb": "list", "resource": "configmaps", "namespace": "dt"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert five.ask("POST", path, review, user="jane")[1]["status"] == {"allowed": False}
    assert five.ask("POST", path, review)[1]["status"] == {"allowed": True}


def test_impersonation_and_tokens_decide_who_asks(five: Any) -> None:
    path = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    told = five.api.handle(Request("POST", path, {}, {"impersonate-user": "joe"}, b"{}"))
    assert orjson.loads(told.body)["status"]["userInfo"]["username"] == "joe"
    five.api.rbac.tokens["secret"] = "robot"
    told = five.api.handle(Request("POST", path, {}, {"Authorization": "Bearer secret"}, b"{}"))
    assert orjson.loads(told.body)["status"]["userInfo"]["username"] == "robot"
    assert five.api.handle(Request("GET", _MAPS, {}, {"Authorization": "Bearer wrong"})).status == 401
    five.api.rbac.deny("jane", verbs=["impersonate"])
    assert five.api.handle(Request("GET", _MAPS, {}, {"Impersonate-User": "joe"}, b"", "jane")).status == 403


def test_the_server_tells_its_version_and_health(five: Any) -> None:
    assert five.ask("GET", "/version")[1]["gitVersion"] == "v1.34.4"
    assert five.ask("GET", "/readyz") == (200, "ok")
    assert five.ask("GET", "/nowhere") == (404, "404 page not found\n")


def test_a_reader_in_the_same_process_sees_refusals_as_errors(five: Any) -> None:
    assert five.local().get(f"{_MAPS}/none") is None
    with pytest.raises(ApiError) as refused:
        five.local().list("/apis/none/v1/things")
    assert refused.value.status == 404
