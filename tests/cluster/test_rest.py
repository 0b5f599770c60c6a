"""Requests and answers, one by one, against a server that is only a list of answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from upgrader.cluster.clean import clean, clean_line
from upgrader.cluster.discovery import discover
from upgrader.cluster.paths import collection, item, through
from upgrader.cluster.port import Answer, Dialled
from upgrader.cluster.rest import RESTARTS, RestCluster
from upgrader.model.change import Apply, Create, Delete, Patch, Replace
from upgrader.model.failures import (
    ClusterFailure,
    Conflict,
    Denied,
    Expired,
    Forbidden,
    Invalid,
    ServerTrouble,
    Unauthorized,
)
from upgrader.model.kinds import DEPLOYMENT, NAMESPACE, POD, Kind, Ref

CART = Ref(DEPLOYMENT, "cart", "shop")
KINDS: dict[str, Any] = {
    "/api": {"versions": ["v1"]},
    "/api/v1": {"resources": [{"name": "pods", "kind": "Pod", "namespaced": True}]},
    "/apis": {"groups": []},
}


def status(code: int, reason: str, message: str = "") -> tuple[int, Any]:
    return code, {"kind": "Status", "apiVersion": "v1", "code": code, "reason": reason, "message": message}


class Answers:
    """Answers by path, else the next of a list; remembers every request."""

    def __init__(self, *answers: tuple[int, Any], paths: Mapping[str, Any] = KINDS) -> None:
        self.answers = list(answers)
        self.paths = dict(paths)
        self.sent: list[tuple[str, str, dict[str, str], Any, str]] = []

    def send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: bytes | None,
        content_type: str,
        accept: str,
    ) -> Answer:
        if method == "GET" and path in self.paths:
            found = self.paths[path]
            code, data = found if isinstance(found, tuple) else (200, found)
            return code, {}, data if isinstance(data, bytes) else json.dumps(data).encode()
        self.sent.append((method, path, dict(query), json.loads(body) if body else None, content_type))
        code, data = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return code, {}, data if isinstance(data, bytes) else json.dumps(data).encode()

    def dial(self, path: str, query: Mapping[str, str], protocol: str) -> Dialled:
        raise AssertionError(f"nobody forwards anything here: {path} {query} {protocol}")


@pytest.mark.parametrize(
    ("answer", "kind", "ambiguous"),
    [
        (status(400, "BadRequest"), Invalid, False),
        (status(401, "Unauthorized"), Unauthorized, False),
        (
            status(403, "Forbidden", 'deployments.apps "cart" is forbidden: User "ana" cannot patch'),
            Forbidden,
            False,
        ),
        (status(403, "Forbidden", 'admission webhook "v.example.com" denied the request: no'), Denied, False),
        (status(409, "Conflict"), Conflict, False),
        (status(409, "AlreadyExists", 'admission webhook "x" is in the name'), Conflict, False),
        (status(410, "Expired"), Expired, False),
        (status(415, "UnsupportedMediaType"), Invalid, False),
        (status(422, "Invalid", "spec.replicas: Invalid value"), Invalid, False),
        (status(422, "Invalid", "ValidatingAdmissionPolicy 'p' denied request"), Denied, False),
        (status(429, "TooManyRequests"), ServerTrouble, True),
        (status(500, "InternalError", "etcdserver: request timed out"), ServerTrouble, True),
        (status(500, "InternalError", 'failed calling webhook "n.istio.io": no endpoints'), Denied, False),
        (status(503, "ServiceUnavailable"), ServerTrouble, True),
        (status(504, "Timeout"), ServerTrouble, True),
        ((502, b"<html>bad gateway"), ServerTrouble, True),
        ((404, b"page not found"), Invalid, False),
        ((200, b"<html>a login page"), ServerTrouble, True),
    ],
)
def test_each_status_is_one_failure(
    answer: tuple[int, Any], kind: type[ClusterFailure], ambiguous: bool
) -> None:
    cluster = RestCluster(Answers(answer))
    with pytest.raises(ClusterFailure) as failed:
        cluster.perform(Apply(CART, {}))
    assert type(failed.value) is kind
    assert failed.value.ambiguous is ambiguous
    assert failed.value.request.startswith("PATCH /apis/apps/v1/namespaces/shop/deployments/cart")
    assert failed.value.message


def test_words_of_the_server_cannot_move_the_cursor() -> None:
    with pytest.raises(Invalid) as failed:
        RestCluster(Answers(status(422, "Invalid", "bad\x1b[2J\nname\u202e"))).perform(Apply(CART, {}))
    assert failed.value.message == "bad[2J name"


def test_what_is_cleaned_keeps_lines_and_tabs_and_nothing_that_steers() -> None:
    assert clean("a\tb\nc\x1b]0;title\x07\u200b") == "a\tb\nc]0;title"
    assert clean_line("a\tb\nc") == "a b c"


def test_each_change_is_one_request_with_what_was_seen() -> None:
    server = Answers((200, {"metadata": {}}))
    cluster = RestCluster(server)
    manifest = {"metadata": {"name": "cart"}}
    cluster.perform(Apply(CART, manifest, manager="m"))
    cluster.perform(Create(CART, manifest, manager="m"))
    cluster.perform(Patch(CART, {"metadata": {"labels": {"a": None}}}, "u1", "7", manager="m"))
    cluster.perform(Patch(CART, {"spec": {"replicas": 0}}, "u1", "7", subresource="scale"))
    cluster.perform(Replace(CART, manifest, "u1", "7"))
    assert cluster.perform(Delete(CART, "u1")) is None
    one = "/apis/apps/v1/namespaces/shop/deployments/cart"
    seen = {"uid": "u1", "resourceVersion": "7"}
    assert [(m, p, t) for m, p, _, _, t in server.sent] == [
        ("PATCH", one, "application/apply-patch+yaml"),
        ("POST", one.removesuffix("/cart"), "application/json"),
        ("PATCH", one, "application/merge-patch+json"),
        ("PATCH", f"{one}/scale", "application/merge-patch+json"),
        ("PUT", one, "application/json"),
        ("DELETE", one, "application/json"),
    ]
    assert [q.get("fieldManager") for _, _, q, _, _ in server.sent] == [
        "m",
        "m",
        "m",
        "upgrader",
        "upgrader",
        None,
    ]
    assert "force" not in server.sent[0][2]
    assert server.sent[2][3] == {"metadata": {"labels": {"a": None}, **seen}}
    assert server.sent[4][3]["metadata"] == {"name": "cart", **seen}
    assert server.sent[5][3]["preconditions"] == {"uid": "u1"}


def test_a_rehearsal_says_dry_run_in_every_request() -> None:
    server = Answers((200, {"metadata": {}}))
    for change in (Apply(CART, {}), Create(CART, {}), Patch(CART, {}, "u", "1"), Delete(CART, "u")):
        RestCluster(server).rehearse(change)
    assert [q["dryRun"] for _, _, q, _, _ in server.sent] == ["All"] * 4
    assert server.sent[3][3]["dryRun"] == ["All"]


def test_what_was_to_be_deleted_and_is_gone_is_no_failure() -> None:
    assert RestCluster(Answers(status(404, "NotFound"))).perform(Delete(CART, "u")) is None


def test_what_was_to_be_patched_and_is_gone_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="gone since it was read"):
        RestCluster(Answers(status(404, "NotFound"))).perform(Patch(CART, {}, "u", "1"))


def test_an_object_is_absent_only_when_the_api_server_says_so() -> None:
    served = KINDS | {"/apis": {"groups": [{"name": "apps", "versions": [{"version": "v1"}]}]}}
    served |= {
        "/apis/apps/v1": {"resources": [{"name": "deployments", "kind": "Deployment", "namespaced": True}]}
    }
    assert RestCluster(Answers(status(404, "NotFound"), paths=served)).get(CART) is None
    assert RestCluster(Answers((404, b"404 page not found"))).get(CART) is None, "its kind is not served"
    with pytest.raises(Invalid):
        RestCluster(Answers((404, b"no such backend"), paths=served)).get(CART)
    with pytest.raises(ServerTrouble):
        RestCluster(Answers((404, b"no such backend"), paths={"/api": (502, b"")})).get(CART)


def page(*names: str, token: str = "") -> tuple[int, Any]:
    return 200, {"metadata": {"continue": token}, "items": [{"metadata": {"name": n}} for n in names]}


def test_a_list_is_read_to_its_last_page_with_kinds_filled_in() -> None:
    server = Answers(page("a", "b", token="t1"), page("c"))
    found = RestCluster(server).list(POD, namespace="shop", labels="app=x")
    assert [(o["metadata"]["name"], o["kind"], o["apiVersion"]) for o in found] == [
        ("a", "Pod", "v1"),
        ("b", "Pod", "v1"),
        ("c", "Pod", "v1"),
    ]
    assert [q.get("continue") for _, _, q, _, _ in server.sent] == [None, "t1"]
    assert {q["labelSelector"] for _, _, q, _, _ in server.sent} == {"app=x"}


def test_a_list_whose_pages_expire_begins_again_and_never_mixes_two_moments() -> None:
    server = Answers(page("old", token="t1"), status(410, "Expired"), page("new", token="t2"), page("new2"))
    assert [o["metadata"]["name"] for o in RestCluster(server).list(POD)] == ["new", "new2"]


def test_a_list_that_always_expires_is_given_up() -> None:
    server = Answers(status(410, "Expired"))
    with pytest.raises(Expired):
        RestCluster(server).list(POD)
    assert len(server.sent) == RESTARTS + 1


def test_an_empty_list_may_be_null() -> None:
    assert RestCluster(Answers((200, {"metadata": {}, "items": None}))).list(POD) == []


AGGREGATED: dict[str, Any] = {
    "kind": "APIGroupDiscoveryList",
    "items": [
        {
            "metadata": {"name": "networking.istio.io"},
            "versions": [
                {"version": v, "freshness": f, "resources": [
                    {"resource": "gateways", "scope": "Namespaced", "responseKind": {"kind": "Gateway"}}
                ]}
                for v, f in (("v1", "Current"), ("v1beta1", "Current"))
            ],
        }
    ],
}  # fmt: skip


def test_discovery_takes_the_version_that_the_server_prefers() -> None:
    found = discover(
        Answers((500, b""), paths={"/api": {"kind": "APIGroupDiscoveryList"}, "/apis": AGGREGATED})
    )
    assert found == (Kind("networking.istio.io", "v1", "gateways", "Gateway"),)


def walked(group: str) -> dict[str, Any]:
    preferred = {"version": "v1beta1"}
    groups = [{"name": group, "versions": [{"version": "v1"}], "preferredVersion": preferred}]
    return KINDS | {"/apis": {"groups": groups}, f"/apis/{group}/v1beta1": (503, b"down")}


def test_a_group_of_others_that_is_away_is_left_out() -> None:
    assert [k.plural for k in discover(Answers((500, b""), paths=walked("metrics.k8s.io")))] == ["pods"]


@pytest.mark.parametrize("group", ["networking.istio.io", "gateway.networking.k8s.io"])
def test_a_group_of_ours_that_is_away_is_a_failure_and_not_none(group: str) -> None:
    with pytest.raises(ServerTrouble):
        discover(Answers((500, b""), paths=walked(group)))
    stale = {"metadata": {"name": group}, "versions": [{"version": "v1", "freshness": "Stale"}]}
    listing = {"kind": "APIGroupDiscoveryList", "items": [stale]}
    with pytest.raises(ServerTrouble):
        discover(Answers((500, b""), paths={"/api": {"kind": "APIGroupDiscoveryList"}, "/apis": listing}))


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_can_never_climb_out_of_its_path(name: str) -> None:
    with pytest.raises(ValueError, match="is not the name"):
        item(Ref(NAMESPACE, name))


def test_paths_are_those_of_the_api_server() -> None:
    assert item(Ref(NAMESPACE, "a/../b")) == "/api/v1/namespaces/a%2F..%2Fb"
    assert collection(DEPLOYMENT) == "/apis/apps/v1/deployments"
    assert item(CART, "scale") == "/apis/apps/v1/namespaces/shop/deployments/cart/scale"
    pod = Ref(POD, "istiod-1", "istio-system")
    assert (
        through(pod, 15014, "/version") == "/api/v1/namespaces/istio-system/pods/istiod-1:15014/proxy/version"
    )
