"""Spans of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d)$")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def duration(text: str) -> timedelta:
    """Read ``30s``, ``10m``, ``1.5h`` or ``2d``.

    Raises:
        ValueError: anything else, bare numbers included: a duration without a unit is a guess.
    """
    found = _DURATION.match(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a duration such as 30s, 10m or 2h")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])
