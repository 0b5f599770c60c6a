"""Every code that a user can meet has a page, and every page a code that somebody can meet."""

from __future__ import annotations

import re
from pathlib import Path

from upgrader.catalog import codes, page

PACKAGE = Path(__file__).parents[2] / "upgrader"
CODE = re.compile(r"UPG-\d{4}")


def used() -> dict[str, set[str]]:
    """Code to the files that name it."""
    found: dict[str, set[str]] = {}
    for file in PACKAGE.rglob("*.py"):
        for code in CODE.findall(file.read_text(encoding="utf-8")):
            found.setdefault(code, set()).add(str(file.relative_to(PACKAGE)))
    return found


def test_every_code_in_the_source_has_a_page() -> None:
    missing = {code: sorted(files) for code, files in used().items() if code not in codes()}
    assert missing == {}


def test_every_code_that_a_page_points_at_has_a_page() -> None:
    named = {code for known in codes() for code in CODE.findall(page(known) or "")}
    assert named - set(codes()) == set()


def test_codes_are_in_the_ranges_that_are_promised() -> None:
    assert {code[4:6] for code in codes()} <= {f"{number:02}" for number in range(10)}
