"""What ``apply``, ``resume`` and ``rollback`` share: hold the run, tell what happens, end with a clear word."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta

import click

from upgrader.cli.input.consent import Consent
from upgrader.cli.input.options import Globals
from upgrader.cli.input.signals import EXITS, StopSignal, listening
from upgrader.cli.output.screen import hints, tell
from upgrader.cli.output.telling import Teller, watched
from upgrader.cli.wiring import TOOL, Connection, connect
from upgrader.engine.folder import RunFolder
from upgrader.engine.gates import Parked
from upgrader.engine.safety import safe_to_leave
from upgrader.engine.session import Session, Setting, opening_of, session
from upgrader.engine.wait import Stopped
from upgrader.host.clock import SystemClock
from upgrader.host.identity import who
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.step import Verdict
from upgrader.report.ending import Ending, commands, ending_text

GATE_WAIT = timedelta(minutes=30)
"""How long a manual gate waits when somebody is watching."""


@dataclass(frozen=True)
class Manner:
    """How a run is driven.

    Attributes:
        approvals: Gate to typed name, from the command line.
        gate_wait: How long a manual gate waits for a person; None for the default of the terminal.
        until: Where to stop on purpose.
        command: The words of the call, for the event stream.
    """

    approvals: dict[str, str] = field(default_factory=dict)
    gate_wait: timedelta | None = None
    until: str = ""
    command: tuple[str, ...] = ()


@dataclass(frozen=True)
class Acting:
    """A cluster reached by a process that listens to signals."""

    said: Globals
    connection: Connection
    stop: StopSignal

    def drive(
        self,
        folder: RunFolder,
        manner: Manner,
        prepare: Callable[[Session], None] = lambda _: None,
        *,
        new: bool = False,
    ) -> int:
        """Carry out what is left of the run in *folder*; returns the exit code, after saying how it ended.

        Args:
            folder: The run.
            manner: How.
            prepare: Called once the run is held and before anything is sent.
            new: The run begins here.
        """
        plan = folder.plan()
        teller = Teller(self.said, plan, folder, self.connection.clock, self.stop.raise_hangup)
        wait = manner.gate_wait if manner.gate_wait is not None else GATE_WAIT if watched() else timedelta(0)
        consent = Consent(self.said, manner.approvals, folder.path, wait)
        setting = Setting(
            cluster=self.connection.acting(folder.path),
            clock=teller,
            approver=consent,
            who=who(),
            tool=TOOL,
            stop=self.stop.wanted,
            observers=(teller,),
            say=lambda text: tell(self.said, text),
        )
        teller.start([*manner.command])
        opening = opening_of(setting, folder.run, plan) if new else None
        end = _End(self.said, self.connection, folder, teller)
        try:
            with session(setting, folder, opening=opening) as held:
                return end.of(held, manner.until, prepare)
        except UpgradeError as error:
            teller.refuse(error)
            raise


@contextmanager
def acting(said: Globals) -> Iterator[Acting]:
    """The cluster, with signals remembered and sleeps that end when one arrives."""
    with listening(SystemClock().boottime) as stop:
        clock = SystemClock(lambda: bool(stop.wanted()))
        yield Acting(said, connect(said, clock), stop)


class _End:
    """Every way in which driving a run can end."""

    def __init__(self, said: Globals, connection: Connection, folder: RunFolder, teller: Teller) -> None:
        self._said = said
        self._connection = connection
        self._folder = folder
        self._teller = teller

    def of(self, held: Session, until: str, prepare: Callable[[Session], None]) -> int:
        try:
            prepare(held)
            result = held.drive(until=until)
        except Parked as parked:
            confirm = "" if parked.gate.approval == "yes" else parked.gate.approval
            return self._say(
                held, "Parked at a safe point", Exit.WAITING, "waiting", gate=parked.item.id, confirm=confirm
            )
        except Stopped as stopped:
            held.stopped(stopped.signal)
            on_purpose = stopped.signal == "until"
            headline = f"Stopped where --until {until} asked" if on_purpose else "Stopped at a safe point"
            code = Exit.OK if on_purpose else EXITS.get(stopped.signal, Exit.INTERRUPTED)
            return self._say(held, headline, code, "interrupted")
        except UpgradeError as error:
            self._failed(held, error)
            raise
        word = "Rolled back" if result == "rolled-back" else "Done"
        return self._say(held, word, Exit.OK, result, over=True)

    def _say(self, held: Session, headline: str, code: int, result: str, **more: object) -> int:
        safe = safe_to_leave(held.progress(), self._connection.reader)
        ending = Ending(headline, self._folder.run, safe, **more)  # type: ignore[arg-type]
        program = "upgrade"
        text = ending_text(
            ending,
            held.progress(),
            program=program,
            flags=self._said.flags(),
            next_commands=hints(self._said),
        )
        if self._said.format not in {"json", "jsonl", "yaml"}:
            self._print(text)
        following = [] if ending.over else [one[11:] for one in commands(ending, program, self._said.flags())]
        self._teller.end(
            exit_code=code, result=result, safe=safe.verdict is Verdict.HOLDS, following=following
        )
        return int(code)

    def _failed(self, held: Session, error: UpgradeError) -> None:
        """Complete the error with what only the end knows: what is done, and whether it may stay so."""
        progress = held.progress()
        safe = safe_to_leave(progress, self._connection.reader)
        word = {Verdict.HOLDS: "yes", Verdict.BROKEN: "no", Verdict.PENDING: "not known"}[safe.verdict]
        if (
            error.exit_code in {Exit.STEP_FAILED, Exit.GATE_FAILED, Exit.STALE, Exit.LOCKED}
            and progress.record.started
        ):
            error.left = f"{progress.done()} of {progress.total()} steps are done. Safe to leave like this: {word}, {safe.summary}."
        error.do = tuple(one.replace("RUN", self._folder.run) for one in error.do)
        following = [f"upgrade resume {self._folder.run}", f"upgrade rollback {self._folder.run}"]
        self._teller.end(
            exit_code=int(error.exit_code),
            result="failed",
            safe=safe.verdict is Verdict.HOLDS,
            following=following,
        )

    def _print(self, text: str) -> None:
        try:
            click.echo(f"\n{text}")
            sys.stdout.flush()
        except OSError:
            return
