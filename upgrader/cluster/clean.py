"""Words from a cluster, made safe for terminals and logs."""

from __future__ import annotations

import re

_HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 (tab and line feed aside), DEL, C1: ESC and CSI among them
    "\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]"  # zero width and bidirectional
)


def clean(text: str) -> str:
    """*text* without anything that could move a cursor, set a title or reorder what is shown."""
    return _HARMFUL.sub("", text)


def clean_line(text: str) -> str:
    """The same on one line."""
    return " ".join(clean(text).split())
