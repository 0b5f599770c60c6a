"""What the API server answers when it refuses: Status objects with the words of the real one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from upgrader.sandbox.store import Obj


class ApiError(Exception):
    """A refusal.

    Attributes:
        status: HTTP status.
        reason: Machine word such as NotFound; empty for plain-text answers.
        details: ``details`` of the Status object; None leaves the key out.
        text: Body of a plain-text answer; None means a Status object.
        token: A fresh continue token, for metadata.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        message: str,
        details: Obj | None = None,
        *,
        text: str | None = None,
        token: str = "",
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.details: Obj = details or {}
        self.has_details = details is not None
        self.text = text
        self.token = token

    def body(self) -> Obj:
        """The Status object."""
        meta = {"continue": self.token} if self.token else {}
        found: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": meta, "status": "Failure"}
        found["message"] = self.message
        if self.reason:
            found["reason"] = self.reason
        if self.has_details:
            found["details"] = self.details
        return found | {"code": self.status}


@dataclass(frozen=True, slots=True)
class Cause:
    """One wrong field: where, what sort, and the sentence without the field's name."""

    field: str
    reason: str
    message: str

    @property
    def sentence(self) -> str:
        """Field and message as the server joins them."""
        return f"{self.field}: {self.message}"


def required(field: str, why: str = "") -> Cause:
    """A field that must be there."""
    return Cause(field, "FieldValueRequired", f"Required value: {why}" if why else "Required value")


def wrong(field: str, value: Any, why: str) -> Cause:
    """A field whose value is not acceptable."""
    return Cause(field, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {why}")


def forbidden_field(field: str, why: str) -> Cause:
    """A field that may not be set or changed."""
    return Cause(field, "FieldValueForbidden", f"Forbidden: {why}")


def unsupported(field: str, value: Any, allowed: Sequence[str]) -> Cause:
    """A value outside an enumeration."""
    listed = ", ".join(f'"{choice}"' for choice in sorted(allowed))
    return Cause(
        field, "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {listed}"
    )


def _shown(value: Any) -> str:
    return "null" if value is None else orjson.dumps(value).decode()


def qualified(plural: str, group: str) -> str:
    """``plural.group``, or plural for the core group."""
    return f"{plural}.{group}" if group else plural


def _details(plural: str, name: str, group: str) -> Obj:
    found = {"name": name, "group": group, "kind": plural}
    return {word: value for word, value in found.items() if value}


def not_found(plural: str, name: str, group: str = "") -> ApiError:
    """404: the object is not there."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return ApiError(404, "NotFound", message, _details(plural, name, group))


def already_exists(plural: str, name: str, group: str = "") -> ApiError:
    """409: create of something that is there."""
    message = f'{qualified(plural, group)} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, _details(plural, name, group))


MODIFIED = "the object has been modified; please apply your changes to the latest version and try again"


def conflict(plural: str, name: str, group: str = "", why: str = MODIFIED) -> ApiError:
    """409: the write was made against another state than the stored one."""
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return ApiError(409, "Conflict", message, _details(plural, name, group))


def invalid(kind: str, name: str, causes: Sequence[Cause], group: str = "") -> ApiError:
    """422: the object does not pass validation. ``kind`` is the singular kind, for example Deployment."""
    sentences = list(dict.fromkeys(cause.sentence for cause in causes))
    told = sentences[0] if len(sentences) == 1 else f"[{', '.join(sentences)}]"
    listed = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    details = _details(kind, name, group) | {"causes": listed}
    return ApiError(422, "Invalid", f'{qualified(kind, group)} "{name}" is invalid: {told}', details)


def forbidden(plural: str, name: str, why: str, group: str = "") -> ApiError:
    """403: authorization or admission said no."""
    subject = f'{qualified(plural, group)} "{name}"' if name else qualified(plural, group)
    return ApiError(403, "Forbidden", f"{subject} is forbidden: {why}", _details(plural, name, group))


def bad_request(message: str) -> ApiError:
    """400: the request cannot be understood."""
    return ApiError(400, "BadRequest", message)


def no_such_resource() -> ApiError:
    """404: the group and version are served, this resource is not."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def no_such_path() -> ApiError:
    """404 in plain text: nothing is served under this path."""
    return ApiError(404, "NotFound", "404 page not found", text="404 page not found\n")


def method_not_allowed() -> ApiError:
    """405."""
    message = "the server does not allow this method on the requested resource"
    return ApiError(405, "MethodNotAllowed", message, {})


def unsupported_media(accepted: Sequence[str]) -> ApiError:
    """415: the body's content type is not one that is read here."""
    message = "the body of the request was in an unknown format - accepted media types include: "
    return ApiError(415, "UnsupportedMediaType", message + ", ".join(accepted))


def expired(message: str, token: str = "") -> ApiError:
    """410: the revision or the continue token is too old; a fresh token goes on from where the old one stood."""
    return ApiError(410, "Expired", message, token=token)


def unauthorized() -> ApiError:
    """401: the bearer token is nobody's."""
    return ApiError(401, "Unauthorized", "Unauthorized")


def too_many_requests(message: str, causes: Sequence[Obj] = (), retry_after: int = 0) -> ApiError:
    """429: try again later; evictions answer so while a budget is used up."""
    details: Obj = {}
    if causes:
        details["causes"] = list(causes)
    if retry_after:
        details["retryAfterSeconds"] = retry_after
    return ApiError(429, "TooManyRequests", message, details)


def internal(message: str) -> ApiError:
    """500: an admission webhook could not be called, for example."""
    return ApiError(
        500, "InternalError", f"Internal error occurred: {message}", {"causes": [{"message": message}]}
    )
