"""Gates: probes that must hold, keep holding while a wave soaks, and perhaps a person who says yes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import NoReturn, Protocol

from upgrader.engine.wait import Looking, Patience, looked, settle
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import (
    ApprovalAwaited,
    Approved,
    Looked,
    RunEvent,
    StepHalted,
    StepProgress,
    StepSettled,
    StepStarted,
)
from upgrader.model.step import Reader, Reading, Verdict, worst
from upgrader.planning.plan import Gate, Hop, Planned, Wave
from upgrader.planning.record import Progress
from upgrader.probes import AnyProbe


class Parked(Exception):
    """A manual gate waits for a person; the run is at a safe point."""

    def __init__(self, item: Planned, gate: Gate) -> None:
        super().__init__(item.id)
        self.item = item
        self.gate = gate


class Approver(Protocol):
    """Who is asked at a manual gate."""

    def answer(self, item: Planned, gate: Gate, patience: Patience) -> Approved | None:
        """The consent, or None when nobody will give it now."""
        ...


class Gates:
    """Passes gates, or says why not."""

    def __init__(
        self,
        reader: Reader,
        patience: Patience,
        emit: Callable[[RunEvent], None],
        progress: Callable[[], Progress],
        approver: Approver,
    ) -> None:
        self._reader = reader
        self._patience = patience
        self._emit = emit
        self._progress = progress
        self._approver = approver

    def pass_through(self, hop: Hop, wave: Wave, item: Planned, gate: Gate) -> None:
        """Return when the gate is passed.

        Raises:
            UpgradeError: UPG-0701: a probe is broken, or pending for longer than the gate waits.
            Parked: nobody answered.
            Stopped: a signal arrived.
        """
        self._patience.heed()
        clock = self._patience.clock
        began = clock.boottime()
        self._emit(
            StepStarted(at=clock.now(), step=item.id, title=item.title, wave=wave.name, hop=hop.number)
        )
        reading = self._held(item, gate)
        if gate.soak > timedelta(0):
            reading = self._soaked(item, gate, clock.boottime() + gate.soak.total_seconds())
        if gate.approval:
            self._approved(item, gate)
            reading = self._held(item, gate)
        for probe in gate.probes:
            self._emit(
                Looked(
                    at=clock.now(),
                    step=item.id,
                    probe=_name(probe),
                    reading=self._ask(probe),
                )
            )
        seconds = round(clock.boottime() - began, 3)
        self._emit(StepSettled(at=clock.now(), step=item.id, result="done", reading=reading, seconds=seconds))

    def _ask(self, probe: AnyProbe) -> Reading:
        return looked(partial(probe.look, self._reader))

    def _look(self, gate: Gate) -> Reading:
        readings = [self._ask(probe) for probe in gate.probes]
        return worst(
            readings, f"{len(readings)} of {len(readings)} probes hold" if readings else "nothing to ask"
        )

    def _held(self, item: Planned, gate: Gate) -> Reading:
        looking = Looking.begin(lambda: self._look(gate), self._patience.clock, gate.patience)
        reading = settle(looking, self._patience, lambda r: self._told(item, r))
        if reading.verdict is not Verdict.HOLDS:
            self._fail(item, gate, reading)
        return reading

    def _soaked(self, item: Planned, gate: Gate, end: float) -> Reading:
        """Keep looking until *end*; a look that says nothing for longer than the gate's patience fails it."""
        clock = self._patience.clock
        silent_since: float | None = None
        reading = Reading.holds("soaked")
        while (left := end - clock.boottime()) > 0 or reading.verdict is Verdict.PENDING:
            self._emit_left(item, left)
            self._patience.pause(min(gate.every.total_seconds(), max(left, 1.0)))
            reading = self._look(gate)
            silent_since = (silent_since or clock.boottime()) if reading.verdict is Verdict.PENDING else None
            silent = (
                silent_since is not None and clock.boottime() - silent_since > gate.patience.total_seconds()
            )
            if reading.verdict is Verdict.BROKEN or silent:
                self._fail(item, gate, reading)
        return Reading.holds(f"soaked {_words(gate.soak)}, {reading.summary}")

    def _emit_left(self, item: Planned, left: float) -> None:
        minutes = int(left // 60) + 1
        words = f"about {minutes} min" if left >= 60 else "less than a minute"
        self._told(item, Reading.pending(f"soaking, {words} left"))

    def _told(self, item: Planned, reading: Reading) -> None:
        known = self._progress().record.progress.get(item.id)
        if reading.verdict is Verdict.PENDING and (known is None or known.summary != reading.summary):
            self._emit(StepProgress(at=self._patience.clock.now(), step=item.id, summary=reading.summary))

    def _approved(self, item: Planned, gate: Gate) -> None:
        if item.id in self._progress().record.approved:
            return
        now = self._patience.clock.now()
        confirm = "" if gate.approval == "yes" else gate.approval
        self._emit(ApprovalAwaited(at=now, step=item.id, message=gate.message, confirm=confirm))
        answer = self._approver.answer(item, gate, self._patience)
        if answer is None:
            raise Parked(item, gate)
        self._emit(answer)

    def _fail(self, item: Planned, gate: Gate, reading: Reading) -> NoReturn:
        now = self._patience.clock.now()
        for probe in gate.probes:
            found = self._ask(probe)
            self._emit(Looked(at=now, step=item.id, probe=_name(probe), reading=found))
        late = reading.verdict is Verdict.PENDING
        headline = f"gate {item.id} {'got no answer' if late else 'said no'}: {item.title}"
        facts = tuple(f"{key}: {value}" for key, value in reading.facts.items())
        self._emit(
            StepHalted(
                at=now, step=item.id, code="UPG-0701", headline=headline, what=(reading.summary, *facts)
            )
        )
        raise UpgradeError(
            "UPG-0701",
            headline,
            what=(reading.summary, *facts),
            why="no data is not healthy"
            if late
            else "what the gate asks for must hold before the run goes on",
            do=("upgrade resume RUN      # looks again first", "upgrade rollback RUN    # to go back"),
            exit_code=Exit.GATE_FAILED,
        )


def _name(probe: AnyProbe) -> str:
    """The probe's stored name: its kind and its question."""
    return f"{probe.__struct_config__.tag}: {probe.title()}"


def _words(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    return f"{seconds // 60} min" if seconds >= 60 else f"{seconds} s"
