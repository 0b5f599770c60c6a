"""Rows of custom resources: the columns their definition asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import orjson

from upgrader.sandbox.api.kinds.catalogue import Resource
from upgrader.sandbox.api.tables.words import Cells, name, since
from upgrader.sandbox.store import Obj

_STEP = re.compile(
    r"""\.(?P<word>(?:[\w-]|\\\.)+) | \[(?P<index>-?\d+|\*)\] | \['(?P<quoted>[^']+)'\]
      | \[\?\(@\.(?P<key>[\w.-]+)\s*==\s*["'](?P<value>[^"']*)["']\)\]""",
    re.VERBOSE,
)
_AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}


def columns(resource: Resource, version: str) -> list[Obj]:
    """``additionalPrinterColumns`` of the version in the form of apiextensions v1; only the age without any."""
    crd = resource.crd or {}
    versions = [one for one in crd.get("versions") or () if one.get("name") == version]
    told = [one.get("additionalPrinterColumns") for one in versions] + [crd.get("additionalPrinterColumns")]
    found: list[Obj] = next((columns for columns in told if columns), [_AGE])
    return found


def row(obj: Obj, wanted: list[Obj], now: datetime) -> Cells:
    """The name and one cell for each column: the first value its path leads to, null when there is none."""
    return [name(obj), *(_cell(obj, column, now) for column in wanted)]


def _cell(obj: Obj, column: Obj, now: datetime) -> Any:
    value = next(find(obj, column.get("jsonPath") or column.get("JSONPath") or ""), None)
    if value is None:
        return None
    if column["type"] == "date":
        return since(value, now) if isinstance(value, str) else None
    if column["type"] in {"integer", "number", "boolean"}:
        return value if isinstance(value, int | float) else None
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def find(obj: Any, path: str) -> Iterator[Any]:
    """What a JSONPath of fields, indices, ``[*]`` and ``[?(@.a=="b")]`` leads to; nothing for paths of other forms."""
    found = [obj]
    path = path.strip("{}")
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            return
        found = [inner for here in found for inner in _into(here, step)]
        at = step.end()
    yield from found


def _into(here: Any, step: re.Match[str]) -> Iterator[Any]:
    word = (step["word"] or step["quoted"] or "").replace("\\.", ".")
    if word:
        if isinstance(here, dict) and here.get(word) is not None:
            yield here[word]
    elif not isinstance(here, list):
        return
    elif step["key"]:
        yield from (
            one for one in here if isinstance(one, dict) and str(one.get(step["key"])) == step["value"]
        )
    elif step["index"] == "*":
        yield from here
    elif -len(here) <= int(step["index"]) < len(here):
        yield here[int(step["index"])]
