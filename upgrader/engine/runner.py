"""The loop: for each step what is missing, send it, and wait until it is true."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from upgrader.engine.driving.gates import Gates
from upgrader.engine.driving.restarts import Restarts
from upgrader.engine.driving.settling import Settling
from upgrader.engine.driving.wait import Stopped
from upgrader.engine.lifecycle import Lifecycle, Phase
from upgrader.model.kinds import DEPLOYMENT
from upgrader.planning.plan import Gate, Hop, Planned, Wave
from upgrader.planning.record import Progress
from upgrader.probes import NextPodsOn, RevisionIdle
from upgrader.steps import MoveTag, RelabelGateway, RelabelNamespace, RemoveObjects, RestartWorkload

_MOVES = RelabelNamespace | RelabelGateway | RestartWorkload | MoveTag
_PHASES = {
    "backup": Phase.BACKING_UP,
    "install": Phase.INSTALLING,
    "namespaces": Phase.SHIFTING,
    "gateways": Phase.SHIFTING,
    "tags": Phase.SHIFTING,
    "retire": Phase.RETIRING,
}
_TRIGGERS = {
    Phase.BACKING_UP: "next_hop",
    Phase.INSTALLING: "install",
    Phase.SHIFTING: "shift",
    Phase.SOAKING: "soak",
    Phase.RETIRING: "retire",
}


@dataclass(frozen=True)
class Turns:
    """Moments at which whoever started the runner has a word.

    Attributes:
        wave_over: Told after each wave, when the record is at a point worth keeping elsewhere.
        no_return: Asked before the first change that cannot be taken back; raises to stop it.
    """

    wave_over: Callable[[], object] = lambda: None
    no_return: Callable[[], None] = lambda: None


_TURNS = Turns()


class Runner:
    """Drives a plan to its end, or to the first thing that stops it.

    Args:
        progress: The plan and its record as they are now; read anew after every event.
        until: Step id, wave name or ``hop``: where to stop on purpose; empty for the end.
    """

    def __init__(
        self,
        progress: Callable[[], Progress],
        lifecycle: Lifecycle,
        settling: Settling,
        gates: Gates,
        *,
        until: str = "",
        turns: Turns = _TURNS,
    ) -> None:
        self._progress = progress
        self._lifecycle = lifecycle
        self._settling = settling
        self._gates = gates
        self._until = until
        self._turns = turns

    def drive(self) -> None:
        """Everything that is left, in order; ends in phase done (or rolled back).

        Raises:
            Stopped: a signal arrived, or the run reached *until*.
            Parked: a manual gate waits for a person.
            UpgradeError: a step or gate failed; the run stays open.
            OSError: the journal cannot be written; nothing more was sent.
        """
        back = self._lifecycle.phase is Phase.ROLLING_BACK
        ahead = self._progress().plan.stretch(self._until, self._progress().record.settled)
        if self._until and not ahead:
            raise Stopped("until")
        end = ahead[-1][2].id if self._until else ""
        for hop in self._progress().plan.hops:
            for wave in hop.waves:
                if any(not self._progress().is_settled(item) for item in wave.items):
                    over = self._wave(hop, wave, end, back=back)
                    self._turns.wave_over()
                    if over and self._progress().left():
                        raise Stopped("until")
        if self._lifecycle.phase in {Phase.DONE, Phase.ROLLED_BACK}:
            return
        last = self._progress().plan.hops
        self._lifecycle.fire("rolled_back" if back else "finish", last[-1].number if last else 0)

    def _wave(self, hop: Hop, wave: Wave, end: str, *, back: bool) -> bool:
        """Carry out what is left of *wave*, up to item *end*; returns whether that was reached."""
        for group in _groups(wave, end):
            left = [item for item in group if not self._progress().is_settled(item)]
            if not left:
                continue
            if not back:
                self._enter(hop, wave, left[0])
            self._items(hop, wave, left)
            if end and group[-1].id == end:
                return True
        return False

    def _items(self, hop: Hop, wave: Wave, items: Sequence[Planned]) -> None:
        first = items[0]
        if isinstance(first.action, Gate):
            self._gates.pass_through(hop, wave, first, first.action)
        elif isinstance(first.action, RestartWorkload):
            Restarts(self._settling, hop, wave).run(items)
        else:
            if isinstance(first.action, RemoveObjects):
                self._before_removal(hop, first, first.action)
            self._settling.carry_out(hop, wave, first, first.action)

    def _before_removal(self, hop: Hop, item: Planned, step: RemoveObjects) -> None:
        """An istiod is removed only if nothing depends on it now, whenever the gate before it was passed.

        Once its removal has begun it is finished: a revision that is half there is worse than one that is gone.
        """
        if not any(o.ref.kind == DEPLOYMENT for o in step.objects) or self._settling.has_begun_to_remove(
            item
        ):
            return
        plan = self._progress().plan
        idle = _idle(hop, item, step, plan.root_namespace)
        gate = Gate(
            probes=(idle,),
            patience=plan.playbook.patience.gate,
            message=f"nothing depends on {step.revision}",
        )
        self._gates.still_holds(item, gate)
        if step.why == "retire":
            self._turns.no_return()

    def _enter(self, hop: Hop, wave: Wave, item: Planned) -> None:
        """Move the machine to the phase of *item*, where it is not there already."""
        wanted = _PHASES[wave.kind]
        soaks = wanted is Phase.SHIFTING and isinstance(item.action, Gate) and not _looks_ahead(item.action)
        wanted = Phase.SOAKING if soaks and self._lifecycle.phase is Phase.SHIFTING else wanted
        if soaks and self._lifecycle.phase is Phase.SOAKING:
            return
        here = self._lifecycle.phase, self._progress().record.hop
        if here == (wanted, hop.number):
            return
        trigger = "back_up" if here[0] is Phase.READY else _TRIGGERS[wanted]
        self._lifecycle.fire(trigger, hop.number)


def _looks_ahead(gate: Gate) -> bool:
    """Whether it is asked in the middle of a wave, about restarts that are to come."""
    return bool(gate.probes) and all(isinstance(probe, NextPodsOn) for probe in gate.probes)


def _idle(hop: Hop, item: Planned, step: RemoveObjects, root: str) -> RevisionIdle:
    """The question of the gate that was passed before *item*, or our own where there was none."""
    passed = [
        probe
        for one in takewhile(lambda one: one.id != item.id, hop.items())
        if isinstance(one.action, Gate)
        for probe in one.action.probes
        if isinstance(probe, RevisionIdle) and probe.revision == step.revision
    ]
    if passed:
        return passed[-1]
    served = step.why == "retire" or any(isinstance(one.action, _MOVES) for one in hop.items())
    return RevisionIdle(revision=step.revision, root_namespace=root, never_served=not served)


def _groups(wave: Wave, end: str) -> list[list[Planned]]:
    """Items one by one; restarts that follow each other together, since several may be in flight.

    None joins *end*, after which the run is to stop.
    """
    groups: list[list[Planned]] = []
    for item in wave.items:
        joins = (
            groups
            and isinstance(item.action, RestartWorkload)
            and isinstance(groups[-1][-1].action, RestartWorkload)
            and groups[-1][-1].id != end
        )
        if joins:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups
