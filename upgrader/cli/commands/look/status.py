"""``upgrade status``."""

from __future__ import annotations

import click

from upgrader.cli.input.configuration import context_settings
from upgrader.cli.input.options import Globals, Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.output.screen import hints, show, style_of, typed
from upgrader.cli.runs.finding import latest_here, local_run, no_run, open_run
from upgrader.cli.wiring import Connection, connect
from upgrader.engine.keeping.folder import RunFolder
from upgrader.engine.lease import current
from upgrader.engine.looking.recheck import recheck
from upgrader.engine.looking.safety import safe_to_leave
from upgrader.host.identity import is_alive
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import POD
from upgrader.model.step import Reader
from upgrader.planning.record import Progress
from upgrader.report.run.status import Live, Status, status_document, status_text


@click.command("status", cls=Spoken)
@click.argument("run", required=False)
@click.option("--recorded", is_flag=True, help="Say what the record says; do not contact the cluster.")
@click.option("--detailed-exitcode", is_flag=True, help="2 while the run is open.")
@global_options
def status(run: str | None, recorded: bool, detailed_exitcode: bool) -> int:
    """Show a run, compared with the cluster as it is now. Changes nothing.

    \b
    upgrade status
    upgrade status r-20260914-k3f9 -o json
    """
    options = said()
    found = _recorded(options, run) if recorded else _compared(options, run)
    style = style_of(options)
    banner = context_settings(options, found.progress.plan.cluster.context).banner
    show(
        options,
        {
            "text": lambda: status_text(
                found, style, typed(options), next_commands=hints(options), banner=banner
            ),
            "json": lambda: pretty(status_document(found)).rstrip(),
        },
    )
    is_open = found.progress.record.closed is None
    return Exit.CHANGES if detailed_exitcode and is_open else Exit.OK


def _recorded(options: Globals, run: str | None) -> Status:
    folder = local_run(runs_folder(options), run)
    if folder is None:
        raise no_run(run, runs_folder(options), [])
    return Status(folder.run, _progress(folder), None)


def _progress(folder: RunFolder) -> Progress:
    record = folder.record()
    back = folder.back_plan() if record.going_back else None
    return Progress(back or folder.plan(), record)


def _compared(options: Globals, run: str | None) -> Status:
    connection = connect(options)
    runs = runs_folder(options)
    try:
        folder = open_run(connection, runs, run)
    except UpgradeError as none_open:
        latest = None if run else latest_here(connection, runs)
        if latest is None or none_open.code != "UPG-0504":
            raise
        folder = latest
    progress = _progress(folder)
    return Status(folder.run, progress, _live(connection, folder, progress))


def _live(connection: Connection, folder: RunFolder, progress: Progress) -> Live:
    reader = connection.with_files(folder.path)
    holder, run, renewed = current(reader.get)
    held = holder if run == folder.run else ""
    over = progress.record.closed is not None
    return Live(
        at=connection.clock.now(),
        holder=held,
        holder_alive=is_alive(held) if held else False,
        renewed=renewed if held else "",
        standing=None if over else recheck(progress, reader),
        safe=None if over else safe_to_leave(progress, reader),
        proxies=_proxies(reader),
        other=f"{run}, by {holder}" if holder and not held else "",
    )


def _proxies(reader: Reader) -> dict[str, dict[str, int]]:
    """Namespace to revision to number of live proxies."""
    from upgrader.cluster.read import is_live, proxy_container, revision_of

    counts: dict[str, dict[str, int]] = {}
    for pod in reader.list(POD):
        if is_live(pod) and proxy_container(pod) is not None:
            by = counts.setdefault(pod["metadata"]["namespace"], {})
            revision = revision_of(pod) or "unknown"
            by[revision] = by.get(revision, 0) + 1
    return counts
