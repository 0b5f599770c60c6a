"""The API server's own word on who asked for what."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.bed.bed import Bed
from upgrader.model.change import HOME

_WRITES = frozenset({"create", "update", "patch", "delete", "deletecollection"})
_QUESTIONS = frozenset({"selfsubjectaccessreviews", "selfsubjectreviews", "selfsubjectrulesreviews"})
"""Created to be answered; nothing is stored."""


@dataclass(frozen=True)
class Write:
    """One request that was to change something, dry runs left out.

    Attributes:
        at: When the API server received it.
    """

    at: datetime
    verb: str
    resource: str
    namespace: str
    name: str
    status: int

    @property
    def object(self) -> tuple[str, str, str]:
        """Resource, namespace and name."""
        return self.resource, self.namespace, self.name

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.namespace}/{self.name}: {self.status}"


def writes(bed: Bed, user: str) -> list[Write]:
    """Everything that *user* has sent so far to change something, in order; dry runs and questions left out."""
    lines = bed.files.audit.read_text().splitlines()
    return [_write(entry) for entry in map(json.loads, lines) if _is_write(entry, user)]


def requests(bed: Bed, user: str) -> int:
    """How much *user* has asked for so far."""
    entries = map(json.loads, bed.files.audit.read_text().splitlines())
    return sum(entry["user"].get("username") == user for entry in entries)


def without_intent(sent: Iterable[Write], journal: Iterable[Mapping[str, Any]]) -> Iterator[Write]:
    """Writes to the mesh that no intent of the journal stands before; our own lock and records keep themselves."""
    intents = [event for event in journal if event["type"] == "intent" and event.get("ref")]
    spent: Counter[tuple[str, str, str]] = Counter()
    for write in sent:
        if HOME in {write.namespace, write.name}:
            continue
        spent[write.object] += 1
        announced = sum(_object(i["ref"]) == write.object and _time(i["at"]) <= write.at for i in intents)
        if spent[write.object] > announced:
            yield write


def _object(ref: Mapping[str, Any]) -> tuple[str, str, str]:
    return ref["kind"]["plural"], ref.get("namespace", ""), ref["name"]


def _is_write(entry: Mapping[str, Any], user: str) -> bool:
    ref = entry.get("objectRef") or {}
    return (
        entry["user"].get("username") == user
        and entry["verb"] in _WRITES
        and "dryRun=" not in entry["requestURI"]
        and ref.get("resource") not in _QUESTIONS
    )


def _write(entry: Mapping[str, Any]) -> Write:
    ref = entry["objectRef"]
    resource = ref["resource"] + (f"/{ref['subresource']}" if ref.get("subresource") else "")
    namespace = "" if resource == "namespaces" else ref.get("namespace", "")
    return Write(
        _time(entry["requestReceivedTimestamp"]),
        entry["verb"],
        resource.removesuffix("/scale"),
        namespace,
        ref.get("name", ""),
        entry.get("responseStatus", {}).get("code", 0),
    )


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
