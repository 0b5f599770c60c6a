"""A record of every request the API answered, for tests that ask who did what."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TextIO

import msgspec
import orjson

_LIMIT = 200_000


class AuditEntry(msgspec.Struct, frozen=True, gc=False):
    """One answered request.

    Attributes:
        verb: get, list, watch, create, update, patch, delete, deletecollection; for other paths the method in lower case.
        mutating: A successful answer to it could have changed stored objects: a write that is neither a dry run nor a review.
    """

    at: datetime
    user: str
    agent: str
    verb: str
    method: str
    path: str
    query: str
    dry_run: bool
    status: int
    group: str
    resource: str
    namespace: str
    name: str
    subresource: str
    mutating: bool


class Audit:
    """Entries, oldest first; only the latest 200,000 are kept."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self._file: TextIO | None = None

    def write_to(self, path: Path) -> None:
        """From now on every entry is also a line of JSON in a file.

        Raises:
            OSError: it cannot be written.
        """
        self._file = path.open("w", encoding="utf-8", buffering=1)

    def add(self, entry: AuditEntry) -> None:
        """Remember one request."""
        self.entries.append(entry)
        if self._file is not None:
            self._file.write(orjson.dumps(msgspec.structs.asdict(entry)).decode() + "\n")
        if len(self.entries) > _LIMIT:
            del self.entries[: _LIMIT // 2]

    def writes(self, *, user: str | None = None) -> list[AuditEntry]:
        """Successful mutating requests, of one user or of all."""
        return [e for e in self.entries if e.mutating and e.status < 300 and user in {None, e.user}]
