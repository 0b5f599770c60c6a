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


def written(length: timedelta) -> str:
    """``10m``, ``1h30m``, ``45s``: to the second, as playbooks have it."""
    minutes, seconds = divmod(round(length.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    words = [f"{hours}h" if hours else "", f"{minutes}m" if minutes else "", f"{seconds}s" if seconds else ""]
    return "".join(words) or "0s"


def in_words(length: timedelta) -> str:
    """``45 s``, ``90 min``: the whole minutes, or seconds where there is none."""
    minutes, seconds = divmod(int(length.total_seconds()), 60)
    return f"{minutes} min" if minutes else f"{seconds} s"


def took(seconds: float) -> str:
    """``33s``, ``5m12s`` or ``1h04m``: a time that has passed."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return (
        f"{whole // 60}m{whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    )


def between(shortest: timedelta, longest: timedelta) -> str:
    """``20-45 s``, ``2-5 min``, ``40 s to 3 min``, ``1 h 05 min to 2 h 10 min``: the shorter rounded down, the longer up."""
    low, high = round(shortest.total_seconds()), round(longest.total_seconds())
    if high < 120:
        return f"{low}-{high} s" if low != high else f"{low} s"
    first, last = low // 60, -(-high // 60)
    if first == last:
        return _hours(last)
    if first and last <= 60:
        return f"{first}-{last} min"
    return f"{_hours(first) if first else f'{low} s'} to {_hours(last)}"


def _hours(minutes: int) -> str:
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"
