"""The loop: for each step what is missing, send it, and wait until it is true."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from upgrader.engine.gates import Gates
from upgrader.engine.lifecycle import Lifecycle, Phase
from upgrader.engine.restarts import Restarts
from upgrader.engine.settling import Settling
from upgrader.engine.wait import Stopped
from upgrader.planning.plan import Gate, Hop, Planned, Wave
from upgrader.planning.record import Progress
from upgrader.steps import RestartWorkload

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


class Runner:
    """Drives a plan to its end, or to the first thing that stops it.

    Args:
        progress: The plan and its record as they are now; read anew after every event.
        until: Step id, wave name or ``hop``: where to stop on purpose; empty for the end.
        wave_over: Told after each wave, when the record is at a point worth keeping elsewhere.
    """

    def __init__(
        self,
        progress: Callable[[], Progress],
        lifecycle: Lifecycle,
        settling: Settling,
        gates: Gates,
        *,
        until: str = "",
        wave_over: Callable[[], None] = lambda: None,
    ) -> None:
        self._progress = progress
        self._lifecycle = lifecycle
        self._settling = settling
        self._gates = gates
        self._until = until
        self._wave_over = wave_over

    def drive(self) -> None:
        """Everything that is left, in order; ends in phase done (or rolled back).

        Raises:
            Stopped: a signal arrived, or the run reached *until*.
            Parked: a manual gate waits for a person.
            UpgradeError: a step or gate failed; the run stays open.
            OSError: the journal cannot be written; nothing more was sent.
        """
        back = self._lifecycle.phase is Phase.ROLLING_BACK
        for hop in self._progress().plan.hops:
            for wave in hop.waves:
                if any(not self._progress().is_settled(item) for item in wave.items):
                    self._wave(hop, wave, back=back)
                    self._wave_over()
                self._stop_at(wave.name)
            self._stop_at("hop")
        if self._lifecycle.phase in {Phase.DONE, Phase.ROLLED_BACK}:
            return
        last = self._progress().plan.hops
        self._lifecycle.fire("rolled_back" if back else "finish", last[-1].number if last else 0)

    def _wave(self, hop: Hop, wave: Wave, *, back: bool) -> None:
        for group in _groups(wave):
            left = [item for item in group if not self._progress().is_settled(item)]
            if not left:
                continue
            if not back:
                self._enter(hop, wave, left[0])
            self._items(hop, wave, left)
            for item in group:
                self._stop_at(item.id)

    def _items(self, hop: Hop, wave: Wave, items: Sequence[Planned]) -> None:
        first = items[0]
        if isinstance(first.action, Gate):
            self._gates.pass_through(hop, wave, first, first.action)
        elif isinstance(first.action, RestartWorkload):
            Restarts(self._settling, hop, wave).run(items)
        else:
            self._settling.carry_out(hop, wave, first, first.action)

    def _enter(self, hop: Hop, wave: Wave, item: Planned) -> None:
        """Move the machine to the phase of *item*, where it is not there already."""
        wanted = _PHASES[wave.kind]
        soaks = wanted is Phase.SHIFTING and isinstance(item.action, Gate)
        wanted = Phase.SOAKING if soaks and self._lifecycle.phase is Phase.SHIFTING else wanted
        if soaks and self._lifecycle.phase is Phase.SOAKING:
            return
        here = self._lifecycle.phase, self._progress().record.hop
        if here == (wanted, hop.number):
            return
        trigger = "back_up" if here[0] is Phase.READY else _TRIGGERS[wanted]
        self._lifecycle.fire(trigger, hop.number)

    def _stop_at(self, name: str) -> None:
        left = self._progress().left()
        if self._until and name == self._until and left:
            raise Stopped("until")


def _groups(wave: Wave) -> list[list[Planned]]:
    """Items one by one; restarts that follow each other together, since several may be in flight."""
    groups: list[list[Planned]] = []
    for item in wave.items:
        joins = (
            groups
            and isinstance(item.action, RestartWorkload)
            and isinstance(groups[-1][-1].action, RestartWorkload)
        )
        if joins:
            groups[-1].append(item)
        else:
            groups.append([item])
    return groups
