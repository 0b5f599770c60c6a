"""``apply --dry-run``: the same steps, told in the conditional."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from upgrader.cli.output.screen import show, style_of
from upgrader.cli.runs.acting import Acting
from upgrader.cli.runs.applying import check_cluster, check_fit
from upgrader.cli.wiring import survey
from upgrader.cluster.clean import clean_line
from upgrader.engine.looking.preview import Answer, Depth, Rehearsed, rehearse
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit
from upgrader.planning.plan import Plan
from upgrader.report.fitting import fitted, hung, some
from upgrader.report.style import Style

_WORDS = {
    "accepted": "accepted",
    "already": "already",
    "shown": "would",
    "later": "later",
    "cannot": "untold",
    "refused": "REFUSED",
}
_FEW = 6
"""Changes of a step that are named."""


def rehearsal(ready: Acting, plan: Plan, depth: Depth, folder: Path) -> int:
    """Walk the plan without storing anything; exit 3 when something was refused."""
    check_cluster(ready.connection, plan)
    check_fit(plan, survey(ready.connection))
    mounts = {"manifests": folder} if plan.manifests else {}
    rows = list(rehearse(plan, ready.connection.rehearsing(mounts), depth))
    show(
        ready.said,
        {
            "text": lambda: _text(rows, plan, depth, style_of(ready.said)),
            "json": lambda: pretty(
                {"schema": "upgrader.rehearsal/v1", "plan": plan.id, "steps": [_plain(r) for r in rows]}
            ).rstrip(),
        },
    )
    return Exit.BLOCKED if plan.blocked or any(r.answer == "refused" for r in rows) else Exit.OK


def _text(rows: list[Rehearsed], plan: Plan, depth: Depth, style: Style) -> str:
    head = f"Rehearsal of {plan.id} on {plan.cluster.context}, by {depth}: nothing is stored"
    lines = [*fitted(head, style.width), ""]
    hop = 0
    for row in rows:
        if row.hop.number != hop:
            hop = row.hop.number
            apart = hop > 1 and depth == "server"
            why = "   shown only: its control plane does not exist yet" if apart else ""
            lines += fitted(f"Hop {hop}   {row.hop.source} -> {row.hop.target}{why}", style.width)
        lines += _row(row, style)
    return "\n".join([*lines, "", *_verdict(rows, style)])


def _verdict(rows: list[Rehearsed], style: Style) -> list[str]:
    refused = [row for row in rows if row.answer == "refused"]
    if refused:
        names = some([f"{row.item.id} {row.item.title}" for row in refused], 2 * style.width)
        return fitted(f"Rehearsal: {len(refused)} REFUSED: {names}", style.width)
    first = [row for row in rows if row.hop is rows[0].hop] if rows else []
    answers = Counter(row.answer for row in first)
    words: dict[Answer, str] = {
        "accepted": "accepted",
        "already": "already so",
        "shown": "shown or waited for",
        "later": "to be asked after an earlier step",
        "cannot": "that a webhook does not let rehearse",
    }
    told = ", ".join(f"{answers[answer]} {word}" for answer, word in words.items() if answers[answer])
    return fitted(
        f"Rehearsal: {len(first)} of {len(first)} steps of hop 1, none refused: {told}", style.width
    )


def _row(row: Rehearsed, style: Style) -> list[str]:
    item, margin = row.item, " " * 24
    lines = hung(f"  {item.mark}  {item.id:7} {_WORDS[row.answer]:10} ", clean_line(item.title), style.width)
    for one in row.changes[:_FEW]:
        lines += hung(margin, f"would {clean_line(one)}", style.width)
    left = len(row.changes) - _FEW
    lines += [f"{margin}and {left} more"] if left > 0 else []
    detail = clean_line(row.detail)
    return [*lines, *(hung(margin, detail, style.width) if detail else [])]


def _plain(row: Rehearsed) -> dict[str, object]:
    return {
        "step": row.item.id,
        "title": row.item.title,
        "answer": row.answer,
        "changes": list(row.changes),
        "detail": row.detail,
    }
