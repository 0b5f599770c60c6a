"""Questions the API server answers about its users."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from upgrader.sandbox.api.access.rbac import Ask
from upgrader.sandbox.api.access.roles import groups_of
from upgrader.sandbox.api.access.rules import rules_of
from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import reply_object
from upgrader.sandbox.api.fields.managed import Writer, updated
from upgrader.sandbox.api.fields.shapes import PLAIN
from upgrader.sandbox.api.fields.zero import zero_of
from upgrader.sandbox.api.verbs.bodies import read_object
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.errors import bad_request, invalid, wrong
from upgrader.sandbox.store import Obj

_URLS = [{"verbs": ["*"], "nonResourceURLs": ["*"]}]


def review(call: Call) -> Response:
    """The review with its status filled in; nothing is stored.

    Raises:
        ApiError: 400.
    """
    obj = read_object(call)
    target = call.target
    writer = Writer(call.manager, target.api_version, "", PLAIN, call.backend.now(), (("f:status",),))
    obj = updated(zero_of(target.resource), obj, writer, {})
    obj["status"] = _ANSWERS[target.resource.kind](call, obj.get("spec") or {})
    stamped = call.target.resource.kind == "SelfSubjectReview"
    obj["metadata"].setdefault("creationTimestamp", call.backend.now() if stamped else None)
    return reply_object(obj, status=201)


def _verdict(call: Call, user: str, groups: Sequence[str], spec: Obj) -> Obj:
    asked = spec.get("resourceAttributes")
    if asked is None:
        return {"allowed": True}
    ask = Ask(
        user=user,
        verb=asked.get("verb", ""),
        group=asked.get("group", ""),
        resource=asked.get("resource", ""),
        subresource=asked.get("subresource", ""),
        namespace=asked.get("namespace", ""),
        name=asked.get("name", ""),
        groups=tuple(groups),
    )
    return {"allowed": call.backend.rbac.allows(ask)}


def _own_access(call: Call, spec: Obj) -> Obj:
    about, elsewhere = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if about and elsewhere:
        shown = {name[0].upper() + name[1:]: value for name, value in sorted(elsewhere.items())}
        cause = wrong(
            "spec.nonResourceAttributes", shown, "cannot be specified in combination with resourceAttributes"
        )
    elif not about and not elsewhere:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = wrong("spec.resourceAttributes", None, why)
    else:
        return _verdict(call, call.request.user, call.request.groups, spec)
    raise invalid("", "", [cause], "authorization.k8s.io")


def _access(call: Call, spec: Obj) -> Obj:
    if not spec.get("user") and not spec.get("groups"):
        raise bad_request("at least one of user or group must be specified")
    return _verdict(call, spec.get("user", ""), spec.get("groups") or (), spec)


def _rules(call: Call, spec: Obj) -> Obj:
    namespace = spec.get("namespace")
    if not namespace:
        raise bad_request("no namespace on request")
    asking = call.request
    rules = rules_of(call.backend.rbac, call.backend.catalogue, asking.user, namespace, asking.groups)
    return {"resourceRules": rules, "nonResourceRules": _URLS, "incomplete": False}


def _self(call: Call, _: Obj) -> Obj:
    groups = groups_of(call.request.user, call.request.groups)
    return {"userInfo": {"username": call.request.user, "groups": sorted(groups)}}


_ANSWERS: Mapping[str, Callable[[Call, Obj], Obj]] = {
    "SelfSubjectAccessReview": _own_access,
    "SubjectAccessReview": _access,
    "LocalSubjectAccessReview": _access,
    "SelfSubjectRulesReview": _rules,
    "SelfSubjectReview": _self,
}
