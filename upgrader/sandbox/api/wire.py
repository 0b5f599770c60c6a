"""Requests and answers as they cross the API's only door, and who may stand behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from upgrader.sandbox.store import Obj

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request; ``path`` without the query, header names in any case."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    user: str = "admin"

    def header(self, name: str) -> str:
        """A header's value, empty when absent."""
        found = self.headers.get(name)
        if found is not None:
            return found
        wanted = name.lower()
        return next((value for key, value in self.headers.items() if key.lower() == wanted), "")


@dataclass(frozen=True, slots=True)
class Response:
    """One answer; ``stream`` replaces the body for watches."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    stream: Iterator[bytes] | None = None


@dataclass(frozen=True)
class AdmissionCall:
    """What admission is asked about.

    Attributes:
        operation: CREATE, UPDATE or DELETE.
        obj: The object to be; None for DELETE.
        old: The stored object; None for CREATE.
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
        """HTTP status, content type and body of ``GET path`` on the pod's port."""
        ...
