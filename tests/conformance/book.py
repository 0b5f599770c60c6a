"""Recorded answers of real servers, one file a minor of Kubernetes."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.case import Case, NeverHappened, Obj, answers
from tests.conformance.face import Place

RECORDED = Path(__file__).with_name("recorded")


@dataclass(frozen=True)
class Book:
    """What the server of one version answered, by name of the case."""

    kubernetes: str
    cases: Mapping[str, list[Obj]]

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return RECORDED / f"{minor(self.kubernetes)}.json"

    def save(self) -> None:
        """Write it, one answer a line, so that a difference between two recordings can be read."""
        lines = [f'{{"kubernetes": {json.dumps(self.kubernetes)}, "cases": {{']
        for at, name in enumerate(sorted(self.cases)):
            told = ",\n".join(
                json.dumps(each, sort_keys=True, ensure_ascii=False) for each in self.cases[name]
            )
            lines.append(f"{json.dumps(name)}: [\n{told}\n]{',' if at < len(self.cases) - 1 else ''}")
        self.path.parent.mkdir(exist_ok=True)
        self.path.write_text("\n".join([*lines, "}}", ""]), encoding="utf-8")


def minor(kubernetes: str) -> str:
    """``1.34`` of ``1.34.4``."""
    found = re.match(r"\d+\.\d+", kubernetes)
    assert found, kubernetes
    return found[0]


def books() -> list[Book]:
    """All recordings, oldest minor first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in RECORDED.glob("*.json")]
    return sorted(
        (Book(**each) for each in found), key=lambda book: [int(n) for n in book.kubernetes.split(".")]
    )


def differences(wanted: list[Obj], found: list[Obj]) -> list[str]:
    """Where two servers answered differently, in words; empty when they are equal."""
    wanted, found = json.loads(json.dumps(wanted)), json.loads(json.dumps(found))
    lines: list[str] = []
    for at in range(max(len(wanted), len(found))):
        one = wanted[at] if at < len(wanted) else {}
        two = found[at] if at < len(found) else {}
        asked = one.get("asked") or two.get("asked")
        lines += [f"{at} {asked}: {told}" for told in _apart("", one, two)]
    return lines


def told_apart(wanted: list[Obj], one: Case, place: Place) -> list[str]:
    """Where this server answers a case differently from what is wanted, in words."""
    try:
        return differences(wanted, answers(one, place))
    except NeverHappened as never:
        return [f"never happened: {never}"]


def _apart(place: str, one: Any, two: Any) -> Iterator[str]:
    if isinstance(one, dict) and isinstance(two, dict):
        for name in sorted({*one, *two}):
            yield from _apart(f"{place}.{name}", one.get(name, _ABSENT), two.get(name, _ABSENT))
    elif isinstance(one, list) and isinstance(two, list) and len(one) == len(two):
        for at, (left, right) in enumerate(zip(one, two, strict=True)):
            yield from _apart(f"{place}[{at}]", left, right)
    elif one != two or type(one) is not type(two):
        yield f"{place} is {_told(two)} instead of {_told(one)}"


class _Absent:
    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()


def _told(value: Any) -> str:
    return "absent" if value is _ABSENT else json.dumps(value, ensure_ascii=False)
