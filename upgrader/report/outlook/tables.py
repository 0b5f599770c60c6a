"""The tables of a plan in a change review."""

from __future__ import annotations

from upgrader.planning.plan import Plan
from upgrader.report.outlook.classes import (
    LABELS,
    MEANING,
    NAMED_WIDE,
    about,
    basis_lines,
    classes,
    notes,
    wave_rows,
)
from upgrader.report.plan.escaping import code, escaped


def restart_table(plan: Plan) -> list[str]:
    """The classes as a table of a review, then what matters beside them."""
    if not plan.outlook.restarts:
        return []
    lines = ["| Class | Workloads | Means | Which |", "|---|--:|---|---|"]
    for impact, there in classes(plan.outlook):
        shown = [f"`{code(about(r))}`" for r in there[:NAMED_WIDE]] if impact != "asleep" else []
        more = f" and {len(there) - len(shown)} more" if shown and len(there) > len(shown) else ""
        lines.append(
            f"| {LABELS.get(impact, impact)} | {len(there)} | {MEANING[impact]} | {', '.join(shown)}{more} |"
        )
    return [*lines, "", *(f"- {escaped(words)}" for words in notes(plan.outlook))]


def time_table(plan: Plan) -> list[str]:
    """How long each wave takes as a table of a review, and what that rests on."""
    rows = wave_rows(plan)
    lines = ["| Hop | Wave | Expected | Of it soaking | Slowest restart |", "|--:|---|---|---|---|"]
    lines += [
        f"| {h} | {escaped(w)} | {t} | {s} | {f'`{code(n)}`' if n else '-'} |" for h, w, t, s, n in rows
    ]
    return [*lines, "", *(f"- {escaped(words)}" for words in basis_lines(plan))] if rows else []
