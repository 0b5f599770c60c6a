"""``upgrade approve``."""

from __future__ import annotations

import click

from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.output.screen import show, typed
from upgrader.cli.runs.finding import local_run, open_run
from upgrader.cli.wiring import connect
from upgrader.engine.keeping.approvals import leave_approval
from upgrader.host.clock import SystemClock
from upgrader.host.identity import person
from upgrader.model.errors import Exit, UpgradeError
from upgrader.planning.record import Progress
from upgrader.report.plan.document import as_text


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
    try:
        item = leave_approval(folder.path, progress, gate, by=person(), confirm=confirm, at=at)
    except UpgradeError as refusal:
        refusal.do = tuple(one.replace("RUN", folder.run) for one in refusal.do)
        raise
    resume = typed(options).command(f"upgrade resume {folder.run}")
    text = f"Approved {item.id}: {item.title}\nA waiting process goes on by itself; otherwise: {resume}"
    document = {"schema": "upgrader.approval/v1", "run": folder.run, "gate": item.id, "next": [resume]}
    show(options, {"text": lambda: text, "json": lambda: as_text(document, "json")})
    return Exit.OK
