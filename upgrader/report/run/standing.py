"""How the cluster stands to the record of a run, as ``resume`` tells it."""

from __future__ import annotations

from collections.abc import Sequence

from upgrader.cluster.clean import clean_line
from upgrader.planning.plan import Planned
from upgrader.planning.record import Progress, Standing
from upgrader.report.fitting import fitted, hung, some
from upgrader.report.style import Style


def standing_text(standing: Standing, progress: Progress, run: str, style: Style) -> str:
    """Done, finished, by others and left: together they are the plan."""
    record = progress.record
    since = f"{record.last:%H:%M:%S} UTC" if record.last else "its beginning"
    head = (
        f"Run {run} on {progress.plan.cluster.context}, last word {since}, "
        f"{progress.done()} of {progress.total()} steps done."
    )
    broken = [b for b, _ in standing.broken]
    rows = [
        ("ok", len(standing.still), "recorded as done in this hop, still true", ()),
        ("ok", len(standing.finished), "in flight, finished since", standing.finished),
        ("ok", len(standing.elsewhere), "done by someone else", standing.elsewhere),
        ("bad", len(broken), "recorded as done, not true any more", broken),
        ("later", len(standing.left), "left", standing.left[:1]),
    ]
    lines = fitted(head, style.width)
    for mark, number, words, items in rows:
        if number:
            text = words + (f": {_names(items, style)}" if items else "")
            lines += hung(f"  {style.mark(mark)} {number:3} ", text, style.width)
    return "\n".join(lines)


def _names(items: Sequence[Planned], style: Style) -> str:
    return some([f"{item.id} {clean_line(item.title)}" for item in items], 2 * style.width)
