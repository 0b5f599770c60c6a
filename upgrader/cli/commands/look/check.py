"""``upgrade check``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import msgspec

from upgrader.cli.commands.look.plan import from_option, made_of, wish_of, wish_options
from upgrader.cli.input.options import Globals, Spoken, global_options, said
from upgrader.cli.output.screen import show, style_of, tell, typed
from upgrader.cli.runs.making import Made
from upgrader.cluster.clean import clean_line
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit
from upgrader.model.finding import Severity
from upgrader.planning.expect import expectations
from upgrader.planning.permissions import Ground, phases
from upgrader.planning.plan import Plan
from upgrader.report.fitting import Typed, hung
from upgrader.report.images import image_rows, images_text
from upgrader.report.plan.findings import findings_text, label, summary, tally
from upgrader.report.rbac import rbac_document, rbac_text
from upgrader.report.style import Style


@click.command("check", cls=Spoken)
@wish_options
@click.option("--fail-on", type=click.Choice(["advisory"]), help="Advisories block too.")
@click.option(
    "--rbac", is_flag=True, help="Print the smallest roles for each phase, as YAML for kubectl apply."
)
@from_option
@global_options
def check(fail_on: str | None, rbac: bool, stored: Path | None, **given: Any) -> int:
    """Ask whether an upgrade may start. Changes nothing.

    \b
    upgrade check --to 1.29
    upgrade check --to 1.29 --rbac -o yaml=roles.yaml
    upgrade check -o short -o snapshot=mesh.json
    upgrade check -o images      # which image every part runs, odd ones named
    upgrade check --from mesh.json --to 1.29
    """
    options = said()
    made = made_of(options, wish_of(given), stored, steps=rbac)
    plan = made.plan
    if rbac:
        return _roles(options, made)
    style, words = style_of(options), typed(options)
    show(
        options,
        {
            "text": lambda: findings_text(plan.findings, plan.checks, style, typed=words),
            "wide": lambda: _wide(plan, style, words),
            "short": lambda: _short(plan, style),
            "json": lambda: pretty(_document(plan)).rstrip(),
            "images": lambda: images_text(image_rows(made.mesh, plan.playbook.mirrors), style),
            "snapshot": lambda: pretty(made.mesh),
        },
    )
    advisory = fail_on and any(f.severity is Severity.ADVISORY for f in plan.findings)
    return Exit.BLOCKED if plan.blocked or advisory else Exit.OK


def _roles(options: Globals, made: Made) -> int:
    """Our namespace is printed with them, so that nobody needs to make namespaces."""
    plan, ground = made.plan, msgspec.structs.replace(Ground.of(made.mesh), homeless=False)
    found = phases(plan, ground, expectations(made.mesh))
    show(
        options,
        {
            "text": lambda: rbac_text(plan, found),
            "yaml": lambda: rbac_text(plan, found),
            "json": lambda: pretty(rbac_document(plan, found)).rstrip(),
        },
    )
    if plan.blocked:
        tell(options, "The plan is blocked; these are the roles of what is planned so far.")
    return Exit.BLOCKED if plan.blocked else Exit.OK


def _document(plan: Plan) -> dict[str, object]:
    return {
        "schema": "upgrader.check/v1",
        "context": plan.cluster.context,
        "path": plan.path,
        "blocked": plan.blocked,
        "checks": plan.checks,
        "findings": plan.findings,
    }


def _wide(plan: Plan, style: Style, words: Typed) -> str:
    """The findings with every fact behind them."""
    blocks = [findings_text(plan.findings, plan.checks, style, typed=words, wide=True)]
    for one in plan.findings:
        facts = [line for fact in one.what for line in hung("  ", clean_line(fact), style.width)]
        why = hung("  why: ", one.why, style.width) if one.why else []
        blocks.append("\n".join([*hung(f"{one.code} ", one.subject, style.width), *facts, *why]))
    return "\n\n".join(blocks)


def _short(plan: Plan, style: Style) -> str:
    """What is not ok, for a chat."""
    now, target = (plan.path[0], plan.path[-1]) if plan.path else ("none", "none")
    style = replace(style, color=False)
    lines = hung("", f"{plan.cluster.context}  istio {now}  target {target}  {plan.tool}", style.width)
    for one in sorted(plan.findings, key=lambda f: (not f.blocks, bool(f.allowed))):
        lines += hung(f"{label(one, style)}  {one.code}  ", summary(one), style.width)
    return "\n".join([*lines, f"{plan.checks} checks: {', '.join(tally(plan.findings, plan.checks))}"])
