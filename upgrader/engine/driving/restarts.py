"""Several workloads restarting at the same time, under one writer and one thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from upgrader.engine.driving.settling import Settling
from upgrader.engine.driving.wait import Looking
from upgrader.model.event import Result
from upgrader.model.step import Verdict
from upgrader.planning.plan import Gate, Hop, Planned, Wave
from upgrader.steps import MoveTag, RelabelNamespace, RestartWorkload


@dataclass
class _InFlight:
    item: Planned
    looking: Looking
    result: Result
    began: float


class Restarts:
    """Keeps at most ``wave.at_once`` restarts in flight."""

    def __init__(self, settling: Settling, hop: Hop, wave: Wave) -> None:
        self._settling = settling
        self._hop = hop
        self._wave = wave

    def run(self, items: Sequence[Planned]) -> None:
        """All of *items*; after a failure nothing new begins.

        Raises:
            UpgradeError: one failed; the others go on in the cluster.
            Stopped: a signal arrived.
        """
        waiting, flying = list(items), list[_InFlight]()
        while waiting or flying:
            while waiting and len(flying) < max(self._wave.at_once, 1):
                flying.append(self._launch(waiting.pop(0)))
            flying = [one for one in flying if not self._landed(one)]
            if flying and (len(flying) >= self._wave.at_once or not waiting):
                self._sleep(flying)

    def _launch(self, item: Planned) -> _InFlight:
        assert not isinstance(item.action, Gate)
        self._settling.still_bound(item, self._bindings(item))
        began = self._settling.patience.clock.boottime()
        looking, result = self._settling.begin(self._hop, self._wave, item, item.action)
        return _InFlight(item, looking, result, began)

    def _bindings(self, item: Planned) -> list[Planned]:
        """What this run did so that the pods of *item* come out on the other revision; the last word on each counts."""
        assert isinstance(item.action, RestartWorkload)
        found: dict[str, Planned] = {}
        here = {one.id for one in self._wave.items}
        for one in self._hop.items():
            action = one.action
            if not self._settling.is_settled(one):
                continue
            if isinstance(action, RelabelNamespace) and action.namespace == item.action.ref.namespace:
                found[f"namespace {action.namespace}"] = one
            elif isinstance(action, MoveTag) and one.id in here:
                found[f"tag {action.tag}"] = one
        return list(found.values())

    def _landed(self, one: _InFlight) -> bool:
        """Whether it is over; looks only when it is time to."""
        if one.looking.due > self._settling.patience.clock.boottime():
            return False
        reading = one.looking.again()
        self._settling.told(one.item, reading)
        if reading.verdict is Verdict.PENDING and not one.looking.expired:
            return False
        self._settling.end(one.item, reading, one.result, one.began)
        return True

    def _sleep(self, flying: Sequence[_InFlight]) -> None:
        clock = self._settling.patience.clock
        self._settling.patience.pause(max(min(one.looking.due for one in flying) - clock.boottime(), 0.05))
