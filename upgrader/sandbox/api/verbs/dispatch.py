"""From a parsed request to the function that answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import negotiate
from upgrader.sandbox.api.target import Target
from upgrader.sandbox.api.verbs import deleting, patching, reading, reviews, writing
from upgrader.sandbox.api.verbs.parts import forwards, pods, proxies, scale, tokens
from upgrader.sandbox.api.watching import watch
from upgrader.sandbox.api.wire import Request, Response
from upgrader.sandbox.errors import method_not_allowed

Answer = Callable[[Call], Response]

_TRUE = frozenset({"true", "1"})
_COLLECTION = {"GET": "list", "HEAD": "list", "POST": "create", "DELETE": "deletecollection"}
_OBJECT = {"GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}

_PLAIN: Mapping[str, Answer] = {
    "get": reading.get,
    "list": reading.listing,
    "create": writing.create,
    "update": writing.update,
    "patch": patching.patch,
    "delete": deleting.delete,
    "deletecollection": deleting.delete_collection,
}
_OBJECT_PART: Mapping[str, Answer] = {name: _PLAIN[name] for name in ("get", "update", "patch")}

_SUBRESOURCES: Mapping[str, Mapping[str, Answer]] = {
    "status": _OBJECT_PART,
    "finalize": {"update": writing.update},
    "approval": _OBJECT_PART,
    "ephemeralcontainers": _OBJECT_PART,
    "scale": {"get": scale.get, "update": scale.update, "patch": scale.patch},
    "eviction": {"create": pods.evict},
    "binding": {"create": pods.bind},
    "token": {"create": tokens.request},
    "log": {"get": pods.log},
    "portforward": {"get": forwards.forward, "create": forwards.forward},
    "proxy": {
        "get": proxies.proxy,
        "create": proxies.proxy,
        "update": proxies.proxy,
        "delete": proxies.proxy,
    },
}


def verb_of(request: Request, target: Target) -> str:
    """The word RBAC and audit use.

    Raises:
        ApiError: 405.
    """
    watched = target.watch or request.query.get("watch") in _TRUE
    if watched and request.method == "GET" and not target.subresource:
        return "watch"
    if target.subresource:
        verb = {**_OBJECT, "POST": "create"}.get(request.method)
    else:
        verb = (_OBJECT if target.name else _COLLECTION).get(request.method)
    if verb is None:
        raise method_not_allowed()
    return verb


def _of_one_only(call: Call) -> bool:
    """Namespaces do not go all at once, and nothing is made or deleted in all namespaces."""
    if call.target.resource.plural == "namespaces":
        return call.verb == "deletecollection"
    return call.target.everywhere and call.verb in {"create", "deletecollection"}


def dispatch(call: Call) -> Response:
    """The answer.

    Raises:
        ApiError: 405 when the resource has no such verb, and whatever the verb raises.
    """
    target = call.target
    if call.verb == "watch":
        return watch(call, negotiate(call.request.header("Accept")))
    if target.subresource:
        found = _SUBRESOURCES.get(target.subresource, {}).get(call.verb)
    elif call.verb not in target.resource.verbs:
        found = None
    elif target.resource.verbs == ("create",):
        found = reviews.review
    elif _of_one_only(call):
        found = None
    else:
        found = _PLAIN.get(call.verb)
    if found is None:
        raise method_not_allowed()
    return found(call)
