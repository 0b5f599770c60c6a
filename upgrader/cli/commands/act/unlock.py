"""``upgrade unlock``."""

from __future__ import annotations

from collections.abc import Callable

import click

from upgrader.cli.input.options import Globals, Spoken, global_options, said
from upgrader.cli.output.screen import show, typed
from upgrader.cli.wiring import connect
from upgrader.engine.lease import DURATION, current, freeing
from upgrader.host.clock import Clock
from upgrader.host.identity import is_alive
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import Obj, Ref
from upgrader.report.plan.document import as_text


@click.command("unlock", cls=Spoken)
@click.argument("run")
@click.option(
    "--confirm", default="", metavar="HOLDER", help="Take the lock from this holder although it may be alive."
)
@click.option("--dry-run", is_flag=True, help="Say who holds it; change nothing.")
@global_options
def unlock(run: str, confirm: str, dry_run: bool) -> int:
    """Remove a lock whose holder is gone. Rarely needed: an unrenewed lock lapses by itself in 30 s.

    \b
    upgrade unlock r-20260914-k3f9
    """
    options = said()
    connection = connect(options)
    reader = connection.reader
    holder, held_for, renewed = current(reader.get)
    if not holder:
        return _told(options, "free", "The lock is free.")
    if held_for != run:
        raise _refused(f"the lock is held for run {held_for or 'unknown'}, not for {run}", holder, held_for)
    if dry_run:
        return _told(options, "held", f"Held by {holder}, renewed {renewed}")
    if confirm != holder and not _gone(connection.clock, reader.get, holder, renewed):
        raise _refused(f"{holder} is alive, or was seconds ago", holder, run)
    change = freeing(reader.get)
    if change is not None:
        connection.cluster.perform(change)
    resume = typed(options).command(f"upgrade resume {run}")
    return _told(options, "removed", f"The lock of {holder} was removed. Go on with: {resume}")


def _told(options: Globals, lock: str, text: str) -> int:
    document = {"schema": "upgrader.lock/v1", "lock": lock, "message": text}
    show(options, {"text": lambda: text, "json": lambda: as_text(document, "json")})
    return Exit.OK


def _gone(clock: Clock, get: Callable[[Ref], Obj | None], holder: str, renewed: str) -> bool:
    """Whether the holder is surely gone: its process ended here, or the lock stays unrenewed for its whole length."""
    alive = is_alive(holder)
    if alive is not None:
        return not alive
    end = clock.boottime() + DURATION
    while clock.boottime() < end:
        clock.sleep(2.0)
        if current(get)[2] != renewed:
            return False
    return True


def _refused(headline: str, holder: str, run: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0501",
        headline,
        why="two runs would undo each other's labels and restarts",
        do=(
            f"upgrade status {run}",
            f"upgrade unlock {run} --confirm {holder}      # only if you know that it is gone",
        ),
        exit_code=Exit.LOCKED,
    )
