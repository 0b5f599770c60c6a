"""Roles and bindings, enforced as a kube-apiserver does it. The words were seen on 1.34.4."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from upgrader.sandbox.rest import Request

_RBAC = "rbac.authorization.k8s.io"
_API = f"/apis/{_RBAC}/v1"
_MAPS = "/api/v1/namespaces/dt/configmaps"
_APPLY = "application/apply-patch+yaml"
_QUERY = {"fieldManager": "m"}
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


@pytest.fixture
def strict(server: Any) -> Any:
    """A server where nobody but the admin may do anything that no role allows."""
    server.api.rbac.enforced = True
    return server


def grant(
    server: Any, user: str | dict[str, str], *rules: dict[str, Any], space: str = "", whole: bool = False
) -> None:
    """Bind a role of these rules: of the cluster, of *space*, or a ClusterRole in *space* (*whole*)."""
    local, name = server.local(), f"r{server.store.new_suffix()}"
    subject = {"apiGroup": _RBAC, "kind": "User", "name": user} if isinstance(user, str) else user
    place = f"{_API}/namespaces/{space}" if space else _API
    kind = "Role" if space and not whole else "ClusterRole"
    home = place if kind == "Role" else _API
    local.create(f"{home}/{kind.lower()}s", {"metadata": {"name": name}, "rules": list(rules)})
    binding = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": _RBAC, "kind": kind, "name": name},
        "subjects": [subject],
    }
    local.create(f"{place}/{'role' if space else 'clusterrole'}bindings", binding)


def rule(verbs: str, resources: str, *names: str, group: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {"apiGroups": [group], "verbs": verbs.split(), "resources": resources.split()}
    return found | ({"resourceNames": list(names)} if names else {})


def test_by_default_everybody_may_do_everything(server: Any) -> None:
    assert server.ask("GET", _MAPS, user="jane")[0] == 200


def test_who_has_no_role_is_refused_in_the_words_of_the_real_server(strict: Any) -> None:
    status, body = strict.ask("GET", _MAPS, user="jane")
    assert (status, body["reason"]) == (403, "Forbidden")
    assert body["message"] == (
        'configmaps is forbidden: User "jane" cannot list resource "configmaps" in API group "" in the namespace "dt"'
    )
    assert strict.ask("GET", _MAPS)[0] == 200


def test_a_namespace_is_in_itself(strict: Any) -> None:
    _, body = strict.ask("GET", "/api/v1/namespaces/dt", user="jane")
    assert body["message"].endswith('cannot get resource "namespaces" in API group "" in the namespace "dt"')
    grant(strict, "jane", rule("get", "namespaces"), space="dt")
    assert strict.ask("GET", "/api/v1/namespaces/dt", user="jane")[0] == 200


@pytest.mark.parametrize("whole", [False, True])
def test_a_role_holds_in_its_namespace_only(strict: Any, *, whole: bool) -> None:
    grant(strict, "jane", rule("list", "configmaps"), space="dt", whole=whole)
    assert strict.ask("GET", _MAPS, user="jane")[0] == 200
    assert strict.ask("GET", "/api/v1/configmaps", user="jane")[0] == 403
    assert strict.ask("GET", _MAPS, user="joe")[0] == 403


def test_a_cluster_role_holds_everywhere(strict: Any) -> None:
    grant(strict, "jane", rule("list", "configmaps"))
    assert strict.ask("GET", _MAPS, user="jane")[0] == 200
    assert strict.ask("GET", "/api/v1/configmaps", user="jane")[0] == 200


def test_names_limit_what_has_a_name_in_its_url(strict: Any) -> None:
    strict.local().create(_MAPS, {"metadata": {"name": "a"}})
    strict.local().create(_MAPS, {"metadata": {"name": "b"}})
    grant(strict, "jane", rule("get list create", "configmaps", "a", "c"), space="dt")
    assert strict.ask("GET", f"{_MAPS}/a", user="jane")[0] == 200
    assert strict.ask("GET", f"{_MAPS}/b", user="jane")[0] == 403
    assert strict.ask("GET", _MAPS, user="jane")[0] == 403
    assert strict.ask("POST", _MAPS, {"metadata": {"name": "c"}}, user="jane")[0] == 403


def test_an_apply_may_create_by_name_since_its_url_has_one(strict: Any) -> None:
    told = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    grant(strict, "jane", rule("patch", "configmaps", "c"), space="dt")
    status, body = strict.ask("PATCH", f"{_MAPS}/c", told, _APPLY, query=_QUERY, user="jane")
    assert (status, 'cannot create resource "configmaps"' in body["message"]) == (403, True)
    grant(strict, "jane", rule("create", "configmaps", "c"), space="dt")
    assert strict.ask("PATCH", f"{_MAPS}/c", told, _APPLY, query=_QUERY, user="jane")[0] == 201


@pytest.mark.parametrize(
    ("resources", "allowed"), [("pods", False), ("pods/proxy", True), ("*/proxy", True), ("*", True)]
)
def test_a_subresource_is_a_resource_of_its_own(strict: Any, resources: str, *, allowed: bool) -> None:
    grant(strict, "jane", rule("get", resources), space="dt")
    status, _ = strict.ask("GET", "/api/v1/namespaces/dt/pods/p:15014/proxy/metrics", user="jane")
    assert status == (404 if allowed else 403)


def test_stars_stand_for_every_verb_and_group(strict: Any) -> None:
    grant(strict, "jane", {"apiGroups": ["*"], "verbs": ["*"], "resources": ["*"]})
    assert strict.ask("POST", _MAPS, {"metadata": {"name": "c"}}, user="jane")[0] == 201
    assert strict.ask("GET", "/apis/apps/v1/deployments", user="jane")[0] == 200


def test_groups_and_service_accounts_are_subjects_too(strict: Any) -> None:
    grant(strict, {"kind": "Group", "name": "sre", "apiGroup": _RBAC}, rule("list", "configmaps"))
    grant(strict, {"kind": "ServiceAccount", "name": "robot", "namespace": "dt"}, rule("list", "pods"))
    grant(strict, {"kind": "Group", "name": "system:serviceaccounts:dt"}, rule("list", "services"))
    as_jane = {"Impersonate-User": "jane", "Impersonate-Group": "sre"}
    assert strict.api.handle(Request("GET", _MAPS, {}, as_jane)).status == 200
    assert strict.ask("GET", _MAPS, user="jane")[0] == 403
    robot = "system:serviceaccount:dt:robot"
    assert strict.ask("GET", "/api/v1/pods", user=robot)[0] == 200
    assert strict.ask("GET", "/api/v1/services", user=robot)[0] == 200
    assert strict.ask("GET", _MAPS, user=robot)[0] == 403


def test_masters_may_do_everything(strict: Any) -> None:
    told = {"Impersonate-User": "jane", "Impersonate-Group": "system:masters"}
    assert strict.api.handle(Request("GET", _MAPS, {}, told)).status == 200


def test_a_binding_without_its_role_grants_nothing(strict: Any) -> None:
    grant(strict, "jane", rule("list", "configmaps"), space="dt")
    path = f"{_API}/namespaces/dt/roles"
    strict.ask("DELETE", f"{path}/{strict.local().list(path)[0]['metadata']['name']}")
    assert strict.ask("GET", _MAPS, user="jane")[0] == 403


def test_everybody_may_ask_what_he_may_do(strict: Any) -> None:
    grant(strict, "jane", rule("get", "configmaps", "a"), space="dt")
    for name, allowed in (("a", True), ("b", False), ("", False)):
        asked = {"verb": "get", "resource": "configmaps", "namespace": "dt", "name": name}
        _, body = strict.ask("POST", _REVIEWS, {"spec": {"resourceAttributes": asked}}, user="jane")
        assert body["status"]["allowed"] is allowed
    path = _REVIEWS.replace("access", "rules")
    _, body = strict.ask("POST", path, {"spec": {"namespace": "dt"}}, user="jane")
    assert rule("get", "configmaps", "a") in body["status"]["resourceRules"]


def _role(verbs: str = "get list") -> dict[str, Any]:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "big"},
        "rules": [rule(verbs, "secrets")],
    }


def _apply_role(server: Any, role: dict[str, Any]) -> tuple[int, Any]:
    found: tuple[int, Any] = server.ask(
        "PATCH", f"{_API}/clusterroles/big", role, _APPLY, query=_QUERY, user="jane"
    )
    return found


def test_nobody_grants_by_a_role_what_he_may_not_do_himself(strict: Any) -> None:
    """Asked before anything else: also before whether he may create it."""
    grant(strict, "jane", rule("patch", "clusterroles", "big", group=_RBAC))
    status, body = _apply_role(strict, _role())
    assert status == 403
    assert body["message"] == (
        'clusterroles.rbac.authorization.k8s.io "big" is forbidden: user "jane" (groups=["system:authenticated"]) is '
        "attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}'
    )
    grant(strict, "jane", rule("get list", "secrets"), rule("create", "clusterroles", "big", group=_RBAC))
    assert _apply_role(strict, _role())[0] == 201
    assert _apply_role(strict, _role("get list watch"))[0] == 403


def test_whoever_may_escalate_that_role_grants_anything_by_it(strict: Any) -> None:
    grant(strict, "jane", rule("patch create escalate", "clusterroles", "big", group=_RBAC))
    assert _apply_role(strict, _role())[0] == 201
    grant(strict, "jane", rule("create", "clusterroles", group=_RBAC))
    posted = strict.ask(
        "POST", f"{_API}/clusterroles", _role() | {"metadata": {"name": "other"}}, user="jane"
    )
    assert posted[0] == 403


def test_a_label_on_a_role_that_grants_more_is_refused_too(strict: Any) -> None:
    strict.local().create(f"{_API}/clusterroles", _role())
    grant(strict, "jane", rule("patch", "clusterroles", group=_RBAC))
    body = {"metadata": {"labels": {"a": "b"}}}
    media = "application/merge-patch+json"
    assert strict.ask("PATCH", f"{_API}/clusterroles/big", body, media, user="jane")[0] == 403


def bindings() -> Iterator[tuple[str, str]]:
    yield "clusterrolebindings", _API
    yield "rolebindings", f"{_API}/namespaces/dt"


@pytest.mark.parametrize(("plural", "place"), list(bindings()))
def test_nobody_binds_a_role_that_holds_more_unless_he_may_bind_it(
    strict: Any, plural: str, place: str
) -> None:
    strict.local().create(f"{_API}/clusterroles", _role())
    body = {
        "metadata": {"name": "b"},
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": "big"},
        "subjects": [{"apiGroup": _RBAC, "kind": "User", "name": "joe"}],
    }
    space = "dt" if plural == "rolebindings" else ""
    grant(strict, "jane", rule("create", plural, group=_RBAC))
    status, told = strict.ask("POST", f"{place}/{plural}", body, user="jane")
    assert (status, "not currently held" in told["message"]) == (403, True)
    grant(strict, "jane", rule("bind", "clusterroles", "big", group=_RBAC), space=space)
    assert strict.ask("POST", f"{place}/{plural}", body, user="jane")[0] == 201
