"""The blocks of a plan at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.model.step import counted
from upgrader.planning.plan import Plan
from upgrader.report.fitting import fitted, hung, middle
from upgrader.report.outlook.classes import (
    LABELS,
    MEANING,
    NAMED,
    NAMED_WIDE,
    about,
    classes,
    notes,
    wave_rows,
)
from upgrader.report.style import Style


def restarts_text(plan: Plan, style: Style, *, wide: bool = False) -> str:
    """The block of a plan at a terminal; empty where nothing is restarted."""
    if not plan.outlook.restarts:
        return ""
    return "\n".join(_lines(plan, style, NAMED_WIDE if wide else NAMED))


def _lines(plan: Plan, style: Style, limit: int) -> Iterator[str]:
    outlook = plan.outlook
    head = f"{counted(len(outlook.restarts), 'workload')}, each by its own update strategy"
    yield f"Restarts: {head}" if style.accessible else f"Restarts   {head}"
    for impact, there in classes(outlook):
        label = LABELS.get(impact, impact)
        shown = [about(r) for r in there[:limit]] if impact not in {"steady", "asleep"} else []
        more = f" and {len(there) - len(shown)} more" if shown and len(there) > len(shown) else ""
        named = f": {'; '.join(shown)}{more}" if shown else ""
        if style.accessible:
            yield f"{label}, {len(there)}: {MEANING[impact]}{named}"
        else:
            yield from hung(f"  {label:10}{len(there):5}  ", f"{MEANING[impact]}{named}", style.width)
    for words in notes(outlook):
        yield from [words] if style.accessible else fitted(f"  {words}", style.width, "    ")


def times_text(plan: Plan, style: Style) -> str:
    """How long each wave takes; a block of the wide form."""
    rows = wave_rows(plan)
    if not rows:
        return ""
    if style.accessible:
        return "\n".join(
            f"Time of hop {h}, wave {w}: {t}, of it soaking {s}" + (f". Slowest: {n}" if n else "")
            for h, w, t, s, n in rows
        )
    head = ("Time", "wave", "expected", "soak", "slowest restart")
    table = [head, *((f"  hop {h}", middle(w, 12), t, s, n or "-") for h, w, t, s, n in rows)]
    wide = [max(len(row[n]) for row in table) for n in range(4)]
    room = style.width - sum(wide) - 2 * len(wide)
    lines = [
        "  ".join([*(c.ljust(w) for c, w in zip(row, wide, strict=False)), middle(row[4], room)])
        for row in table
    ]
    return "\n".join(line.rstrip() for line in lines)
