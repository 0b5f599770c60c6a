from collections.abc import Callable
from typing import Any

import orjson
import pytest

from upgrader.sandbox.api.backend import Backend, Call
from upgrader.sandbox.api.content import Form
from upgrader.sandbox.api.kinds.catalogue import Catalogue
from upgrader.sandbox.api.watching import Watch, watch
from upgrader.sandbox.errors import ApiError

Obj = dict[str, Any]
PODS = "/api/v1/namespaces/shop/pods"


def pod(name: str, namespace: str = "shop", **labels: str) -> Obj:
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": []}}


def ready(stream: Watch) -> list[tuple[str, str]]:
    """Type and name (or annotation, or code) of the events due now."""
    found = []
    for line in stream.ready():
        event = orjson.loads(line)
        obj = event["object"]
        found.append((event["type"], str(obj.get("code") or obj["metadata"].get("name", ""))))
    return found


def start(call: Call, form: Form | None = None) -> Watch:
    stream = watch(call, form or Form()).stream
    assert isinstance(stream, Watch)
    return stream


@pytest.mark.parametrize("revision", ["", "0"])
def test_a_watch_without_a_revision_begins_with_what_exists(
    call: Callable[..., Call], put: Callable[..., Obj], revision: str
) -> None:
    put("pods", pod("b"))
    put("pods", pod("a"))
    put("pods", pod("c", namespace="other"))
    stream = start(call(PODS, resourceVersion=revision))
    assert ready(stream) == [("ADDED", "a"), ("ADDED", "b")]
    assert ready(stream) == []


def test_a_watch_from_a_revision_tells_only_what_came_after(
    call: Callable[..., Call], put: Callable[..., Obj], backend: Backend
) -> None:
    seen = put("pods", pod("a"))["metadata"]["resourceVersion"]
    stream = start(call(PODS, resourceVersion=seen))
    put("pods", pod("a", app="web"))
    put("pods", pod("b"))
    put("pods", pod("c", namespace="other"))
    backend.store.remove(("", "pods", "shop", "a"))
    assert ready(stream) == [("MODIFIED", "a"), ("ADDED", "b"), ("DELETED", "a")]


def test_a_watch_over_all_namespaces_sees_each_of_them(
    call: Callable[..., Call], put: Callable[..., Obj]
) -> None:
    stream = start(call("/api/v1/pods"))
    put("pods", pod("a"))
    put("pods", pod("b", namespace="other"))
    put("configmaps", {"metadata": {"name": "c", "namespace": "shop"}})
    assert ready(stream) == [("ADDED", "a"), ("ADDED", "b")]


def test_entering_a_selector_is_added_and_leaving_it_is_deleted(
    call: Callable[..., Call], put: Callable[..., Obj]
) -> None:
    put("pods", pod("a", app="db"))
    stream = start(call(PODS, labelSelector="app=web"))
    assert ready(stream) == []
    put("pods", pod("a", app="web"))
    put("pods", pod("a", app="web", tier="1"))
    put("pods", pod("a", app="db"))
    assert ready(stream) == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a")]


def test_an_object_that_left_the_selector_is_told_as_it_last_matched(
    call: Callable[..., Call], put: Callable[..., Obj]
) -> None:
    put("pods", pod("a", app="web"))
    stream = start(call(PODS, fieldSelector="metadata.name=a", labelSelector="app"))
    stream.ready()
    last = put("pods", pod("a") | {"spec": {"nodeName": "node-1"}})["metadata"]["resourceVersion"]
    (line,) = stream.ready()
    told = orjson.loads(line)["object"]
    assert (told["metadata"]["labels"], told["metadata"]["resourceVersion"]) == ({"app": "web"}, last)
    assert told["spec"] == {"containers": []}


def test_an_old_revision_is_an_error_event_and_not_a_failed_request(
    call: Callable[..., Call], put: Callable[..., Obj], backend: Backend
) -> None:
    first = put("pods", pod("a"))["metadata"]["resourceVersion"]
    put("pods", pod("b"))
    backend.store.compact(backend.store.revision)
    response = watch(call(PODS, resourceVersion=first), Form())
    assert response.status == 200
    assert [orjson.loads(line)["object"]["code"] for line in response.stream or ()] == [410]


def test_bookmarks_come_only_when_allowed(call: Callable[..., Call]) -> None:
    for allowed, expected in (("true", ["BOOKMARK"]), ("", [])):
        stream = start(call(PODS, allowWatchBookmarks=allowed, timeoutSeconds="0"))
        stream._deadline = 0
        assert [orjson.loads(line)["type"] for line in stream] == expected


def test_initial_events_end_with_a_marked_bookmark(
    call: Callable[..., Call], put: Callable[..., Obj]
) -> None:
    seen = put("pods", pod("a"))["metadata"]["resourceVersion"]
    query = {
        "sendInitialEvents": "true",
        "resourceVersionMatch": "NotOlderThan",
        "allowWatchBookmarks": "true",
    }
    added, mark = (orjson.loads(line) for line in start(call(PODS, resourceVersion=seen, **query)).ready())
    assert added["object"]["metadata"]["name"] == "a"
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_initial_events_are_refused_by_servers_that_do_not_know_them(
    call: Callable[..., Call], backend: Backend
) -> None:
    backend.catalogue = Catalogue(30)
    with pytest.raises(ApiError, match="WatchList") as refusal:
        watch(call(PODS, sendInitialEvents="true", resourceVersionMatch="NotOlderThan"), Form())
    assert refusal.value.status == 422


def test_a_table_watch_heads_only_its_first_table(call: Callable[..., Call], put: Callable[..., Obj]) -> None:
    put("pods", pod("a"))
    put("pods", pod("b"))
    first, second = (orjson.loads(line)["object"] for line in start(call(PODS), Form("Table")).ready())
    assert first["kind"] == second["kind"] == "Table"
    assert first["columnDefinitions"][0]["name"] == "Name"
    assert second["columnDefinitions"] is None
    assert second["rows"][0]["cells"][0] == "b"


def test_a_metadata_watch_carries_no_specification(
    call: Callable[..., Call], put: Callable[..., Obj]
) -> None:
    put("pods", pod("a"))
    (line,) = start(call(PODS), Form("PartialObjectMetadata")).ready()
    assert orjson.loads(line)["object"].keys() == {"kind", "apiVersion", "metadata"}


def test_a_cancelled_watch_ends(call: Callable[..., Call]) -> None:
    stream = start(call(PODS))
    stream.cancel()
    assert list(stream) == []


def test_a_watch_nobody_reads_any_more_ends(call: Callable[..., Call]) -> None:
    stream = start(call(PODS))
    stream.abandoned = lambda: True
    assert list(stream) == []


@pytest.mark.parametrize(
    ("query", "status"),
    [({"labelSelector": "a in ("}, 400), ({"resourceVersion": "x"}, 500), ({"timeoutSeconds": "soon"}, 400)],
)
def test_a_question_that_makes_no_sense_is_refused_at_once(
    call: Callable[..., Call], query: dict[str, str], status: int
) -> None:
    with pytest.raises(ApiError) as refusal:
        watch(call(PODS, **query), Form())
    assert refusal.value.status == status
