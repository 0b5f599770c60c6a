"""JSON Schemas of what we store, generated from the types; a test compares them with the files."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import cleandoc
from pathlib import Path
from typing import Any

import msgspec

from upgrader.model.codec import pretty
from upgrader.model.event import RunEvent
from upgrader.model.playbook import Playbook
from upgrader.model.snapshot import Snapshot
from upgrader.planning.plan import Plan

STORED: Mapping[str, Any] = {
    "plan.v1": Plan,
    "journal.v1": RunEvent,
    "snapshot.v1": Snapshot,
    "playbook.v1": Playbook,
}
"""File name (without ``.json``) to type; a new major gets a new name, and the old one stays."""


def schema_text(name: str) -> str:
    """The schema file of one kind of stored value."""
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": name}
    return pretty(head | _same_everywhere(msgspec.json.schema(STORED[name])))


def _same_everywhere(found: Any) -> Any:
    """*found* without what differs from release to release of msgspec: the indentation of docstrings, the order of alternatives."""
    if isinstance(found, list):
        return [_same_everywhere(each) for each in found]
    if not isinstance(found, dict):
        return found
    settled = {key: _same_everywhere(each) for key, each in found.items()}
    if isinstance(text := settled.get("description"), str):
        settled["description"] = cleandoc(text)
    if isinstance(alternatives := settled.get("anyOf"), list):
        settled["anyOf"] = sorted(alternatives, key=pretty)
    return settled


def write(folder: Path) -> None:
    """Write every schema into *folder*, over what is there."""
    for name in STORED:
        (folder / f"{name}.json").write_text(schema_text(name), encoding="utf-8")
