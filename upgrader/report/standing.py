"""How the cluster stands to the record of a run, as ``resume`` tells it."""

from __future__ import annotations

from upgrader.planning.plan import Planned
from upgrader.planning.record import Progress, Standing
from upgrader.report.style import Style


def standing_text(standing: Standing, progress: Progress, run: str, style: Style) -> str:
    """Done, finished, by others and left: together they are the plan."""
    record = progress.record
    since = f"{record.last:%H:%M:%S} UTC" if record.last else "its beginning"
    head = f"Run {run} on {progress.plan.cluster.context}, last word {since}, {progress.done()} of {progress.total()} steps done."
    rows = [
        (style.mark("ok"), len(standing.still), "recorded as done in this hop, still true", ()),
        (style.mark("ok"), len(standing.finished), "in flight, finished since", standing.finished),
        (style.mark("ok"), len(standing.elsewhere), "done by someone else", standing.elsewhere),
        (
            style.mark("bad"),
            len(standing.broken),
            "recorded as done, not true any more",
            [b for b, _ in standing.broken],
        ),
        (style.mark("later"), len(standing.left), "left", standing.left[:1]),
    ]
    lines = [f"  {mark} {number:3} {words}{_names(items)}" for mark, number, words, items in rows if number]
    return "\n".join([head, *lines])


def _names(items: object) -> str:
    found: list[Planned] = list(items) if isinstance(items, (list, tuple)) else []
    if not found:
        return ""
    shown = ", ".join(f"{i.id} {i.title}" for i in found[:3])
    return f": {shown}" + (f" and {len(found) - 3} more" if len(found) > 3 else "")
