"""GET of one object and of collections."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import orjson

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import (
    Form,
    entry_bytes,
    head,
    join,
    negotiate,
    object_bytes,
    partial,
    reply,
)
from upgrader.sandbox.api.convert import reshaped
from upgrader.sandbox.api.tables import table
from upgrader.sandbox.api.verbs.pages import Token, View, place_of, view_of
from upgrader.sandbox.api.wire import Response
from upgrader.sandbox.errors import ApiError, bad_request
from upgrader.sandbox.selectors import all_hold, check_fields, parse_field_selector, parse_label_selector
from upgrader.sandbox.store import Entry, Obj, encode_bare

_META_VERSION = "meta.k8s.io/v1"


def get(call: Call) -> Response:
    """The object the path names.

    Raises:
        ApiError: 404, 406.
    """
    form = negotiate(call.request.header("Accept"))
    entry = call.entry()
    if form.shape or reshaped(call.target.resource, call.target.version):
        return answer(call, call.shown(entry.obj), form)
    return reply(entry_bytes(entry, call.target.resource.kind, call.target.api_version), form)


def answer(call: Call, shown: Obj, form: Form | None = None, status: int = 200) -> Response:
    """An object of this call's version in the form the client accepts."""
    form = form or negotiate(call.request.header("Accept"))
    if form.shape == "Table":
        meta = {"resourceVersion": shown["metadata"].get("resourceVersion", "")}
        return reply(orjson.dumps(table(call, [shown], meta)), form, status)
    if form.shape == "PartialObjectMetadata":
        return reply(object_bytes(partial(shown, form.version)), form, status)
    meta, resource = shown["metadata"], call.target.resource
    entry = call.store.entry(resource.key(meta.get("namespace", ""), meta.get("name", "")))
    if entry is not None and entry.obj is shown:
        return reply(entry_bytes(entry, resource.kind, call.target.api_version), form, status)
    return reply(object_bytes(shown), form, status)


def selection(call: Call) -> Callable[[Obj], bool] | None:
    """Whether an object is asked for; None when all are.

    Raises:
        ApiError: 400.
    """
    labels = parse_label_selector(call.request.query.get("labelSelector", ""))
    fields = parse_field_selector(call.request.query.get("fieldSelector", ""))
    check_fields(fields, call.target.resource.fields, custom=call.target.resource.crd is not None)
    name = call.target.name
    if not labels and not fields and not name:
        return None

    def chosen(obj: Obj) -> bool:
        meta = obj["metadata"]
        if (labels and not all_hold(labels, meta.get("labels") or {})) or (name and meta["name"] != name):
            return False
        return all(term.holds(obj) for term in fields)

    return chosen


def listing(call: Call) -> Response:
    """The collection the path names, or one page of it.

    Raises:
        ApiError: 400, 406, 410, 504.
    """
    form = negotiate(call.request.header("Accept"))
    _check_shape(call, form)
    chosen, view, limit = selection(call), view_of(call), _limit(call)
    entries, following = _page(view, chosen, limit)
    meta: Obj = {"resourceVersion": str(view.revision)}
    if following < len(view.entries):
        home, namespace = call.target.resource.home, call.target.namespace or None
        call.backend.snapshots.keep((*home, namespace, view.revision), view.entries)
        meta["continue"] = Token(view.revision, place_of(view.entries[following])).text()
        if chosen is None:
            meta["remainingItemCount"] = len(view.entries) - following
    return reply(_encoded(call, entries, meta, form), form)


def _check_shape(call: Call, form: Form) -> None:
    """A list has no metadata of one object.

    Raises:
        ApiError: 406.
    """
    if form.shape == "PartialObjectMetadata":
        resource = call.target.resource
        kind = "unstructured.UnstructuredList"
        if resource.crd is None:
            kind = f"{resource.group.partition('.')[0] or 'core'}.{resource.list_kind}"
        why = f"you requested PartialObjectMetadata, but the requested object is a list (*{kind})"
        raise ApiError(406, "NotAcceptable", why)


def _limit(call: Call) -> int:
    text = call.request.query.get("limit", "")
    if text and not text.isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text or 0)


def _page(view: View, chosen: Callable[[Obj], bool] | None, limit: int) -> tuple[Sequence[Entry], int]:
    """The entries of one page, and the position after it (the length when nothing is left)."""
    total = len(view.entries)
    if chosen is None:
        last = min(view.first + limit, total) if limit else total
        return (view.entries if last - view.first == total else view.entries[view.first : last]), last
    found: list[Entry] = []
    for at in range(view.first, total):
        entry = view.entries[at]
        if not chosen(entry.obj):
            continue
        if limit and len(found) == limit:
            return found, at
        found.append(entry)
    return found, total


def _encoded(call: Call, entries: Sequence[Entry], meta: Obj, form: Form) -> bytes:
    if form.shape == "Table":
        return orjson.dumps(table(call, [call.shown(entry.obj) for entry in entries], meta))
    if form.shape in {"PartialObjectMetadataList", "PartialObjectMetadata"}:
        opening = head("PartialObjectMetadata", _META_VERSION)
        bodies = [opening + b'"metadata":' + entry.meta() + b"}" for entry in entries]
        return list_bytes("PartialObjectMetadataList", _META_VERSION, meta, bodies)
    return list_bytes(call.target.resource.list_kind, call.target.api_version, meta, _bodies(call, entries))


def list_bytes(kind: str, api_version: str, meta: Obj, bodies: Sequence[bytes]) -> bytes:
    """A list from its encoded items."""
    return (
        head(kind, api_version)
        + b'"metadata":'
        + orjson.dumps(meta)
        + b',"items":['
        + b",".join(bodies)
        + b"]}"
    )


def _bodies(call: Call, entries: Sequence[Entry]) -> list[bytes]:
    """Items of built-in lists carry no kind, those of custom resources do."""
    resource = call.target.resource
    if resource.crd is not None:
        return [join(resource.kind, call.target.api_version, entry.body()) for entry in entries]
    if reshaped(resource, call.target.version):
        return [encode_bare(call.shown(entry.obj)) for entry in entries]
    return [entry.body() for entry in entries]
