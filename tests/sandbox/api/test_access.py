"""Who may do what, who a token stands for, and what a user is told of his permissions."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.rest import Request
from upgrader.sandbox.world import World

_ACCOUNTS = "/api/v1/namespaces/dt/serviceaccounts"
_TOKEN = f"{_ACCOUNTS}/robot/token"
_MAPS = "/api/v1/namespaces/dt/configmaps"
_RULES = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
_WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_APPLY = "application/apply-patch+yaml"


@pytest.fixture
def robots(server: Any) -> Any:
    """A server with the service account ``robot``."""
    server.local().create(_ACCOUNTS, {"metadata": {"name": "robot"}})
    return server


def _asked(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}


def _who(server: Any, token: str) -> Any:
    told = server.api.handle(Request("POST", _WHO, {}, {"Authorization": f"Bearer {token}"}, b"{}"))
    return told.status if told.status >= 300 else orjson.loads(told.body)["status"]["userInfo"]["username"]


def test_a_token_stands_for_its_account_until_it_expires(robots: Any) -> None:
    status, body = robots.ask("POST", _TOKEN, _asked(expirationSeconds=600))
    assert (status, body["kind"]) == (201, "TokenRequest")
    assert body["status"]["expirationTimestamp"] == "2026-01-05T09:10:00Z"
    token = body["status"]["token"]
    assert _who(robots, token) == "system:serviceaccount:dt:robot"
    robots.clock.advance(601)
    assert _who(robots, token) == 401


def test_a_token_tells_its_claims_to_whoever_reads_it(robots: Any) -> None:
    token = robots.ask("POST", _TOKEN, _asked(audiences=["istio-ca"]))[1]["status"]["token"]
    claims = orjson.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    assert (claims["aud"], claims["sub"]) == (["istio-ca"], "system:serviceaccount:dt:robot")
    assert claims["exp"] - claims["iat"] == 3600


def test_asking_for_a_token_stores_nothing(robots: Any) -> None:
    before = robots.store.revision
    robots.ask("POST", _TOKEN, _asked())
    assert robots.store.revision == before
    assert not robots.api.audit.entries[-1].mutating
    assert _who(robots, "anything") == "admin"


@pytest.mark.parametrize(
    ("path", "spec", "status", "words"),
    [
        (_TOKEN, {"expirationSeconds": 60}, 422, "may not specify a duration less than 10 minutes"),
        (f"{_ACCOUNTS}/nobody/token", {}, 404, 'serviceaccounts "nobody" not found'),
        (_TOKEN, {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "p"}}, 404, 'pods "p" not found'),
        (_TOKEN, {"boundObjectRef": {"kind": "Node", "apiVersion": "v1", "name": "n"}}, 400, "cannot bind token"),
    ],
)  # fmt: skip
def test_tokens_that_cannot_be_are_refused(
    robots: Any, path: str, spec: dict[str, Any], status: int, words: str
) -> None:
    found, body = robots.ask("POST", path, _asked(**spec))
    assert found == status
    assert words in body["message"]


def test_a_token_is_bound_to_pods_of_its_own_account_only(robots: Any) -> None:
    spec = {"containers": [{"name": "a", "image": "b:1"}], "serviceAccountName": "robot"}
    robots.local().create("/api/v1/namespaces/dt/pods", {"metadata": {"name": "p"}, "spec": spec})
    bound = {"kind": "Pod", "apiVersion": "v1", "name": "p"}
    assert robots.ask("POST", _TOKEN, _asked(boundObjectRef=bound))[0] == 201
    assert robots.ask("POST", _TOKEN, _asked(boundObjectRef=bound | {"uid": "other"}))[0] == 409
    robots.local().create(_ACCOUNTS, {"metadata": {"name": "other"}})
    status, body = robots.ask("POST", f"{_ACCOUNTS}/other/token", _asked(boundObjectRef=bound))
    assert (status, '"other" to pod running with serviceaccount "robot"' in body["message"]) == (400, True)


def test_tokens_hold_in_a_forked_world() -> None:
    world = World()
    path = "/api/v1/namespaces/default/serviceaccounts/default/token"
    token = world.local().create(path, _asked())["status"]["token"]
    assert world.fork().api.rbac.user_of(token, world.clock.now()) == "system:serviceaccount:default:default"


def test_a_pod_without_an_account_has_the_default_one_where_there_is_one(robots: Any) -> None:
    client = robots.local()
    spec = {"containers": [{"name": "a", "image": "b:1"}]}
    before = client.create("/api/v1/namespaces/dt/pods", {"metadata": {"name": "p"}, "spec": spec})
    assert "serviceAccountName" not in before["spec"]
    client.create(_ACCOUNTS, {"metadata": {"name": "default"}})
    after = client.create("/api/v1/namespaces/dt/pods", {"metadata": {"name": "q"}, "spec": spec})
    assert (after["spec"]["serviceAccountName"], after["spec"]["serviceAccount"]) == ("default", "default")
    assert "volumes" not in after["spec"]


def test_a_dry_run_needs_the_permission_of_the_real_thing(server: Any) -> None:
    server.api.rbac.deny("jane", verbs=["create"], resources=["configmaps"])
    status, _ = server.ask("POST", _MAPS, {"metadata": {"name": "c"}}, query={"dryRun": "All"}, user="jane")
    assert status == 403


def test_an_apply_that_would_create_needs_to_be_allowed_to_create(server: Any) -> None:
    server.api.rbac.deny("jane", verbs=["create"], resources=["configmaps"])
    told = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}
    query = {"fieldManager": "m"}
    status, body = server.ask("PATCH", f"{_MAPS}/c", told, _APPLY, query=query, user="jane")
    assert status == 403
    assert 'cannot create resource "configmaps"' in body["message"]
    server.local().create(_MAPS, told)
    assert server.ask("PATCH", f"{_MAPS}/c", told, _APPLY, query=query, user="jane")[0] == 200


@pytest.mark.parametrize("resource", ["pods/proxy", "*/proxy"])
def test_a_proxied_request_needs_its_own_permission(server: Any, resource: str) -> None:
    server.api.rbac.deny("jane", resources=[resource])
    path = "/api/v1/namespaces/dt/pods/p:15021/proxy/ready"
    status, body = server.ask("GET", path, user="jane")
    assert (status, 'cannot get resource "pods/proxy"' in body["message"]) == (403, True)
    assert server.ask("GET", "/api/v1/namespaces/dt/pods", user="jane")[0] == 200
    server.api.rbac.deny("joe", resources=["pods"])
    assert server.ask("GET", path, user="joe")[0] == 404


def _rules(server: Any, user: str) -> list[dict[str, Any]]:
    _, body = server.ask("POST", _RULES, {"spec": {"namespace": "dt"}}, user=user)
    found: list[dict[str, Any]] = body["status"]["resourceRules"]
    return found


def test_who_is_denied_nothing_may_do_everything(server: Any) -> None:
    server.api.rbac.deny("jane", resources=["pods"])
    assert _rules(server, "joe") == [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}]
    assert len(_rules(server, "jane")) > 1


def test_rules_tell_what_the_denials_leave(server: Any) -> None:
    server.api.rbac.deny("jane", verbs=["delete", "deletecollection"], resources=["pods"], namespaces=["dt"])
    server.api.rbac.deny("jane", groups=["apps"])
    found = {
        (rule["apiGroups"][0], name): rule["verbs"]
        for rule in _rules(server, "jane")
        for name in rule["resources"]
    }
    assert found["", "pods"] == ["create", "get", "list", "patch", "update", "watch"]
    assert "delete" in found["", "services"]
    assert "delete" in found["", "pods/status"]
    assert not [group for group, _ in found if group == "apps"]


def test_rules_are_about_a_namespace(server: Any) -> None:
    with pytest.raises(ApiError, match="no namespace"):
        server.local().create(_RULES, {"spec": {}})
