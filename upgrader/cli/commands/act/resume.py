"""``upgrade resume``."""

from __future__ import annotations

from datetime import timedelta

import click

from upgrader.cli.commands.act.apply import manner_of, manner_options
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.output.screen import style_of, tell
from upgrader.cli.runs.acting import acting
from upgrader.cli.runs.finding import open_run
from upgrader.cli.runs.permitting import check_left
from upgrader.engine.looking.recheck import recheck
from upgrader.engine.session import Session
from upgrader.report.run.standing import standing_text


@click.command("resume", cls=Spoken)
@click.argument("run", required=False)
@manner_options
@global_options
def resume(
    run: str | None,
    approve: tuple[str, ...],
    gate_wait: timedelta | None,
    until: str | None,
    events: str | None,
) -> int:
    """Go on with an interrupted, parked or failed run, from any machine.

    \b
    upgrade resume
    upgrade resume r-20260914-k3f9 --approve h1.18=1-27-9
    """
    options = said()
    manner = manner_of(approve, gate_wait, until, events, "resume", run or "")
    with acting(options) as ready:
        folder = open_run(ready.connection, runs_folder(options), run)
        folder.check_manifests(folder.plan())
        check_left(ready.connection, folder, manner.until)

        def look(held: Session) -> None:
            reader = ready.connection.with_files(folder.path)
            standing = recheck(held.progress(), reader)
            tell(options, standing_text(standing, held.progress(), folder.run, style_of(options, error=True)))
            held.refuse_drift(standing)

        return ready.drive(folder, manner, look)
