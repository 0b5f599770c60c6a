"""A client in the same process: what controllers and tests write with, through the whole API server."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson

from upgrader.sandbox.api.fields.patches import APPLY_PATCH
from upgrader.sandbox.api.wire import Spelled
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.rest import Api, Request
from upgrader.sandbox.store import Obj

_JSON = "application/json"


class Local:
    """One user with one user agent. Paths are URL paths and may carry a query."""

    def __init__(self, api: Api, user: str = "admin", agent: str = "local") -> None:
        self._api = api
        self.user = user
        self.agent = agent

    def get(self, path: str) -> Obj | None:
        """The object, or None when it is not there.

        Raises:
            ApiError: any other refusal.
        """
        try:
            return self._send("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str, labels: str = "") -> list[Obj]:
        """The objects of a collection.

        Raises:
            ApiError: refused.
        """
        query = {"labelSelector": labels} if labels else {}
        found: list[Obj] = self._send("GET", path, query=query)["items"]
        return found

    def create(self, path: str, obj: Obj) -> Obj:
        """The object as stored; ``path`` is that of the collection.

        Raises:
            ApiError: refused.
        """
        return self._send("POST", path, orjson.dumps(obj))

    def update(self, path: str, obj: Obj) -> Obj:
        """The object as stored in place of the former.

        Raises:
            ApiError: refused.
        """
        return self._send("PUT", path, orjson.dumps(obj))

    def patch(self, path: str, body: bytes, content_type: str) -> Obj:
        """The object as the patch left it.

        Raises:
            ApiError: refused.
        """
        return self._send("PATCH", path, body, content_type)

    def apply(self, path: str, obj: Obj, manager: str, force: bool = False) -> Obj:
        """The object as a server-side apply left it.

        Raises:
            ApiError: refused, for example 409 when others own what would change.
        """
        query = {"fieldManager": manager, "force": "true" if force else "false"}
        return self._send("PATCH", path, orjson.dumps(obj), APPLY_PATCH, query)

    def delete(self, path: str, **options: Any) -> None:
        """Delete the object; ``options`` are fields of DeleteOptions.

        Raises:
            ApiError: refused, 404 included.
        """
        self._send("DELETE", path, orjson.dumps(options) if options else b"")

    def _send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        content_type: str = _JSON,
        query: dict[str, str] | None = None,
    ) -> Obj:
        where, _, told = path.partition("?")
        headers = Spelled({"User-Agent": self.agent, "Content-Type": content_type})
        asked = {**dict(parse_qsl(told, keep_blank_values=True)), **(query or {})}
        answer = self._api.handle(Request(method, where, asked, headers, body, self.user))
        if answer.status < 300:
            found: Obj = orjson.loads(answer.body)
            return found
        raise _refusal(answer.status, answer.body)


def _refusal(status: int, body: bytes) -> ApiError:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode(errors="replace")
        return ApiError(status, "", text.strip(), text=text)
    return ApiError(status, told.get("reason", ""), told.get("message", ""), told.get("details"))
