"""Who may do what, and Leases."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Obj, Talk, case


def _review(**spec: Any) -> Obj:
    return {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": spec}


_SELF = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def _allowed(body: Obj) -> Any:
    return body["spec"], body["status"]["allowed"]


def _outsider(api: Talk) -> str:
    user = f"{api.space}-nobody"
    api.place.outsider(user)
    return user


@case
def an_administrator_may_do_anything(api: Talk) -> None:
    api.post(
        _SELF,
        _review(resourceAttributes={"namespace": api.space, "verb": "delete", "resource": "pods"}),
        only=_allowed,
    )
    api.post(_SELF, _review(resourceAttributes={"verb": "*", "group": "*", "resource": "*"}), only=_allowed)
    api.post(_SELF, _review(nonResourceAttributes={"verb": "get", "path": "/metrics"}), only=_allowed)


@case
def somebody_without_rights_may_not(api: Talk) -> None:
    user = _outsider(api)
    api.post(
        _SELF,
        _review(resourceAttributes={"namespace": api.space, "verb": "delete", "resource": "pods"}),
        user=user,
        only=lambda body: body["status"]["allowed"],
    )
    api.get("configmaps/c", user=user)
    api.get("deployments", user=user)
    api.get("/api/v1/nodes", user=user)
    api.post("configmaps", {"metadata": {"name": "c"}}, user=user)
    api.patch("deployments/d/scale", {"spec": {"replicas": 1}}, user=user)
    api.delete("pods", user=user)
    api.delete("pods/p", user=user)


@case
def a_review_must_ask_something(api: Talk) -> None:
    api.post(_SELF, _review())
    both = _review(
        resourceAttributes={"verb": "get", "resource": "pods"},
        nonResourceAttributes={"verb": "get", "path": "/"},
    )
    api.post(_SELF, both)


@case
def another_users_rights_are_reviewed(api: Talk) -> None:
    user = _outsider(api)
    spec = {"user": user, "resourceAttributes": {"namespace": api.space, "verb": "get", "resource": "pods"}}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    api.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", body, only=_allowed)
    local = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "LocalSubjectAccessReview",
        "metadata": {"namespace": api.space},
        "spec": spec,
    }
    api.post("localsubjectaccessreviews", local, only=_allowed)


@case
def one_is_told_who_one_is(api: Talk) -> None:
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    user = _outsider(api)
    api.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", body, user=user)


@case
def a_bearer_nobody_knows_is_unauthorized(api: Talk) -> None:
    face = api.place.face()
    face.token = "nobody-has-this"
    answer = face.send("GET", "/api/v1/namespaces", None, {})
    face.close()
    api.heard.append(
        {"asked": "GET /api/v1/namespaces with a wrong token", "status": answer.status, "body": answer.body}
    )


@case
def a_lease_is_taken_renewed_and_fenced(api: Talk) -> None:
    now = "2026-01-02T03:04:05.000006Z"
    spec = {
        "holderIdentity": "a",
        "leaseDurationSeconds": 15,
        "acquireTime": now,
        "renewTime": now,
        "leaseTransitions": 0,
    }
    first = api.post("leases", {"metadata": {"name": "l"}, "spec": spec})
    second = api.put("leases/l", {**first, "spec": {**spec, "renewTime": "2026-01-02T03:04:06.000000Z"}})
    api.put("leases/l", {**first, "spec": {**spec, "holderIdentity": "b"}})
    api.put(
        "leases/l",
        {**second, "spec": {**spec, "holderIdentity": "b", "leaseTransitions": 1}},
        only=lambda body: body["spec"]["holderIdentity"],
    )
    api.delete("leases/l", {"preconditions": {"resourceVersion": second["metadata"]["resourceVersion"]}})


@case
def a_lease_that_makes_no_sense_is_invalid(api: Talk) -> None:
    api.post("leases", {"metadata": {"name": "l"}, "spec": {"leaseDurationSeconds": 0}})
    api.post("leases", {"metadata": {"name": "l"}, "spec": {"leaseTransitions": -1}})
