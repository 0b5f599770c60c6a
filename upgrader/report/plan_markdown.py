"""A plan as one comment of a change review, in GitHub's flavour."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from upgrader.cluster.clean import clean_line
from upgrader.model.finding import Finding, Severity
from upgrader.planning.estimate import estimate
from upgrader.planning.plan import Gate, Hop, Plan, Planned, plan_digest
from upgrader.report.plan_text import span_text

LIMIT = 60_000
"""Characters; GitHub refuses comments above 65,536."""
_DIFF = {"+": "+", "~": "!", "r": "!", "-": "-"}


def plan_markdown(plan: Plan, *, made_file: str = "", banner: str = "", limit: int = LIMIT) -> str:
    """The comment: verdict, numbers, way back and worst moment outside the folds; never longer than *limit*.

    Too long, the steps of the later hops are left out first, and the comment says so.
    """
    for shown in range(len(plan.hops), -1, -1):
        text = _render(plan, made_file or "plan.json", banner, shown)
        if len(text) <= limit:
            return text
    return text[: limit - 80] + "\n\nCut to fit the host's limit; the attached plan has everything.\n"


def _render(plan: Plan, file: str, banner: str, shown: int) -> str:
    by = {s: [f for f in plan.findings if f.severity is s] for s in Severity}
    blocked = [f for f in by[Severity.BLOCKED] if not f.allowed]
    excused = [f for f in by[Severity.BLOCKED] if f.allowed]
    advisories = by[Severity.ADVISORY]
    manual = [i.id for _, _, i in plan.items() if isinstance(i.action, Gate) and i.action.approval]
    hops = [_hop(hop) for hop in plan.hops]
    facts = {
        "plan": plan, "banner": f" ({banner})" if banner else "", "file": Path(file).name, "blocked": blocked, "excused": excused, "advisories": advisories,
        "ok": max(plan.checks - len({f.code for f in plan.findings}), 0), "counts": _counts(plan),
        "length": span_text(estimate(plan)), "approvals": f" + {len(manual)} approvals" if manual else "",
        "until": f"{plan.valid_until:%Y-%m-%d %H:%M} UTC", "made": f"{plan.made:%Y-%m-%d %H:%M} UTC",
        "digest": plan_digest(plan)[:10], "table": _table(plan), "hops": hops[:shown] if shown else [],
        "retire": " / ".join(f"`{h['retire']}`" for h in hops if h["retire"]) or "the end (nothing is removed)",
        "worst": _worst(plan), "gates": " and ".join(f"`{m}`" for m in manual) or "nothing (there are no manual gates)",
        "sections": _sections(blocked, excused, advisories),
    }  # fmt: skip
    text = _environment().get_template("plan.md.j2").render(facts)
    left_out = (
        ""
        if shown == len(plan.hops)
        else f"\nLeft out for length: steps of {len(plan.hops) - shown} hops; the attached plan has them.\n"
    )
    return re.sub(r"\n{3,}", "\n\n", text).strip() + "\n" + left_out


def _sections(*groups: list[Finding]) -> list[tuple[str, list[Finding], str]]:
    titles = (
        ("Blocked", "What stands in the way"),
        ("Exceptions", "What was allowed, and why"),
        ("Advisories", "What to do"),
    )
    return [(title, rows, column) for (title, column), rows in zip(titles, groups, strict=True)]


def _counts(plan: Plan) -> str:
    found = plan.counts
    return f"{len(plan.hops)} hops | {found.get('namespaces', 0)} namespaces, {found.get('workloads', 0)} workloads, {found.get('proxies', 0)} proxies"


def _table(plan: Plan) -> list[dict[str, Any]]:
    def row(words: str, cell: Any) -> dict[str, Any]:
        return {"words": words, "cells": [cell(list(hop.items()), hop) for hop in plan.hops]}

    return [
        row("New istiod beside the old one", lambda items, _: sum(i.mark == "+" for i in items) and 1),
        row("Namespaces, tags and gateways repointed", lambda items, _: sum(i.mark == "~" for i in items)),
        row(
            "Workloads restarted (pods replaced)",
            lambda items, _: f"{sum(i.mark == 'r' for i in items)} ({sum(i.pods for i in items)})",
        ),
        row("Gates (of these manual)", _gates),
        row(
            "Old istiod removed, **after approval**",
            lambda items, hop: hop.old if any(i.mark == "-" for i in items) else "stays",
        ),
    ]


def _gates(items: list[Planned], _: Hop) -> str:
    gates = [i.action for i in items if isinstance(i.action, Gate)]
    return f"{len(gates)} ({sum(bool(g.approval) for g in gates)})"


def _hop(hop: Hop) -> dict[str, Any]:
    items = list(hop.items())
    return {
        "number": hop.number, "source": hop.source, "target": hop.target, "steps": items,
        "retire": next((i.id for i in items if i.mark == "-"), ""),
        "lines": [f"{_DIFF.get(i.mark, ' ')} {i.id:7} {_fenced(i.title)}" for i in items],
    }  # fmt: skip


def _worst(plan: Plan) -> str:
    """The findings that say so themselves; silence is not taken for harmlessness."""
    gaps = [f for f in plan.findings if f.code in {"UPG-0309", "UPG-0317"}]
    if not gaps:
        return "no workload is known to drop below its configured availability: each rolls by its own update strategy."
    first = "; ".join(escaped(f.summary) for f in gaps[:2])
    return first + (f"; and {len(gaps) - 2} more below." if len(gaps) > 2 else ".")


def escaped(text: str) -> str:
    """Text for a table: no column break, no mention, no markup of somebody else's."""
    escaped = re.sub(r"([\\`*_{}\[\]<>|#])", r"\\\1", clean_line(text))
    return escaped.replace("@", "@\u2060")


def _code(text: str) -> str:
    """Text inside backticks."""
    return clean_line(text).replace("`", "'").replace("|", "\\|")


def _inline(text: str) -> str:
    """A command in the smallest fence that holds it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence}{clean_line(text).replace('|', chr(92) + '|')}{fence}"


def _fenced(text: str) -> str:
    """Text inside a fence of three."""
    return clean_line(text).replace("```", "'''")


def _shell(text: str) -> str:
    import shlex

    return shlex.quote(clean_line(text))


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=False,  # noqa: S701  markdown; everything of the cluster passes one of the filters
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cell": escaped, "code": _code, "inline": _inline, "shell": _shell}
    return environment
