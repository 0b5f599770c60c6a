"""How text looks: marks, colour and width, decided once per call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

MARKS = {"ok": "✔", "bad": "✖", "now": "▸", "later": "◌"}
ASCII_MARKS = {"ok": "+", "bad": "x", "now": ">", "later": "."}
_UNWRAPPED = 10_000
_CODES = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}


@dataclass(frozen=True)
class Style:
    """What a terminal (or a file) can show.

    Attributes:
        width: Columns.
    """

    color: bool = False
    ascii: bool = False
    accessible: bool = False
    width: int = 100

    def mark(self, word: str) -> str:
        """One of the four marks; always put beside a word."""
        if self.accessible:
            return ""
        return (ASCII_MARKS if self.ascii else MARKS)[word]

    def paint(self, text: str, color: str) -> str:
        """*text* in colour, where there is colour."""
        return f"\x1b[{_CODES[color]}m{text}\x1b[0m" if self.color else text


def style_for(
    stream: TextIO,
    environment: Mapping[str, str],
    *,
    color: str = "auto",
    ascii_only: bool = False,
    accessible: bool = False,
) -> Style:
    """What *stream* can show: flag before NO_COLOR before FORCE_COLOR before terminal. Empty values count as unset."""
    terminal = stream.isatty()
    wanted = terminal and environment.get("TERM") != "dumb"
    if environment.get("FORCE_COLOR"):
        wanted = True
    if environment.get("NO_COLOR"):
        wanted = False
    if color != "auto":
        wanted = color == "always"
    spoken = accessible or bool(environment.get("ACCESSIBLE"))
    return Style(
        color=wanted,
        ascii=ascii_only or not _can_encode(stream),
        accessible=spoken,
        width=_UNWRAPPED if spoken else _width(stream, environment) if terminal else 100,
    )


def _can_encode(stream: TextIO) -> bool:
    try:
        "".join(MARKS.values()).encode(stream.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _width(stream: TextIO, environment: Mapping[str, str]) -> int:
    told = environment.get("COLUMNS", "")
    if told.isdigit() and int(told) > 0:
        return max(int(told), 40)
    try:
        return max(os.get_terminal_size(stream.fileno()).columns, 40)
    except (OSError, ValueError):
        return 100
