"""Answers of an API server that are not a success, as the failures of the model."""

from __future__ import annotations

import re

import orjson

from upgrader.cluster.clean import clean_line
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
from upgrader.model.kinds import Obj

_DENIED = re.compile(
    r"admission webhook \"|failed calling webhook|ValidatingAdmissionPolicy|denied the request"
)
_LONGEST = 2000
_BY_STATUS: dict[int, type[ClusterFailure]] = {
    401: Unauthorized,
    403: Forbidden,
    409: Conflict,
    410: Expired,
    429: ServerTrouble,
}


def status_of(body: bytes) -> Obj:
    """The ``Status`` object of an answer; empty when it is something else."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}


def failure(status: int, body: bytes, request: str) -> ClusterFailure:
    """What an answer outside 200 to 299 means.

    A webhook that refuses, and one with failurePolicy Fail that cannot be called (the server says 500 then), both
    mean that nothing was stored: that is ``Denied``, not trouble of the server. A patch that names another uid than
    the object has is a ``Conflict``, though the server calls it invalid: the object was made anew.
    """
    told = status_of(body)
    message = clean_line(str(told.get("message") or body[:200].decode(errors="replace")))[:_LONGEST]
    reason = clean_line(str(told.get("reason", "")))
    kind = _BY_STATUS.get(status) or (ServerTrouble if status >= 500 else Invalid)
    if told and _DENIED.search(message) and status not in {401, 409, 410, 429}:
        kind = Denied
    if status == 422 and _of_uid(told):
        kind = Conflict
    return kind(message or f"HTTP status {status}", status=status, reason=reason, request=request)


def _of_uid(told: Obj) -> bool:
    details = told.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    fields = {each.get("field") for each in causes or () if isinstance(each, dict)}
    return fields == {"metadata.uid"}


def is_missing(status: int, body: bytes) -> bool:
    """Whether the API server itself says that the object (or its kind) is not there.

    A bare 404 of something in between, such as a proxy with a wrong path, says nothing about the object.
    """
    return status == 404 and status_of(body).get("reason") == "NotFound"
