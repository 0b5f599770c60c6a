"""How single facts read in a table: ages, selectors, containers, lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from upgrader.sandbox.clock import parse_stamp
from upgrader.sandbox.store import Obj

NONE = "<none>"
UNKNOWN = "<unknown>"
Cells = list[Any]


def spec(obj: Obj) -> Obj:
    """The specification, empty when absent."""
    return obj.get("spec") or {}


def status(obj: Obj) -> Obj:
    """The status, empty when absent."""
    return obj.get("status") or {}


def name(obj: Obj) -> str:
    """The object's name."""
    return str(obj["metadata"].get("name", ""))


def age(obj: Obj, now: datetime) -> str:
    """Time since creation."""
    return since(obj["metadata"].get("creationTimestamp"), now)


def since(text: str | None, now: datetime) -> str:
    """Time since a timestamp, ``<unknown>`` without one."""
    return duration((now - parse_stamp(text)).total_seconds()) if text else UNKNOWN


def duration(seconds: float) -> str:
    """Seconds as kubectl shows them, two units at most: 119s, 3m5s, 2d3h."""
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 120:
        return f"{max(whole, 0)}s"
    minutes, hours = whole // 60, whole // 3600
    if minutes < 10:
        return _pair(minutes, "m", whole % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return _pair(days // 365, "y", days % 365, "d") if days < 2920 else f"{days // 365}y"


def _pair(large: int, unit: str, small: int, sub: str) -> str:
    return f"{large}{unit}{small}{sub}" if small else f"{large}{unit}"


def labels(pairs: Mapping[str, str] | None) -> str:
    """``a=b,c=d``, sorted."""
    return ",".join(f"{key}={value}" for key, value in sorted((pairs or {}).items())) or NONE


def selector(found: Obj | None) -> str:
    """A LabelSelector in the words of a query."""
    if not found:
        return NONE
    terms = [f"{key}={value}" for key, value in sorted((found.get("matchLabels") or {}).items())]
    for term in found.get("matchExpressions") or ():
        key, values = term["key"], ",".join(sorted(term.get("values") or ()))
        words = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        terms.append(words.get(term["operator"], f"!{key}"))
    return ",".join(terms) or NONE


def containers(template: Obj | None) -> tuple[str, str]:
    """Names and images of a template's containers."""
    listed = spec(template or {}).get("containers") or ()
    return ",".join(c.get("name", "") for c in listed), ",".join(c.get("image", "") for c in listed)


def more(words: Iterable[str], limit: int = 3) -> str:
    """The first few words and how many are left out."""
    listed = list(words)
    left = f" + {len(listed) - limit} more..." if len(listed) > limit else ""
    return (",".join(listed[:limit]) + left) or NONE


def count(number: int | None) -> int:
    """A counter, 0 when absent."""
    return number or 0
