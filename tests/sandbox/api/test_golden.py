"""The sandbox answers what a real API server answered to the same requests."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

_VOLATILE = frozenset(
    {
        "uid", "resourceVersion", "creationTimestamp", "time", "generation", "annotations", "selfLink",
        "deletionTimestamp", "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "remainingItemCount", "continue",
    }
)  # fmt: skip


def _ignored(name: str, value: Any) -> bool:
    """What differs from run to run, and what the columns of a table say of themselves in prose."""
    return name in _VOLATILE or (name == "description" and (value == "" or " " in value))


def _bare(value: Any) -> Any:
    """Without what differs from one run to the next, as the recording was made."""
    if isinstance(value, dict):
        return {name: _bare(inner) for name, inner in value.items() if not _ignored(name, inner)}
    return [_bare(item) for item in value] if isinstance(value, list) else value


def _recorded() -> list[dict[str, Any]]:
    folder = os.environ.get("UPGRADER_TEST_DATA", "")
    place = Path(folder) / "apiserver" / "golden.json"
    if not folder or not place.is_file():
        return []
    found: list[dict[str, Any]] = json.loads(place.read_text())["exchanges"]
    return found


def _replay(server: Any, request: list[Any]) -> tuple[int, Any]:
    padded = [*request, None, None, None]
    method, path, body, media, accept = padded[:5]
    where, _, query = path.partition("?")
    raw = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
    asked = dict(parse_qsl(query, keep_blank_values=True))
    answer: tuple[int, Any] = server.ask(
        method, where, raw, media or "application/json", query=asked, accept=accept or "application/json"
    )
    return answer


def _reason(body: Any) -> str:
    return body.get("reason", "") if isinstance(body, dict) and body.get("kind") == "Status" else ""


def _uids_hidden(text: Any) -> Any:
    """The uid in a message is another one in every run."""
    return json.loads(re.sub(r"in record \([0-9a-f-]{36}\)", "in record (uid)", json.dumps(text)))


@pytest.mark.skipif(not _recorded(), reason="UPGRADER_TEST_DATA names no folder with apiserver/golden.json")
def test_every_recorded_exchange_is_answered_alike(empty: Any) -> None:
    verdicts: list[str] = []
    bodies: list[str] = []
    exchanges = _recorded()
    for at, exchange in enumerate(exchanges):
        status, body = _replay(empty, exchange["request"])
        wanted = exchange["body"]
        label = f"{at} {exchange['name']}"
        if (status, _reason(body)) != (exchange["status"], _reason(wanted)):
            verdicts.append(
                f"{label}: {status} {_reason(body)} instead of {exchange['status']} {_reason(wanted)}"
            )
        if _uids_hidden(_bare(body)) != _uids_hidden(_bare(wanted)):
            bodies.append(
                f"{label}\n  got    {json.dumps(_bare(body))}\n  wanted {json.dumps(_bare(wanted))}"
            )
    assert len(exchanges) == 80
    assert verdicts == [], "\n".join(verdicts)
    assert bodies == [], "\n".join(bodies)
