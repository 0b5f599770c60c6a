"""Who says yes: flags, a person at the terminal, or another terminal."""

from __future__ import annotations

import select
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import click

from upgrader.cli.input.configuration import titled
from upgrader.cli.input.options import Globals
from upgrader.cli.input.signals import answerable
from upgrader.cli.output.screen import interactive, tell
from upgrader.engine.driving.wait import Patience
from upgrader.engine.keeping.approvals import find_approval
from upgrader.host.identity import person
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Approved
from upgrader.planning.plan import Gate, Planned


def ask_to_start(said: Globals, context: str, facts: str, what: str) -> None:
    """Return when somebody typed ``yes`` in full.

    Args:
        said: The call.
        context: Whose cluster it is; told with its banner.
        facts: What happens, how long it takes, and whether it can be taken back.
        what: The question.

    Raises:
        UpgradeError: UPG-0007: nobody can answer; UPG-0013: the answer was anything else.
    """
    if not interactive(said):
        raise UpgradeError(
            "UPG-0007",
            "a yes is needed and no one can answer",
            what=("stdin is not a terminal (or --no-input, CI, or a machine format), and --yes is not set",),
            why="what was not seen by anyone is only carried out after someone said not to ask",
            do=(
                "upgrade plan --out plan.json && upgrade apply plan.json",
                "or, unseen: the same command with --yes",
            ),
            exit_code=Exit.USAGE,
        )
    click.echo(f"{facts}\n\nContext    {titled(said, context)}", err=True)
    if _answer(f"{what}\nOnly yes will do: ") != "yes":
        raise UpgradeError("UPG-0013", "not started: the answer was not yes", exit_code=Exit.DECLINED)


def _answer(question: str) -> str:
    """The line that is typed at the terminal; empty when there is none.

    Not by way of ``input``: a Ctrl-C that arrives just before it reads is only noticed at the next key.

    Raises:
        click.Abort: Ctrl-C.
    """
    try:
        with answerable():
            click.echo(question, err=True, nl=False)
            while not _is_typed(within=0.2):
                pass
            return sys.stdin.readline().strip()
    except KeyboardInterrupt:
        click.echo(err=True)
        raise click.Abort from None


def _is_typed(within: float) -> bool:
    """Whether a line is there to be read, or comes in so many seconds."""
    return bool(select.select([sys.stdin], [], [], within)[0])


def parse_approvals(given: tuple[str, ...]) -> dict[str, str]:
    """``h1.18=1-27-9`` or ``h1.07`` to step and typed name.

    Raises:
        click.UsageError: no step.
    """
    found: dict[str, str] = {}
    for one in given:
        step, _, name = one.partition("=")
        if not step:
            raise click.UsageError(f"--approve {one}: which gate?")
        found[step] = name
    return found


class Consent:
    """Answers manual gates.

    Args:
        given: Gates that were approved on the command line, with the typed name.
        context: Whose cluster it is.
        folder: Run directory; another terminal leaves its approval there.
        wait: How long to wait for a person; the lock is kept meanwhile.
    """

    def __init__(
        self, said: Globals, given: Mapping[str, str], context: str, folder: Path, wait: timedelta
    ) -> None:
        self._said = said
        self._context = context
        self._given = given
        self._folder = folder
        self._wait = wait

    def answer(self, item: Planned, gate: Gate, patience: Patience) -> Approved | None:
        """The consent, or None when nobody gave it in time."""
        if item.id in self._given:
            return self._typed(self._given[item.id], item, gate, patience)
        found = find_approval(self._folder, item, gate)
        if found is not None or not self._wait:
            return found
        asked = interactive(self._said)
        if asked:
            where = f"Context    {titled(self._said, self._context)}"
            question = f"Type {gate.approval} to go on, anything else waits here: "
            click.echo(f"\n{where}\n{gate.message}\n{question}", err=True, nl=False)
        return self._waited(item, gate, patience, asked=asked)

    def _waited(self, item: Planned, gate: Gate, patience: Patience, *, asked: bool) -> Approved | None:
        """Whichever comes first: a line at this terminal, an approval from another, or the end of the wait."""
        end = patience.clock.boottime() + self._wait.total_seconds()
        while patience.clock.boottime() < end:
            if asked and _is_typed(within=0):
                return self._typed(sys.stdin.readline().strip(), item, gate, patience)
            if found := find_approval(self._folder, item, gate):
                return found
            patience.pause(0.5)
        return None

    def _typed(self, typed: str, item: Planned, gate: Gate, patience: Patience) -> Approved | None:
        if gate.approval not in {"yes", typed}:
            tell(self._said, f"{item.id} needs {gate.approval} typed; nothing was approved")
            return None
        return Approved(at=patience.clock.now(), step=item.id, by=person(), confirm=typed)
