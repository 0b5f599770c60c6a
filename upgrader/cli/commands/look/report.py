"""``upgrade report``."""

from __future__ import annotations

import click

from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.output.screen import show
from upgrader.cli.runs.finding import local_run, open_run
from upgrader.cli.wiring import connect
from upgrader.engine.keeping.journal import read_events
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit
from upgrader.report.run.report import run_document, run_markdown


@click.command("report", cls=Spoken)
@click.argument("run", required=False)
@global_options
def report(run: str | None) -> int:
    """Write the report of a run, from its journal.

    \b
    upgrade report -o markdown=review.md
    upgrade report r-20260914-k3f9 -o json
    """
    options = said()
    runs = runs_folder(options)
    folder = local_run(runs, run) or open_run(connect(options), runs, run)
    plan, events = folder.plan(), read_events(folder.path)
    back = folder.back_plan()
    show(
        options,
        {
            "text": lambda: run_markdown(plan, back, events, folder.run),
            "markdown": lambda: run_markdown(plan, back, events, folder.run),
            "json": lambda: pretty(run_document(plan, back, events, folder.run)).rstrip(),
        },
    )
    return Exit.OK
