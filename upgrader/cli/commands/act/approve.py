"""``upgrade approve``."""

from __future__ import annotations

import click

from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.runs.finding import local_run, open_run
from upgrader.cli.wiring import connect
from upgrader.engine.approvals import leave_approval
from upgrader.host.clock import SystemClock
from upgrader.host.identity import person
from upgrader.model.errors import Exit
from upgrader.planning.record import Progress


@click.command("approve", cls=Spoken)
@click.argument("run")
@click.argument("gate")
@click.option("--confirm", default="", metavar="NAME", help="The name that the gate asks for.")
@global_options
def approve(run: str, gate: str, confirm: str) -> int:
    """Pass a manual gate, from any terminal; a process that waits there goes on.

    \b
    upgrade approve r-20260914-k3f9 h1.18 --confirm 1-27-9
    """
    options = said()
    runs = runs_folder(options)
    folder = local_run(runs, run) or open_run(connect(options), runs, run)
    progress = Progress(folder.plan(), folder.record())
    at = SystemClock().now()
    item = leave_approval(folder.path, progress, gate, by=person(), confirm=confirm, at=at)
    click.echo(f"Approved {item.id}: {item.title}")
    click.echo(
        f"A waiting process goes on by itself; otherwise: upgrade resume {folder.run}{options.flags()}"
    )
    return Exit.OK
