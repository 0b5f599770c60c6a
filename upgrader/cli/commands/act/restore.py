"""``upgrade restore``."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches

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
from upgrader.model.kinds import Ref
from upgrader.model.step import Reader, counted, missing
from upgrader.report.plan.document import as_text
from upgrader.steps import Restore
from upgrader.steps.back_up import load_index


@click.command("restore", cls=Spoken)
@click.argument("run")
@click.option("--hop", type=int, default=1, show_default=True, help="Whose backup.")
@click.option("--only", metavar="OBJECT", multiple=True, help="KIND/NAME or KIND/NAMESPACE/NAME; repeatable.")
@click.option("--dry-run", is_flag=True, help="Show what differs; change nothing.")
@click.option("-y", "--yes", is_flag=True, help="Start without asking.")
@global_options
def restore(run: str, hop: int, only: tuple[str, ...], dry_run: bool, yes: bool) -> int:
    """Put back exactly what differs from the backup of a run: custom resources, webhooks, tags, ConfigMaps.

    \b
    upgrade restore r-20260914-k3f9 --dry-run
    upgrade restore r-20260914-k3f9 --only VirtualService/shop/cart
    """
    options = said()
    with acting(options) as ready:
        folder = open_run(ready.connection, runs_folder(options), run)
        hops = len(folder.plan().hops)
        if not 1 <= hop <= hops:
            raise click.UsageError(f"--hop {hop}: run {folder.run} has hops 1 to {hops}")
        cluster = ready.connection.with_files(folder.path)
        step = Restore(folder=f"backup/h{hop}", refs=_chosen(cluster, f"backup/h{hop}", only))
        changes = missing(step, cluster)
        words = [clean_line(reason(change)) for change in changes]
        differ = f"{counted(len(changes), 'object differs', 'objects differ')} from the backup of hop {hop}"
        if not changes or dry_run:
            return _told(options, differ, words)
        if not yes:
            listed = "\n".join([f"{differ}:", *(f"  {one}" for one in words)])
            question = f"Put back {counted(len(changes), 'object')}?"
            ask_to_start(options, ready.connection.id.context, listed, question)
        done = put_back(step, folder, ready.connection.acting(folder.path), ready.connection.clock, who())
        return _told(options, f"Put back {counted(done, 'object')}; the record is in {folder.path}", words)


def _chosen(cluster: Reader, backup: str, only: Sequence[str]) -> tuple[Ref, ...]:
    """The objects of the backup that *only* names, as people and lists of changes write them; () for all."""
    index = load_index(cluster, backup) if only else None
    if index is None:  # no backup at all is what the step tells of
        return ()
    known = {entry.ref.spelled.lower(): entry.ref for entry in index.objects}
    chosen: list[Ref] = []
    for name in only:
        spelled = name.strip().replace(" ", "/", 1).lower()
        if spelled not in known:
            near = get_close_matches(spelled, known, 1)
            meant = f"; did you mean {known[near[0]].spelled}?" if near else ""
            raise click.UsageError(f"--only {name}: {backup} has no such object{meant}")
        chosen.append(known[spelled])
    return tuple(chosen)


def _told(options: Globals, text: str, changes: Sequence[str]) -> int:
    document = {"schema": "upgrader.restore/v1", "message": text, "changes": list(changes)}
    lines = [text, *(f"  {one}" for one in changes)]
    show(options, {"text": lambda: "\n".join(lines), "json": lambda: as_text(document, "json")})
    return Exit.OK
