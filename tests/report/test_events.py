"""Every line of the event stream is what its schema says, from the first to the last."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.report.conftest import Run
from upgrader.model.errors import Exit, UpgradeError
from upgrader.report.run import events
from upgrader.report.run.events import Stream, following, refused

SCHEMA = json.loads(Path(events.__file__).with_name("events.v1.json").read_text(encoding="utf-8"))
AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
ERROR = UpgradeError("UPG-0101", "skips\x1b a minor", what=("a", "b"), do=("upgrade plan",), exit_code=Exit.BLOCKED)  # fmt: skip
_TYPES = {"object": dict, "string": str, "integer": int}


def faults(value: Any, schema: dict[str, Any], place: str = "") -> Iterator[str]:
    """What *schema* has against *value*: as much of JSON Schema as it uses."""
    kind = schema.get("type")
    if kind and not isinstance(value, _TYPES[kind]):
        yield f"{place} is no {kind}"
        return
    if "const" in schema and value != schema["const"]:
        yield f"{place} is not {schema['const']!r}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} is not known"
    if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
        yield f"{place}: {value!r} does not match"
    if value == "" and schema.get("minLength"):
        yield f"{place} is empty"
    if isinstance(value, int) and value < schema.get("minimum", value):
        yield f"{place} is too small"
    if isinstance(value, dict):
        yield from (f"{place}.{name} is missing" for name in schema.get("required", ()) if name not in value)
        for name, part in schema.get("properties", {}).items():
            if name in value:
                yield from faults(value[name], part, f"{place}.{name}")
    for rule in schema.get("allOf", ()):
        if not [*faults(value, rule["if"])]:
            yield from faults(value, rule["then"], place)


def wrong(lines: list[str]) -> list[str]:
    return [f"{line[:120]}: {fault}" for line in lines for fault in faults(json.loads(line), SCHEMA)]


@pytest.fixture
def whole(run: Run) -> list[str]:
    """The stream of a run that died and was resumed, as its two processes wrote it."""
    stream = Stream(run.folder.plan(), run.folder.run)
    lines = [stream.start(AT, ["apply", "plan.json"])]
    for event in run.events:
        lines += stream.lines(event)
    ends: dict[str, Any] = {"exit_code": 0, "result": "done", "safe": True, "following": []}
    return [*lines, stream.end(AT, **ends)]


@pytest.mark.slow
def test_every_line_of_a_run_is_valid(whole: list[str]) -> None:
    assert wrong(whole) == []
    kinds = {json.loads(line)["type"] for line in whole}
    assert {
        "stream.start",
        "lock",
        "step.start",
        "step.end",
        "gate.sample",
        "gate.end",
        "stream.end",
    } <= kinds


@pytest.mark.slow
def test_lines_are_numbered_without_gaps(whole: list[str]) -> None:
    assert [json.loads(line)["seq"] for line in whole] == [*range(1, len(whole) + 1)]


@pytest.mark.slow
def test_a_second_process_counts_on_behind_what_the_first_one_wrote(run: Run) -> None:
    plan, name = run.folder.plan(), run.folder.run
    first = following(plan, name, run.events)
    assert json.loads(Stream(plan, name, first).start(AT, ["resume"]))["seq"] == first
    assert first > following(plan, name, run.events[: len(run.events) // 2]) > following(plan, name, []) == 1


def test_a_refusal_is_a_diagnostic_and_an_end() -> None:
    lines = refused(ERROR, AT)
    assert wrong(lines) == []
    found = [json.loads(line) for line in lines]
    assert [one["type"] for one in found] == ["diagnostic", "stream.end"]
    assert found[1]["data"] == {
        "exit_code": 3,
        "result": "refused",
        "cluster_changed": False,
        "next": ["upgrade plan"],
    }


@pytest.mark.slow
def test_a_refusal_of_a_run_ends_its_stream(run: Run) -> None:
    stream = Stream(run.folder.plan(), run.folder.run)
    lines = [stream.start(AT, ["resume"]), *stream.refusal(AT, ERROR)]
    assert wrong(lines) == []
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda line: line | {"seq": 0},
        lambda line: line | {"type": "surprise"},
        lambda line: line | {"msg": "two\nlines"},
        lambda line: {k: v for k, v in line.items() if k != "ts"},
        lambda line: line | {"type": "diagnostic", "data": {}},
        lambda line: line | {"type": "stream.end", "data": {}},
        lambda line: line | {"code": "UPG-1"},
    ],
)
def test_the_schema_finds_a_line_that_is_wrong(spoil: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    good = json.loads(refused(ERROR, AT)[0])
    assert [*faults(good, SCHEMA)] == []
    assert [*faults(spoil(good), SCHEMA)]
