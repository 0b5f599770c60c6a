"""Gates: probes that must hold, keep holding while a wave soaks, and perhaps a person who says yes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import NoReturn, Protocol

from upgrader.engine.driving.wait import Looking, Patience, looked, settle
from upgrader.model.duration import in_words
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
from upgrader.probes import AnyProbe, NextPodsOn

_UNWATCHED = 4
"""Pauses between two looks that still count as watched; what is beyond them was slept through."""
_MOMENT = 1e-3


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


@dataclass(frozen=True)
class _Round:
    """One look at every probe of a gate: the worst of it, and each by itself."""

    reading: Reading
    found: tuple[tuple[AnyProbe, Reading], ...] = ()


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
            UpgradeError: UPG-0701: a probe is broken, or pending for longer than the gate waits; UPG-0703: what would come
                of a restart is not what the plan counts on.
            Parked: nobody answered.
            Stopped: a signal arrived.
        """
        self._patience.heed()
        clock = self._patience.clock
        began = clock.boottime()
        self._emit(
            StepStarted(at=clock.now(), step=item.id, title=item.title, wave=wave.name, hop=hop.number)
        )
        round_ = self._held(item, gate)
        words = round_.reading.summary
        if gate.soak > timedelta(0):
            round_ = self._soaked(item, gate, round_)
            words = f"soaked {in_words(gate.soak)}, {round_.reading.summary}"
        if gate.approval and item.id not in self._progress().record.approved:
            self._approved(item, gate)
            round_ = self._held(item, gate)
        self._evidence(item, round_)
        seconds = round(clock.boottime() - began, 3)
        reading = Reading.holds(words, **round_.reading.facts)
        self._emit(StepSettled(at=clock.now(), step=item.id, result="done", reading=reading, seconds=seconds))

    def still_holds(self, item: Planned, gate: Gate) -> None:
        """Look once more at a gate that was passed before, for what comes next cannot be taken back.

        Raises:
            UpgradeError: as from ``pass_through``.
            Stopped: a signal arrived.
        """
        self._evidence(item, self._held(item, gate))

    def _look(self, gate: Gate) -> _Round:
        found = tuple((probe, looked(partial(probe.look, self._reader))) for probe in gate.probes)
        words = f"{len(found)} of {len(found)} probes hold" if found else "nothing to ask"
        return _Round(worst([reading for _, reading in found], words), found)

    def _evidence(self, item: Planned, round_: _Round) -> None:
        """The very readings that decided."""
        now = self._patience.clock.now()
        for probe, reading in round_.found:
            self._emit(Looked(at=now, step=item.id, probe=_name(probe), reading=reading))

    def _held(self, item: Planned, gate: Gate) -> _Round:
        last = _Round(Reading.pending("not looked at yet"))

        def look() -> Reading:
            nonlocal last
            last = self._look(gate)
            return last.reading

        looking = Looking.begin(look, self._patience.clock, gate.patience)
        reading = settle(looking, self._patience, lambda r: self._told(item, r))
        if reading.verdict is not Verdict.HOLDS:
            self._fail(item, last)
        return last

    def _soaked(self, item: Planned, gate: Gate, round_: _Round) -> _Round:
        """Keep looking until the probes were seen to hold for as long as the gate soaks.

        Only time between two looks that both hold counts, and never more than a few pauses of it at once: while this
        machine slept, nobody watched. A look that says nothing for longer than the gate's patience fails the gate.
        """
        clock, every = self._patience.clock, max(gate.every.total_seconds(), 1.0)
        left, seen = gate.soak.total_seconds(), clock.boottime()
        silent_since: float | None = None
        while left > _MOMENT:
            self._emit_left(item, left)
            self._patience.pause(min(every, left))
            round_, now = self._look(gate), clock.boottime()
            if round_.reading.verdict is Verdict.HOLDS:
                left -= min(now - seen, _UNWATCHED * every) if silent_since is None else 0.0
                silent_since = None
            else:
                silent_since = now if silent_since is None else silent_since
                late = now - silent_since > gate.patience.total_seconds()
                if late or round_.reading.verdict is Verdict.BROKEN:
                    self._fail(item, round_)
            seen = now
        return round_

    def _emit_left(self, item: Planned, left: float) -> None:
        minutes = int(left // 60) + 1
        words = f"about {minutes} min" if left >= 60 else "less than a minute"
        self._told(item, Reading.pending(f"soaking, {words} left"))

    def _told(self, item: Planned, reading: Reading) -> None:
        known = self._progress().record.progress.get(item.id)
        if reading.verdict is Verdict.PENDING and (known is None or known.summary != reading.summary):
            self._emit(StepProgress(at=self._patience.clock.now(), step=item.id, summary=reading.summary))

    def _approved(self, item: Planned, gate: Gate) -> None:
        now = self._patience.clock.now()
        confirm = "" if gate.approval == "yes" else gate.approval
        self._emit(ApprovalAwaited(at=now, step=item.id, message=gate.message, confirm=confirm))
        answer = self._approver.answer(item, gate, self._patience)
        if answer is None or answer.step != item.id or gate.approval not in {"yes", answer.confirm}:
            raise Parked(item, gate)
        self._emit(answer)

    def _fail(self, item: Planned, round_: _Round) -> NoReturn:
        self._evidence(item, round_)
        reading = round_.reading
        code = _refuted(round_)
        late = reading.verdict is Verdict.PENDING and not code
        headline = f"gate {item.id} {'got no answer' if late else 'said no'}: {item.title}"
        what = (reading.summary, *(f"{key}: {value}" for key, value in reading.facts.items()))
        now, code = self._patience.clock.now(), code or "UPG-0701"
        self._emit(StepHalted(at=now, step=item.id, code=code, headline=headline, what=what))
        raise UpgradeError(
            code,
            headline,
            what=what,
            why="no data is not healthy"
            if late
            else "what the gate asks for must hold before the run goes on",
            do=("upgrade resume RUN      # looks again first", "upgrade rollback RUN    # to go back"),
            exit_code=Exit.GATE_FAILED,
        )


def _refuted(round_: _Round) -> str:
    """The probe's own code, where what decided is an answer and another one than expected."""
    deciding = (p for p, r in round_.found if r.verdict is round_.reading.verdict and "came" in r.facts)
    return next((p.refuted for p in deciding if isinstance(p, NextPodsOn)), "")


def _name(probe: AnyProbe) -> str:
    """The probe's stored name: its kind and its question."""
    return f"{probe.__struct_config__.tag}: {probe.title()}"
