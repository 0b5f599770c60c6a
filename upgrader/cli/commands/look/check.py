"""``upgrade check``."""

from __future__ import annotations

from typing import Any

import click

from upgrader.cli.commands.look.plan import wish_of, wish_options
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.output.screen import show, style_of
from upgrader.cli.runs.making import make
from upgrader.cli.wiring import connect
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit
from upgrader.model.finding import Severity
from upgrader.planning.plan import Plan
from upgrader.report.plan_text import findings_text
from upgrader.report.style import Style


@click.command("check", cls=Spoken)
@wish_options
@click.option("--fail-on", type=click.Choice(["advisory"]), help="Advisories block too.")
@global_options
def check(fail_on: str | None, **given: Any) -> int:
    """Ask whether an upgrade may start. Changes nothing.

    \b
    upgrade check --to 1.29
    upgrade check -o short
    """
    options = said()
    plan = make(connect(options), options, wish_of(given)).plan
    style = style_of(options)
    show(
        options,
        {
            "text": lambda: findings_text(plan.findings, plan.checks, style),
            "wide": lambda: _wide(plan, style),
            "short": lambda: _short(plan, style),
            "json": lambda: pretty(
                {"schema": "upgrader.check/v1", "checks": plan.checks, "findings": plan.findings}
            ).rstrip(),
        },
    )
    advisory = fail_on and any(f.severity is Severity.ADVISORY for f in plan.findings)
    return Exit.BLOCKED if plan.blocked or advisory else Exit.OK


def _wide(plan: Plan, style: Style) -> str:
    """The findings with every fact behind them."""
    blocks = [findings_text(plan.findings, plan.checks, style)]
    for one in plan.findings:
        lines = [f"{one.code} {one.subject}", *(f"  {fact}" for fact in one.what)]
        blocks.append("\n".join([*lines, *([f"  why: {one.why}"] if one.why else [])]))
    return "\n\n".join(blocks)


def _short(plan: Plan, style: Style) -> str:
    """What is not ok, for a chat."""
    now, target = (plan.path[0], plan.path[-1]) if plan.path else ("none", "none")
    lines = [f"{plan.cluster.context}  istio {now}  target {target}  {plan.tool}"]
    for one in sorted(plan.findings, key=lambda f: not f.blocks):
        word = "BLOCKED" if one.blocks else "allowed" if one.allowed else "advisory"
        lines.append(f"{style.mark('bad') if one.blocks else '!'} {word:9}  {one.code}  {one.summary}")
    return "\n".join([*lines, findings_text([], plan.checks, style) if not plan.findings else _tally(plan)])


def _tally(plan: Plan) -> str:
    blocked = sum(f.blocks for f in plan.findings)
    advisories = sum(f.severity is Severity.ADVISORY for f in plan.findings)
    return f"{plan.checks} checks: {advisories} advisories, {blocked} BLOCKED"
