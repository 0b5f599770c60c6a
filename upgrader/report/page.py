"""A page of ours at a terminal: paragraphs filled to its width, commands and code as they are."""

from __future__ import annotations

import re
from collections.abc import Iterator

from upgrader.report.fitting import fitted

_ITEM = re.compile(r"( *)(- |\d+\. )")
_GLUE = "\x00"


def page_text(markdown: str, width: int) -> str:
    """*markdown* for reading: no line wider than *width* that could be broken, and no code span torn."""
    return "\n".join(_lines(markdown, width)).rstrip()


def _lines(markdown: str, width: int) -> Iterator[str]:
    held: list[str] = []
    fenced = False
    for line in markdown.splitlines():
        fence = line.lstrip().startswith("```")
        alone = fenced or fence or not line.strip() or line.startswith(("#", "    ", "|"))
        if alone or _ITEM.match(line):
            yield from _filled(held, width)
            held = []
        if alone:
            yield line
        else:
            held.append(line)
        fenced = fenced != fence
    yield from _filled(held, width)


def _filled(lines: list[str], width: int) -> Iterator[str]:
    """One paragraph or item, whose code spans stay whole."""
    if not lines:
        return
    item = _ITEM.match(lines[0])
    deep = " " * len(item.group()) if item else ""
    text = " ".join([lines[0].rstrip(), *(line.strip() for line in lines[1:])])
    glued = re.sub(r"`[^`]*`", lambda span: span.group().replace(" ", _GLUE), text)
    yield from (piece.replace(_GLUE, " ") for piece in fitted(glued, width, deep))
