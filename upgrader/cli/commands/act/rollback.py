"""``upgrade rollback``."""

from __future__ import annotations

from datetime import timedelta

import click

from upgrader.cli.commands.act.apply import manner_of, manner_options
from upgrader.cli.input.consent import ask_to_start
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.output.screen import style_of
from upgrader.cli.runs.acting import acting
from upgrader.cli.runs.finding import open_run
from upgrader.cli.runs.permitting import check_way_back
from upgrader.engine.no_return import undoing
from upgrader.engine.session import Session
from upgrader.model.errors import Exit
from upgrader.planning.record import Progress
from upgrader.report.run.back import rollback_text


@click.command("rollback", cls=Spoken)
@click.argument("run", required=False)
@click.option("-y", "--yes", is_flag=True, help="Start without asking.")
@click.option("--dry-run", is_flag=True, help="Show what would be taken back; change nothing.")
@manner_options
@global_options
def rollback(  # noqa: PLR0917  click hands over what the user said
    run: str | None,
    yes: bool,
    dry_run: bool,
    approve: tuple[str, ...],
    gate_wait: timedelta | None,
    until: str | None,
    events: str | None,
) -> int:
    """Take a run back to where its hop began, as long as the old revision is still installed.

    \b
    upgrade rollback r-20260914-k3f9 --dry-run
    upgrade rollback r-20260914-k3f9
    """
    options = said()
    manner = manner_of(approve, gate_wait, until, events, "rollback", run or "")
    with acting(options) as ready:
        folder = open_run(ready.connection, runs_folder(options), run)
        progress = Progress(folder.plan(), folder.record())
        back = undoing(progress, folder)
        text = rollback_text(back, progress, folder.run, style_of(options, error=not dry_run))
        if dry_run:
            click.echo(text)
            return Exit.OK
        check_way_back(ready.connection, folder, manner.until)
        if not yes and not progress.record.going_back:
            ask_to_start(options, back.cluster.context, text, f"Take run {folder.run} back?")

        def turn(held: Session) -> None:
            held.turn_back()

        return ready.drive(folder, manner, turn)
