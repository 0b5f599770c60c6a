"""Watches: what happens to the objects of a collection from a revision on, one JSON line per event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import orjson

from upgrader.sandbox.api.backend import Call
from upgrader.sandbox.api.content import Form, partial
from upgrader.sandbox.api.fields.zero import zero_of
from upgrader.sandbox.api.tables import table
from upgrader.sandbox.api.wire import JSON, Response
from upgrader.sandbox.errors import ApiError, bad_request, expired, forbidden_field, invalid, unsupported
from upgrader.sandbox.selectors import all_hold, check_fields, parse_field_selector, parse_label_selector
from upgrader.sandbox.store import Event, Expired, Obj

_POLL = 0.05
_BOOKMARK_EVERY = 60.0
_LONGEST = 3600.0
_WATCH_LIST_SINCE = 32
_NO_NULL_TIME_SINCE = 34
_INITIAL_END = "k8s.io/initial-events-end"


def watch(call: Call, form: Form) -> Response:
    """An endless answer; refusals of the query come at once, an outdated revision as an ERROR event.

    Raises:
        ApiError: 400 or 422 for selectors and options that cannot be understood.
    """
    return Response(200, {"Content-Type": JSON}, b"", Watch(call, form))


class Watch:
    """The lines of one watch: ``ready`` has those that are due now, iterating waits for more.

    It ends after ``timeoutSeconds`` (real seconds), after an ERROR event, when the resource is no longer served, or once
    cancelled.

    Attributes:
        abandoned: Asked while nothing happens; once it says yes, nobody reads any more and the watch ends.
    """

    def __init__(self, call: Call, form: Form) -> None:
        query = call.request.query
        self._call = call
        self._shape = _shaper(call, form)
        self._bare = form.shape.startswith("PartialObjectMetadata")
        self._selects = _selector(call)
        self._bookmarks = query.get("allowWatchBookmarks") in {"true", "1"}
        self._announce_end = _wants_initial_end(call)
        self._from = _revision(query.get("resourceVersion", ""))
        self._deadline = time.monotonic() + (_seconds(query.get("timeoutSeconds", "")) or _LONGEST)
        self._next_bookmark = time.monotonic() + _BOOKMARK_EVERY
        self._revision = self._from
        self._started = False
        self._over = False
        self.abandoned: Callable[[], bool] = lambda: False
        self._pending = self._due()

    def cancel(self) -> None:
        """End it from another thread; it notices within a twentieth of a second."""
        self._over = True

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        while not self._pending:
            if self._over:
                raise StopIteration
            self._pending = self._due()
            if self._pending or self._over:
                continue
            left = self._deadline - time.monotonic()
            if left <= 0:
                self._pending, self._over = self._bookmark(), True
            elif not self._call.store.wait(self._revision, min(left, _POLL)):
                self._idle()
        return self._pending.pop(0)

    def _idle(self) -> None:
        self._over = self._over or self.abandoned()
        if self._bookmarks and time.monotonic() > self._next_bookmark:
            self._next_bookmark = time.monotonic() + _BOOKMARK_EVERY
            self._pending = self._bookmark()

    def ready(self) -> list[bytes]:
        """The lines due now, without waiting; each is given once."""
        lines, self._pending = [*self._pending, *self._due()], []
        return lines

    def _due(self) -> list[bytes]:
        store, resource = self._call.store, self._call.target.resource
        served = self._call.backend.catalogue.find(resource.group, self._call.target.version, resource.plural)
        if self._over or served is None:
            self._over = True
            return []
        with store.lock:
            lines = [] if self._started else self._initial()
            self._started = True
            try:
                events = store.events_since(self._revision)
            except Expired as problem:
                self._over = True
                return [*lines, _line("ERROR", expired(str(problem)).body())]
            self._revision = store.revision
        return lines + [line for event in events if (line := self._told(event)) is not None]

    def _initial(self) -> list[bytes]:
        """What exists already, for a watch that does not say where it left off."""
        if self._from and not self._announce_end:
            return []
        store, target = self._call.store, self._call.target
        home = target.resource.home
        found = store.list(home[0], home[1], target.namespace or None)
        lines = [_line("ADDED", self._shape(obj)) for obj in found if self._selects(obj)]
        self._revision = store.revision
        return lines + self._bookmark(initial=True) if self._announce_end else lines

    def _told(self, event: Event) -> bytes | None:
        """The line of one change; an object that leaves the selection is DELETED, one that enters it ADDED."""
        target = self._call.target
        if event.key[:2] != target.resource.home or (target.namespace and event.key[2] != target.namespace):
            return None
        before = event.old is not None and self._selects(event.old)
        after = event.type != "DELETED" and self._selects(event.obj)
        if after:
            return _line("MODIFIED" if before else "ADDED", self._shape(event.obj))
        if not before or event.old is None:
            return None
        meta = {**event.old["metadata"], "resourceVersion": str(event.revision)}
        return _line("DELETED", self._shape({**event.old, "metadata": meta}))

    def _bookmark(self, *, initial: bool = False) -> list[bytes]:
        if not self._bookmarks:
            return []
        target = self._call.target
        meta: Obj = {"resourceVersion": str(self._revision)}
        if self._call.backend.catalogue.minor < _NO_NULL_TIME_SINCE:
            meta["creationTimestamp"] = None
        if initial:
            meta["annotations"] = {_INITIAL_END: "true"}
        named = {"kind": target.resource.kind, "apiVersion": target.api_version}
        empty = {**named, **zero_of(target.resource), "metadata": meta}
        return [_line("BOOKMARK", partial(empty) if self._bare else empty)]


def _line(what: str, obj: Obj) -> bytes:
    return orjson.dumps({"type": what, "object": obj}) + b"\n"


def _selector(call: Call) -> Callable[[Obj], bool]:
    query = call.request.query
    labels = parse_label_selector(query.get("labelSelector", ""))
    fields = parse_field_selector(query.get("fieldSelector", ""))
    check_fields(fields, call.target.resource.fields, custom=call.target.resource.crd is not None)
    name = call.target.name

    def selects(obj: Obj) -> bool:
        meta = obj["metadata"]
        if name and meta["name"] != name:
            return False
        return all_hold(labels, meta.get("labels") or {}) and all(term.holds(obj) for term in fields)

    return selects


def _shaper(call: Call, form: Form) -> Callable[[Obj], Obj]:
    """From a stored object to what an event carries; only the first Table has column definitions."""
    if form.shape.startswith("PartialObjectMetadata"):
        return lambda obj: partial(call.shown(obj))
    if form.shape != "Table":
        return call.shown
    headed = False

    def shape(obj: Obj) -> Obj:
        nonlocal headed
        revision = {"resourceVersion": obj["metadata"].get("resourceVersion", "")}
        found = table(call, [call.shown(obj)], revision)
        if headed:
            found["columnDefinitions"] = None
        headed = True
        return found

    return shape


def _wants_initial_end(call: Call) -> bool:
    """Whether the client asked for what exists followed by a bookmark that says so.

    Raises:
        ApiError: 422 where the server is too old, or the options do not go together.
    """
    query = call.request.query
    asked, match = query.get("sendInitialEvents", ""), query.get("resourceVersionMatch", "")
    if not asked:
        _refuse_match(match)
        return False
    if call.backend.catalogue.minor < _WATCH_LIST_SINCE:
        why = "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
        raise _options("sendInitialEvents", why)
    if match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise _options("resourceVersionMatch", why)
    return asked in {"true", "1"}


def _refuse_match(match: str) -> None:
    """Without initial events a watch matches no revisions.

    Raises:
        ApiError: 422.
    """
    if not match:
        return
    field = "resourceVersionMatch"
    causes = [
        forbidden_field(
            field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )
    ]
    if match != "NotOlderThan":
        causes.append(unsupported(field, match, ["NotOlderThan"]))
    raise invalid("ListOptions", "", causes, "meta.k8s.io")


def _options(field: str, why: str) -> ApiError:
    return invalid("ListOptions", "", [forbidden_field(field, why)], "meta.k8s.io")


def _revision(text: str) -> int:
    if not text.isdigit() and text:
        why = f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        raise ApiError(500, "", f"resourceVersion: {why}")
    return int(text or 0)


def _seconds(text: str) -> int:
    if not text.isdigit() and text:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    return int(text or 0)
