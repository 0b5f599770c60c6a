"""Requests and answers as they cross the API's only door, and who may stand behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

import msgspec

from upgrader.sandbox.store import Obj

JSON = "application/json"
Inside = Callable[[int, str], tuple[int, str, bytes] | None]
"""Status, content type and body of ``GET path`` on a port, asked in the pod; None when nobody listens."""


class Spelled(dict[str, str]):
    """Headers whose names are spelled as the API server asks for them, so that nobody need look for other spellings."""


class Request(msgspec.Struct, frozen=True, gc=False):
    """One HTTP request; ``path`` without the query, header names in any case.

    Attributes:
        groups: Of the user, besides those that everybody is in.
    """

    method: str
    path: str
    query: Mapping[str, str] = msgspec.field(default_factory=dict)
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    body: bytes = b""
    user: str = "admin"
    groups: tuple[str, ...] = ()

    def header(self, name: str) -> str:
        """A header's value, empty when absent."""
        headers = self.headers
        if name in headers:
            return headers[name]
        if isinstance(headers, Spelled):
            return ""
        wanted = name.lower()
        return next((value for key, value in headers.items() if key.lower() == wanted), "")


class Forward(msgspec.Struct, frozen=True):
    """A way to ports of a pod.

    Attributes:
        ports: As asked for; empty when each stream names its own.
        pod: NAME_NAMESPACE.
        protocol: Of those that the client speaks.
    """

    ports: tuple[int, ...]
    inside: Inside
    pod: str
    protocol: str


class Response(msgspec.Struct, frozen=True, gc=False):
    """One answer; ``stream`` replaces the body for watches, ``forward`` is there when the status is 101."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stream: Iterator[bytes] | None = None
    forward: Forward | None = None


class AdmissionCall(msgspec.Struct, frozen=True):
    """What admission is asked about.

    Attributes:
        operation: CREATE, UPDATE or DELETE.
        obj: The object to be; None for DELETE.
        old: The stored object; None for CREATE.
        versions: All versions the resource is served in.
    """

    operation: str
    group: str
    version: str
    resource: str
    subresource: str
    namespace: str
    name: str
    obj: Obj | None
    old: Obj | None
    dry_run: bool
    user: str
    versions: tuple[str, ...] = ()


class Admission(Protocol):
    """Webhooks and the like, called after defaulting and before validation, for dry runs too."""

    def admit(self, call: AdmissionCall) -> Obj:
        """The object to go on with, changed or not; for DELETE the answer is ignored.

        Raises:
            ApiError: the write is refused.
        """
        ...


class PodProxy(Protocol):
    """What pods answer on their ports."""

    def get(self, pod: Obj, port: int, path: str) -> tuple[int, str, bytes]:
        """HTTP status, content type and body of ``GET path`` on the pod's port, asked from outside."""
        ...

    def inside(self, pod: Obj, port: int, path: str) -> tuple[int, str, bytes] | None:
        """The same, asked from the pod's own loopback address; None when nobody listens."""
        ...
