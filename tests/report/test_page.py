"""Pages at a terminal."""

from __future__ import annotations

import pytest

from upgrader.catalog import codes, page
from upgrader.report.page import page_text

PAGE = """# a title that is long enough to be wider than what there is, and stays

One paragraph that goes on and on,
over two lines of its file.

- an item with `upgrade plan --to 1.29 --out plan.json` in it, and some more words
- a second

```
a fence    with   its own spaces, and wider than the terminal is
```
"""


def test_paragraphs_are_filled_and_items_hang() -> None:
    assert page_text(PAGE, 40).splitlines()[2:9] == [
        "One paragraph that goes on and on, over",
        "two lines of its file.",
        "",
        "- an item with",
        "  `upgrade plan --to 1.29 --out plan.json`",
        "  in it, and some more words",
        "- a second",
    ]


def test_a_fence_stays_as_it_is() -> None:
    assert "a fence    with   its own spaces, and wider than the terminal is" in page_text(PAGE, 40)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_every_page_fits(width: int) -> None:
    for code in codes():
        for line in page_text(page(code) or "", width).splitlines():
            assert len(line) <= width or "`" in line or line.startswith(("    ", "#")), f"{code}: {line}"


@pytest.mark.parametrize("width", [60, 10_000])
def test_no_word_is_lost(width: int) -> None:
    for code in codes():
        text = page(code) or ""
        assert page_text(text, width).split() == text.split()
