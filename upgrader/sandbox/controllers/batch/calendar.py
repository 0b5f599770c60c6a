"""When a cron schedule falls due."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import lru_cache

_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_NAMES = {name: str(at) for at, name in enumerate(["sun", "mon", "tue", "wed", "thu", "fri", "sat"])} | {
    name: str(at)
    for at, name in enumerate(
        ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1
    )
}
_HORIZON = timedelta(days=4 * 366)


@lru_cache(maxsize=256)
def fields_of(schedule: str) -> tuple[frozenset[int], ...]:
    """Minutes, hours, days, months and weekdays of a schedule.

    Raises:
        ValueError: it has not five fields, or one of them cannot be read.
    """
    parts = _MACROS.get(schedule, schedule).lower().split()
    if len(parts) != len(_BOUNDS):
        raise ValueError(f"expected exactly 5 fields, found {len(parts)}: [{schedule}]")
    found = [_numbers(part, *bounds) for part, bounds in zip(parts, _BOUNDS, strict=True)]
    found[4] = frozenset(day % 7 for day in found[4])
    return tuple(found)


def _numbers(part: str, low: int, high: int) -> frozenset[int]:
    found: set[int] = set()
    for term in part.split(","):
        span, _, step = term.partition("/")
        first, _, last = span.partition("-")
        if span in {"*", "?"}:
            begin, end = low, high
        else:
            begin = int(_NAMES.get(first, first))
            end = int(_NAMES.get(last, last)) if last else (high if step else begin)
        if not low <= begin <= end <= high:
            raise ValueError(f"out of range: {term}")
        found.update(range(begin, end + 1, int(step or 1)))
    return frozenset(found)


def following(schedule: str, moment: datetime) -> datetime | None:
    """The first moment of the schedule after another one, in UTC; None when there is none within four years.

    Raises:
        ValueError: the schedule cannot be read.
    """
    minutes, hours, days, months, weekdays = fields_of(schedule)
    here = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
    limit = moment + _HORIZON
    _, _, day_text, _, weekday_text = _MACROS.get(schedule, schedule).split()
    either = "*" not in {day_text[0], weekday_text[0]}
    while here < limit:
        by_day, by_weekday = here.day in days, here.isoweekday() % 7 in weekdays
        if here.month not in months or not ((by_day or by_weekday) if either else (by_day and by_weekday)):
            here = here.replace(hour=0, minute=0) + timedelta(days=1)
        elif here.hour not in hours:
            here = here.replace(minute=0) + timedelta(hours=1)
        elif here.minute not in minutes:
            here += timedelta(minutes=1)
        else:
            return here
    return None
