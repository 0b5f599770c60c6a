"""Reading and writing objects as JSON over a transport."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from upgrader.cluster.connection import forwarding
from upgrader.cluster.discovery import discover
from upgrader.cluster.paths import collection, item, through
from upgrader.cluster.port import JSON, Transport
from upgrader.cluster.status import failure, is_missing
from upgrader.model.change import ApiChange, Apply, Create, Delete, Patch, Replace
from upgrader.model.failures import Conflict, Expired, ServerTrouble
from upgrader.model.kinds import POD, Kind, Obj, Ref

PAGE = 500
"""Objects a page, as kubectl asks."""
RESTARTS = 3
"""How often a listing starts again because its pages expired (410) before it gives up."""
_APPLY = "application/apply-patch+yaml"
_MERGE = "application/merge-patch+json"


class RestCluster:
    """An API server: the one adapter that knows verbs, content types and statuses."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get(self, ref: Ref) -> Obj | None:
        """The object; None when the server says that it, or its kind, is not there."""
        path = item(ref)
        status, body = self._send("GET", path)
        if self._absent(ref.kind, status, body):
            return None
        return _object(status, body, f"GET {path}")

    def list(self, kind: Kind, *, namespace: str = "", labels: str = "") -> Sequence[Obj]:
        """Every object of *kind* to the last page; begins again when the pages expire on the way.

        Pods come without ``managedFields``.
        """
        for _ in range(RESTARTS):
            try:
                return self._pages(kind, namespace, labels)
            except Expired:
                continue
        return self._pages(kind, namespace, labels)

    def kinds(self) -> Sequence[Kind]:
        """Every served resource in its preferred version; asked anew each time, for CRDs come and go."""
        return discover(self._transport)

    def rehearse(self, change: ApiChange) -> Obj | None:
        """What would be stored; nothing is."""
        return self._change(change, dry=True)

    def perform(self, change: ApiChange) -> Obj | None:
        """Send *change* once."""
        return self._change(change, dry=False)

    def fetch(self, pod: Ref, port: int, path: str) -> str:
        """What *pod* answers to a GET."""
        address = through(pod, port, path)
        status, body = self._send("GET", address, accept="*/*")
        if not 200 <= status < 300:
            raise failure(status, body, f"GET {address}")
        return body.decode(errors="replace")

    def forward(self, pod: Ref, port: int, path: str) -> tuple[int, bytes]:
        """What *pod* answers to a GET from its own loopback address."""
        address = item(pod, "portforward")
        dialled = self._transport.dial(address, {"ports": str(port)}, forwarding.PROTOCOL)
        messages = dialled[3]
        if messages is None:
            raise forwarding.refusal(dialled, f"GET {address}")
        try:
            return forwarding.get(messages, path, f"GET {path} of {pod} at port {port}")
        finally:
            messages.close()

    def saved(self, path: str) -> bytes | None:  # noqa: ARG002
        """None: an API server keeps no files; ``wrap.WithFiles`` does."""
        return None

    def version(self) -> str:
        """The server's own version: ``v1.34.4``."""
        status, body = self._send("GET", "/version")
        return str(_object(status, body, "GET /version").get("gitVersion", ""))

    def review(self, path: str, question: Obj) -> Obj:
        """Ask one of the server's review resources; a POST that stores nothing."""
        status, body = self._send("POST", path, body=orjson.dumps(question), content_type=JSON)
        return _object(status, body, f"POST {path}")

    def _pages(self, kind: Kind, namespace: str, labels: str) -> Sequence[Obj]:
        path, found, token = collection(kind, namespace), [], ""
        while True:
            query = {"limit": str(PAGE)}
            query |= {"labelSelector": labels} if labels else {}
            query |= {"continue": token} if token else {}
            status, body = self._send("GET", path, query)
            if self._absent(kind, status, body):
                return ()
            page = _object(status, body, f"GET {path}")
            found += [_listed(kind, one) for one in page.get("items") or ()]
            token = page.get("metadata", {}).get("continue", "")
            if not token:
                return found

    def _absent(self, kind: Kind, status: int, body: bytes) -> bool:
        """Whether a 404 means "not there".

        For a group that is not served the server answers a plain text page instead of a Status, as any proxy with a
        wrong path would; then discovery, which would fail on such a proxy, has the last word.
        """
        if status != 404:
            return False
        return is_missing(status, body) or not any(
            (k.group, k.version, k.plural) == (kind.group, kind.version, kind.plural) for k in self.kinds()
        )

    def _change(self, change: ApiChange, *, dry: bool) -> Obj | None:
        method, path, query, body, content_type = _request(change)
        if dry:
            query["dryRun"] = "All"
            body |= {"dryRun": ["All"]} if isinstance(change, Delete) else {}
        status, answer = self._send(method, path, query, orjson.dumps(body), content_type)
        if isinstance(change, Delete):
            if is_missing(status, answer):
                return None
            _object(status, answer, f"{method} {path}")
            return None
        if isinstance(change, Patch | Replace) and is_missing(status, answer):
            raise Conflict(f"{change.ref} is gone since it was read", status=status, reason="NotFound")
        return _object(status, answer, f"{method} {path}")

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str = "",
        *,
        accept: str = JSON,
    ) -> tuple[int, bytes]:
        status, _, answer = self._transport.send(method, path, query or {}, body, content_type, accept)
        return status, answer


def _request(change: ApiChange) -> tuple[str, str, dict[str, str], dict[str, Any], str]:
    """Method, path, query, body, content type."""
    match change:
        case Apply():
            return "PATCH", item(change.ref), {"fieldManager": change.manager}, dict(change.manifest), _APPLY
        case Create():
            where = collection(change.ref.kind, change.ref.namespace)
            return "POST", where, {"fieldManager": change.manager}, dict(change.manifest), JSON
        case Patch():
            seen = {"uid": change.uid, "resourceVersion": change.version}
            body = {**change.body, "metadata": {**change.body.get("metadata", {}), **seen}}
            path = item(change.ref, change.subresource)
            return "PATCH", path, {"fieldManager": change.manager}, body, _MERGE
        case Replace():
            seen = {"uid": change.uid, "resourceVersion": change.version}
            body = {**change.manifest, "metadata": {**change.manifest["metadata"], **seen}}
            return "PUT", item(change.ref), {"fieldManager": change.manager}, body, JSON
        case Delete():
            options = {
                "kind": "DeleteOptions",
                "apiVersion": "v1",
                "preconditions": {"uid": change.uid},
                "propagationPolicy": "Background",
            }
            return "DELETE", item(change.ref), {}, options, JSON


def _listed(kind: Kind, one: Obj) -> Obj:
    """An item of a list with its kind; of pods without managedFields, which are half of ten thousand pods' memory."""
    if kind == POD:
        one["metadata"].pop("managedFields", None)
    return {**one, "apiVersion": kind.api_version, "kind": kind.kind}


def _object(status: int, body: bytes, request: str) -> Obj:
    if not 200 <= status < 300:
        raise failure(status, body, request)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ServerTrouble("the answer is not a JSON object", status=status, request=request)
    return found
