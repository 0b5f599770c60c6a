"""What ``apply``, ``resume`` and ``rollback`` share: hold the run, tell what happens, end with a clear word."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import click

from upgrader.cli.input.consent import Consent
from upgrader.cli.input.options import Globals
from upgrader.cli.input.signals import EXITS, StopSignal, listening
from upgrader.cli.output.screen import hints, style_of, tell, typed
from upgrader.cli.output.telling import Teller, watched
from upgrader.cli.wiring import TOOL, Connection, connect
from upgrader.engine.driving.gates import Parked
from upgrader.engine.driving.wait import Stopped
from upgrader.engine.keeping.folder import RunFolder
from upgrader.engine.looking.safety import safe_to_leave
from upgrader.engine.session import Session, Setting, opening_of, session
from upgrader.host.clock import SystemClock
from upgrader.host.identity import who
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure
from upgrader.model.step import Verdict
from upgrader.report.errors import of_failure
from upgrader.report.plan.document import as_text
from upgrader.report.run.ending import Ending, ending_document, ending_text, following, safety

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
        consent = Consent(self.said, manner.approvals, plan.cluster.context, folder.path, wait)
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
        finally:
            teller.close()


@contextmanager
def acting(said: Globals) -> Iterator[Acting]:
    """The cluster, with signals remembered and sleeps that end when one arrives."""
    with listening(SystemClock().boottime) as stop:
        clock = SystemClock(lambda: bool(stop.wanted()))
        yield Acting(said, replace(connect(said, clock), stopped=stop.wanted), stop)


class _End:
    """Every way in which driving a run can end."""

    def __init__(self, said: Globals, connection: Connection, folder: RunFolder, teller: Teller) -> None:
        self._said = said
        self._connection = connection
        self._folder = folder
        self._teller = teller
        self._before = 0

    def of(self, held: Session, until: str, prepare: Callable[[Session], None]) -> int:
        self._before = held.record.writes
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
        except ClusterFailure as failure:
            lost = of_failure(failure)
            self._failed(held, lost)
            raise lost from failure
        word = "Rolled back" if result == "rolled-back" else "Done"
        return self._say(held, word, Exit.OK, result, over=True)

    def _say(self, held: Session, headline: str, code: int, result: str, **more: object) -> int:
        """The last words: for people, as a document, and as the last line of the stream."""
        progress = held.progress()
        safe = safe_to_leave(progress, self._connection.reader)
        ending = Ending(headline, self._folder.run, safe, **more)  # type: ignore[arg-type]
        words = typed(self._said)
        match self._said.format:
            case "jsonl":
                pass
            case "json" | "yaml" as form:
                document = ending_document(ending, progress, words, result=result, code=int(code))
                self._print(as_text(document, form))
            case _:
                style, more_words = style_of(self._said), hints(self._said)
                self._print("\n" + ending_text(ending, progress, style, words, next_commands=more_words))
        self._teller.end(
            exit_code=code,
            result=result,
            safe=safe.verdict is Verdict.HOLDS,
            following=following(ending, words),
            changed=self._changed(held),
        )
        return int(code)

    def _changed(self, held: Session) -> bool:
        """Whether this call has changed something."""
        return held.record.writes > self._before

    def _failed(self, held: Session, error: UpgradeError) -> None:
        """Complete the error with what only the end knows: what is done, and whether it may stay so."""
        progress, changed = held.progress(), self._changed(held)
        safe = safe_to_leave(progress, self._connection.reader)
        if changed and error.exit_code in _CHANGED_NOTHING:
            error.exit_code = Exit.STEP_FAILED
        if progress.record.started:
            done = f"{progress.done()} of {progress.total()} steps are done."
            untouched = "" if changed else f"{error.left} "
            error.left = f"{untouched}{done} Safe to leave like this: {safety(safe)}."
        hop = f"--hop {held.record.hop}"
        error.do = tuple(one.replace("RUN", self._folder.run).replace("--hop HOP", hop) for one in error.do)
        self._teller.end(
            exit_code=int(error.exit_code),
            result="failed",
            safe=safe.verdict is Verdict.HOLDS,
            following=following(Ending("", self._folder.run), typed(self._said)),
            changed=changed,
        )

    def _print(self, text: str) -> None:
        try:
            click.echo(text)
            sys.stdout.flush()
        except OSError:
            return


_CHANGED_NOTHING = frozenset({Exit.BLOCKED, Exit.STALE, Exit.LOCKED, Exit.DECLINED, *range(64, 79)})
"""Exit codes that promise that this call wrote nothing."""
