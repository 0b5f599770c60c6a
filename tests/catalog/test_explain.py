from __future__ import annotations

import re

import pytest

from upgrader.catalog import codes, page
from upgrader.cli.main import NAMES

PARTS = ("## What it means", "## Why", "## What to do")


@pytest.mark.parametrize("code", codes())
def test_every_page_says_what_why_and_what_to_do(code: str) -> None:
    text = page(code)
    assert text is not None
    lines = text.splitlines()
    assert lines[0].startswith("# ")
    assert not lines[0].endswith(".")
    assert [line for line in lines if line.startswith("## ")] == list(PARTS)
    assert all(part.partition("\n")[2].strip() for part in text.split("## ")[1:])
    assert 6 <= len(lines) <= 24
    assert max(map(len, lines)) <= 120
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


@pytest.mark.parametrize("code", codes())
def test_no_page_blames_jokes_or_shouts(code: str) -> None:
    text = (page(code) or "").lower().replace("has just ", "").replace("was just ", "")
    assert not [word for word in ("!", "oops", "simply", "obviously", "just ", "sorry") if word in text]


@pytest.mark.parametrize("code", codes())
def test_every_command_on_a_page_exists(code: str) -> None:
    named = re.findall(r"`upgrade ([a-z]+)", page(code) or "")
    assert [name for name in named if name not in NAMES] == []


def test_a_code_is_found_however_it_is_written() -> None:
    assert page("upg-0101") == page("0101") == page(" UPG-0101 ")
    assert page("UPG-0101")


@pytest.mark.parametrize("name", ["UPG-9999", "", "../data/releases", "UPG-0101.md"])
def test_there_is_no_page_for_anything_else(name: str) -> None:
    assert page(name) is None
