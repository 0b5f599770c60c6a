"""``upgrade restore``."""

from __future__ import annotations

from collections.abc import Sequence

import click

from upgrader.cli.input.consent import ask_to_start
from upgrader.cli.input.options import Globals, Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.output.screen import show
from upgrader.cli.runs.acting import acting
from upgrader.cli.runs.finding import open_run
from upgrader.cluster.clean import clean_line
from upgrader.engine.restoring import put_back
from upgrader.host.identity import who
from upgrader.model.change import reason
from upgrader.model.errors import Exit
from upgrader.model.step import counted, missing
from upgrader.report.plan.document import as_text
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
        hops = len(folder.plan().hops)
        if not 1 <= hop <= hops:
            raise click.UsageError(f"--hop {hop}: run {folder.run} has hops 1 to {hops}")
        step = Restore(folder=f"backup/h{hop}")
        changes = missing(step, ready.connection.with_files(folder.path))
        words = [clean_line(reason(change)) for change in changes]
        differ = f"{counted(len(changes), 'object differs', 'objects differ')} from the backup of hop {hop}"
        if not changes or dry_run:
            return _told(options, differ, words)
        if not yes:
            listed = "\n".join([f"{differ}:", *(f"  {one}" for one in words)])
            question = f"Put back {counted(len(changes), 'object')}?"
            ask_to_start(options, ready.connection.id.context, listed, question)
        done = put_back(step, folder, ready.connection.acting(folder.path), ready.connection.clock, who())
        return _told(options, f"Put back {done} objects; the record is in {folder.path}", words)


def _told(options: Globals, text: str, changes: Sequence[str]) -> int:
    document = {"schema": "upgrader.restore/v1", "message": text, "changes": list(changes)}
    lines = [text, *(f"  {one}" for one in changes)]
    show(options, {"text": lambda: "\n".join(lines), "json": lambda: as_text(document, "json")})
    return Exit.OK
