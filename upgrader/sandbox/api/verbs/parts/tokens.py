"""Tokens of service accounts: the token subresource."""

from __future__ import annotations

import base64
import hashlib
from datetime import datetime, timedelta

import orjson

from upgrader.sandbox.api.access.rbac import Issued
from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import reply_object
from upgrader.sandbox.api.verbs.bodies import read_object
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.clock import stamp
from upgrader.sandbox.errors import bad_request, conflict, invalid, not_found, wrong
from upgrader.sandbox.store import Obj

_ISSUER = "https://kubernetes.default.svc.cluster.local"
_HOUR = 3600
_SHORTEST, _LONGEST = 600, 1 << 32
_BOUND = {"Pod": "pods", "Secret": "secrets"}


def request(call: Call) -> Response:
    """A token that the API server takes for the service account until it expires.

    Raises:
        ApiError: 404 when the account or what the token is bound to is missing, 422 for a duration out of bounds,
            400 for a pod of another account, 409 for a namesake of the object it is bound to.
    """
    asked = read_object(call)
    account = call.entry().obj
    told = asked.get("spec") or {}
    seconds = _seconds(told.get("expirationSeconds"))
    bound = _bound(call, told.get("boundObjectRef"))
    now = call.store.clock.now()
    until = now + timedelta(seconds=seconds)
    spec: Obj = {"audiences": told.get("audiences") or [_ISSUER], "expirationSeconds": seconds}
    spec["boundObjectRef"] = told.get("boundObjectRef")
    token = _token(_claims(account, bound, spec, now))
    user = f"system:serviceaccount:{call.target.namespace}:{call.target.name}"
    call.backend.rbac.issued[token] = Issued(user, until)
    meta = {"name": call.target.name, "namespace": call.target.namespace, "creationTimestamp": stamp(now)}
    answer = {"kind": "TokenRequest", "apiVersion": asked["apiVersion"], "metadata": meta, "spec": spec}
    answer["status"] = {"token": token, "expirationTimestamp": stamp(until)}
    return reply_object(answer, status=201)


def _seconds(asked: int | None) -> int:
    seconds = _HOUR if asked is None else asked
    bound = "less than 10 minutes" if seconds < _SHORTEST else "larger than 2^32 seconds"
    if not _SHORTEST <= seconds <= _LONGEST:
        cause = wrong("spec.expirationSeconds", seconds, f"may not specify a duration {bound}")
        raise invalid("TokenRequest", "", [cause], "authentication.k8s.io")
    return seconds


def _bound(call: Call, reference: Obj | None) -> Obj:
    """What the token says of the object it is bound to; empty when there is none."""
    if not reference:
        return {}
    kind, name = str(reference.get("kind")), str(reference.get("name"))
    plural = _BOUND.get(kind)
    if plural is None:
        raise bad_request(f"cannot bind token to object of type {reference.get('apiVersion')}, Kind={kind}")
    found = call.store.get(("", plural, call.target.namespace, name))
    if found is None:
        raise not_found(plural, name)
    account = (found.get("spec") or {}).get("serviceAccountName", "")
    if kind == "Pod" and account != call.target.name:
        whose = f'"{call.target.name}" to pod running with serviceaccount "{account}"'
        raise bad_request(f"cannot bind token for serviceaccount {whose}")
    uid = found["metadata"]["uid"]
    if reference.get("uid") not in {None, "", uid}:
        told = f"({reference['uid']}) does not match the UID in record ({uid})"
        why = f"the UID in the bound object reference {told}. The object might have been deleted and then recreated"
        raise conflict(kind, name, "", why)
    return {kind.lower(): {"name": name, "uid": uid}}


def _claims(account: Obj, bound: Obj, spec: Obj, now: datetime) -> Obj:
    meta, born = account["metadata"], int(now.timestamp())
    place = {"namespace": meta["namespace"], "serviceaccount": {"name": meta["name"], "uid": meta["uid"]}}
    return {
        "aud": spec["audiences"],
        "exp": born + spec["expirationSeconds"],
        "iat": born,
        "iss": _ISSUER,
        "kubernetes.io": place | bound,
        "nbf": born,
        "sub": f"system:serviceaccount:{meta['namespace']}:{meta['name']}",
    }


def _token(claims: Obj) -> str:
    """A JSON Web Token in form: clients read the claims, the signature only this server knows."""
    head = {"alg": "RS256", "kid": "sandbox"}
    parts = ".".join(_coded(orjson.dumps(part)) for part in (head, claims))
    return f"{parts}.{_coded(hashlib.sha256(parts.encode()).digest())}"


def _coded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
