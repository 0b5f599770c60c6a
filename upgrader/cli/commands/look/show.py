"""``upgrade show``."""

from __future__ import annotations

from pathlib import Path

import click

from upgrader.cli.input.configuration import context_settings
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.output.screen import show as show_formats
from upgrader.cli.output.screen import style_of, tell, typed
from upgrader.cli.runs.finding import local_run, no_run
from upgrader.engine.keeping.folder import read_plan
from upgrader.host.clock import SystemClock
from upgrader.model.errors import Exit
from upgrader.planning.plan import Plan
from upgrader.report.plan.document import plan_document, plan_yaml
from upgrader.report.plan.markdown import plan_markdown
from upgrader.report.plan.text import plan_text


@click.command("show", cls=Spoken)
@click.argument("what", metavar="PLAN|RUN")
@global_options
def show(what: str) -> int:
    """Print a saved plan, or the plan of a run, in any format. Also a stale, blocked or applied one.

    \b
    upgrade show plan.json -o markdown
    upgrade show r-20260914-k3f9
    """
    options = said()
    plan = _plan(what)
    style, words = style_of(options), typed(options)
    banner = context_settings(options, plan.cluster.context).banner
    if SystemClock().now() > plan.valid_until:
        tell(options, f"note: plan {plan.id} could be applied until {plan.valid_until:%Y-%m-%d %H:%M} UTC")
    show_formats(
        options,
        {
            "text": lambda: plan_text(plan, style, banner=banner, typed=words),
            "wide": lambda: plan_text(plan, style, wide=True, banner=banner, typed=words),
            "json": lambda: plan_document(plan),
            "yaml": lambda: plan_yaml(plan),
            "markdown": lambda: plan_markdown(plan, made_file=what, banner=banner),
        },
    )
    return Exit.OK


def _plan(what: str) -> Plan:
    path = Path(what)
    if path.is_file() or path.suffix:
        return read_plan(path)
    runs = runs_folder(said())
    folder = local_run(runs, what)
    if folder is None:
        raise no_run(what, runs, [])
    return folder.plan()
