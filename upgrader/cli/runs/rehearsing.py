"""``apply --dry-run``: the same steps, told in the conditional."""

from __future__ import annotations

from pathlib import Path

from upgrader.cli.output.screen import show
from upgrader.cli.runs.acting import Acting
from upgrader.cli.runs.applying import check_cluster, check_fit
from upgrader.cli.wiring import survey
from upgrader.engine.preview import Depth, Rehearsed, rehearse
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit
from upgrader.planning.plan import Plan

_WORDS = {
    "accepted": "accepted",
    "already": "already so",
    "shown": "would",
    "later": "after an earlier step",
    "cannot": "cannot be rehearsed",
    "refused": "REFUSED",
}


def rehearsal(ready: Acting, plan: Plan, depth: Depth) -> int:
    """Walk the plan without storing anything; exit 3 when something was refused."""
    check_cluster(ready.connection, plan)
    check_fit(plan, survey(ready.connection))
    mounts = {"manifests": Path(plan.manifests)} if plan.manifests else {}
    rows = list(rehearse(plan, ready.connection.rehearsing(mounts), depth))
    show(
        ready.said,
        {
            "text": lambda: _text(rows, plan, depth),
            "json": lambda: pretty([_plain(r) for r in rows]).rstrip(),
        },
    )
    return Exit.BLOCKED if plan.blocked or any(r.answer == "refused" for r in rows) else Exit.OK


def _text(rows: list[Rehearsed], plan: Plan, depth: Depth) -> str:
    lines = [f"Rehearsal of {plan.id} on {plan.cluster.context}, by {depth}: nothing is stored", ""]
    hop = 0
    for row in rows:
        if row.hop.number != hop:
            hop = row.hop.number
            client = (
                " (by client only: its control plane does not exist yet)"
                if hop > 1 and depth == "server"
                else ""
            )
            lines.append(f"Hop {hop}   {row.hop.source} -> {row.hop.target}{client}")
        lines += _row(row)
    refused = sum(1 for r in rows if r.answer == "refused")
    first = [r for r in rows if r.hop is rows[0].hop] if rows else []
    good = sum(1 for r in first if r.answer in {"accepted", "already", "shown", "later"})
    verdict = (
        f"{refused} refused"
        if refused
        else f"{good} of {len(first)} steps of hop 1 accepted or not yet to be asked"
    )
    return "\n".join([*lines, "", f"Rehearsal: {verdict}"])


def _row(row: Rehearsed) -> list[str]:
    item = row.item
    lines = [f"  {item.mark}  {item.id:7} {_WORDS[row.answer]:22} {item.title}"]
    lines += [f"{'':13} would {one}" for one in row.changes[:6]]
    lines += [f"{'':13} … and {len(row.changes) - 6} more"] if len(row.changes) > 6 else []
    return [*lines, *([f"{'':13} {row.detail}"] if row.detail else [])]


def _plain(row: Rehearsed) -> dict[str, object]:
    return {
        "step": row.item.id,
        "title": row.item.title,
        "answer": row.answer,
        "changes": list(row.changes),
        "detail": row.detail,
    }
