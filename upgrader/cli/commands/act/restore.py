"""``upgrade restore``."""

from __future__ import annotations

import click

from upgrader.cli.input.consent import ask_to_start
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.runs.acting import acting
from upgrader.cli.runs.finding import open_run
from upgrader.engine.restoring import put_back
from upgrader.host.identity import who
from upgrader.model.change import reason
from upgrader.model.errors import Exit
from upgrader.model.step import missing
from upgrader.steps import Restore


@click.command("restore", cls=Spoken)
@click.argument("run")
@click.option("--hop", type=int, default=1, show_default=True, help="Whose backup.")
@click.option("--dry-run", is_flag=True, help="Show what differs; change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Start without asking.")
@global_options
def restore(run: str, hop: int, dry_run: bool, yes: bool) -> int:
    """Put back exactly what differs from the backup of a run: custom resources, webhooks, tags, ConfigMaps.

    \b
    upgrade restore r-20260914-k3f9 --dry-run
    """
    options = said()
    with acting(options) as ready:
        folder = open_run(ready.connection, runs_folder(options), run)
        step = Restore(folder=f"backup/h{hop}")
        changes = missing(step, ready.connection.with_files(folder.path))
        words = "\n".join(f"  {reason(change)}" for change in changes)
        if not changes or dry_run:
            click.echo(
                f"{len(changes)} objects differ from the backup of hop {hop}"
                + (f"\n{words}" if words else "")
            )
            return Exit.OK
        if not yes:
            ask_to_start(options, words, f"Put back {len(changes)} objects on {ready.connection.id.context}?")
        done = put_back(step, folder, ready.connection.acting(folder.path), ready.connection.clock, who())
        click.echo(f"Put back {done} objects; the record is in {folder.path}")
    return Exit.OK
