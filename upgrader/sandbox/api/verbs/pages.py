"""Continue tokens: where the next page begins, and in which state of the store."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_left
from collections.abc import Sequence

import msgspec
import orjson

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.errors import ApiError, Cause, bad_request, expired, forbidden_field, invalid
from upgrader.sandbox.store import Entry, Expired

_CURRENT = -1
_ENCODING = "meta.k8s.io/v1"
_MATCHES = ("Exact", "NotOlderThan", "")

_TOO_OLD = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class Token(msgspec.Struct, frozen=True):
    """``revision`` -1 means whatever is stored now; ``start`` is the first namespace/name that may be shown."""

    revision: int
    start: str

    def text(self) -> str:
        """As clients carry it."""
        raw = orjson.dumps({"v": _ENCODING, "rv": self.revision, "start": self.start})
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def read_token(text: str) -> Token:
    """The token a client sent back.

    Raises:
        ApiError: 400.
    """
    try:
        raw = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        encoding, token = raw["v"], Token(int(raw["rv"]), str(raw["start"]))
    except (binascii.Error, ValueError, KeyError, TypeError) as problem:
        raise bad_request(f"invalid continue token: continue key is not valid: {problem}") from problem
    if encoding != _ENCODING:
        why = f"server does not recognize this encoded version {encoding}"
        raise bad_request(f"invalid continue token: continue key is not valid: {why}")
    return token


class View(msgspec.Struct, frozen=True):
    """The objects of a list: in which revision, from which position on."""

    entries: Sequence[Entry]
    revision: int
    first: int = 0


def place_of(entry: Entry) -> str:
    """namespace/name, by which lists are sorted."""
    meta = entry.obj["metadata"]
    return f"{meta.get('namespace', '')}\x00{meta['name']}"


def view_of(call: Call) -> View:
    """What a list request looks at.

    Raises:
        ApiError: 400 for bad parameters, 410 when that state is forgotten, 504 when it is yet to come.
    """
    text = call.request.query.get("continue", "")
    if not text:
        return _current(call)
    token = read_token(text)
    store, home = call.store, call.target.resource.home
    namespace = call.target.namespace or None
    if token.revision == _CURRENT:
        with store.lock:
            view = View(store.entries(*home, namespace), store.revision)
    else:
        kept = call.backend.snapshots.find((*home, namespace, token.revision))
        if kept is None or token.revision < store.compacted:
            raise expired(_TOO_OLD, Token(_CURRENT, token.start).text())
        view = View(kept, token.revision)
    return View(view.entries, view.revision, bisect_left(view.entries, token.start, key=place_of))


def _current(call: Call) -> View:
    store, query = call.store, call.request.query
    asked, match = query.get("resourceVersion", ""), query.get("resourceVersionMatch", "")
    _check_match(asked, match)
    exact = match == "Exact"
    if asked and not asked.isdigit():
        why = f'Invalid value: "{asked}": strconv.ParseUint: parsing "{asked}": invalid syntax'
        raise bad_request(f"invalid resource version: resourceVersion: {why}")
    with store.lock:
        revision = int(asked or 0)
        if revision > store.revision:
            message = f"Too large resource version: {revision}, current: {store.revision}"
            causes = [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}]
            raise ApiError(504, "Timeout", message, {"causes": causes, "retryAfterSeconds": 1})
        if exact and revision < store.revision:
            kept = call.backend.snapshots.find(
                (*call.target.resource.home, call.target.namespace or None, revision)
            )
            if kept is None:
                kept = _of_then(call, revision)
            return View(kept, revision)
        return View(store.entries(*call.target.resource.home, call.target.namespace or None), store.revision)


def _check_match(asked: str, match: str) -> None:
    """Whether the options go together.

    Raises:
        ApiError: 422.
    """
    field, cause = "resourceVersionMatch", None
    if match and not asked:
        cause = forbidden_field(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    elif match not in _MATCHES:
        listed = ", ".join(f'"{each}"' for each in _MATCHES)
        cause = Cause(
            field, "FieldValueNotSupported", f'Unsupported value: "{match}": supported values: {listed}'
        )
    elif match == "Exact" and asked == "0":
        cause = forbidden_field(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
    if cause is not None:
        raise invalid("ListOptions", "", [cause], "meta.k8s.io")


def _of_then(call: Call, revision: int) -> Sequence[Entry]:
    """The list as it stood at a revision, by undoing what happened since.

    Raises:
        ApiError: 410 when the log does not reach back that far.
    """
    home, namespace = call.target.resource.home, call.target.namespace or None
    found = {entry.obj["metadata"]["uid"]: entry for entry in call.store.entries(*home, namespace)}
    try:
        events = call.store.events_since(revision)
    except Expired as problem:
        raise expired(f"The resourceVersion for the provided list is too old: {revision}") from problem
    for event in reversed(events):
        if event.key[:2] != home or (namespace and event.key[2] != namespace):
            continue
        found.pop(event.obj["metadata"]["uid"], None)
        if event.old is not None:
            found[event.old["metadata"]["uid"]] = Entry(event.old)
    return sorted(found.values(), key=place_of)
