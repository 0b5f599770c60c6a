"""The phases of a run and the edges between them. The machine knows phases; where inside one, the journal tells.

One callback: the journal is written before the phase moves. If it cannot be, the phase has not moved.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from transitions import EventData, Machine, MachineError

from upgrader.host.clock import Clock
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import PhaseEntered, RunEvent
from upgrader.planning.record import Progress


class Phase(Enum):
    """Where a run is. Halted, parked and interrupted are not phases: the process ends, the phase stays."""

    READY = "ready"
    BACKING_UP = "backing-up"
    INSTALLING = "installing"
    SHIFTING = "shifting"
    SOAKING = "soaking"
    RETIRING = "retiring"
    DONE = "done"
    ROLLING_BACK = "rolling-back"
    ROLLED_BACK = "rolled-back"


P = Phase
EDGES: tuple[dict[str, Any], ...] = (
    {"trigger": "back_up", "source": P.READY, "dest": P.BACKING_UP, "conditions": "hop_in_turn"},
    {"trigger": "install", "source": P.BACKING_UP, "dest": P.INSTALLING, "conditions": "backup_complete"},
    {
        "trigger": "shift",
        "source": [P.INSTALLING, P.SOAKING, P.SHIFTING],
        "dest": P.SHIFTING,
        "conditions": ["plane_proven", "waves_left"],
    },
    {"trigger": "soak", "source": P.SHIFTING, "dest": P.SOAKING, "conditions": "a_wave_moved"},
    {
        "trigger": "retire",
        "source": [P.INSTALLING, P.SHIFTING, P.SOAKING],
        "dest": P.RETIRING,
        "conditions": "waves_over",
    },
    {
        "trigger": "next_hop",
        "source": [P.INSTALLING, P.SHIFTING, P.SOAKING, P.RETIRING],
        "dest": P.BACKING_UP,
        "conditions": ["hop_over", "hop_in_turn"],
    },
    {
        "trigger": "finish",
        "source": [P.READY, P.INSTALLING, P.SHIFTING, P.SOAKING, P.RETIRING],
        "dest": P.DONE,
        "conditions": "nothing_left",
    },
    {
        "trigger": "roll_back",
        "source": [P.BACKING_UP, P.INSTALLING, P.SHIFTING, P.SOAKING, P.RETIRING],
        "dest": P.ROLLING_BACK,
        "conditions": "old_revision_is_whole",
    },
    {"trigger": "rolled_back", "source": P.ROLLING_BACK, "dest": P.ROLLED_BACK, "conditions": "nothing_left"},
)


class Guards:
    """Pure questions to the plan and the folded journal; never I/O."""

    def __init__(self, progress: Callable[[], Progress], hop: Callable[[], int]) -> None:
        self._progress = progress
        self._hop = hop

    def backup_complete(self, _: EventData) -> bool:
        """Every backup step of the hop is settled."""
        return self._over("backup")

    def plane_proven(self, _: EventData) -> bool:
        """The install wave and its gate are settled."""
        return self._over("install")

    def waves_left(self, _: EventData) -> bool:
        """Something of the hop's waves is still to do."""
        return not self._moved()

    def a_wave_moved(self, _: EventData) -> bool:
        """At least one step of a wave is settled."""
        progress, hop = self._progress(), self._progress().hop_of(self._hop())
        waves = () if hop is None else hop.waves
        return any(progress.is_settled(i) for w in waves if w.kind in _MOVES for i in w.items)

    def waves_over(self, _: EventData) -> bool:
        """All waves of the hop are settled."""
        return self._moved()

    def hop_in_turn(self, _: EventData) -> bool:
        """The hop that begins is the first one that is not over."""
        current = self._progress().current_hop()
        return current is not None and current.number == self._hop()

    def hop_over(self, _: EventData) -> bool:
        """Nothing of the hop that was is left."""
        progress = self._progress()
        current = progress.current_hop()
        return current is not None and current.number > progress.record.hop

    def nothing_left(self, _: EventData) -> bool:
        """Every step of the plan is settled."""
        return not self._progress().left()

    def old_revision_is_whole(self, _: EventData) -> bool:
        """Removing the old revision of the hop has not begun."""
        progress = self._progress()
        hop = progress.hop_of(progress.record.hop)
        return hop is not None and hop.number == self._hop() and not progress.retire_begun(hop)

    def _over(self, kind: str) -> bool:
        progress = self._progress()
        hop = progress.hop_of(self._hop())
        return hop is not None and hop.number == progress.record.hop and progress.wave_over(hop, kind)

    def _moved(self) -> bool:
        return all(self._over(kind) for kind in _MOVES)


_MOVES = ("namespaces", "gateways", "tags")


class Lifecycle(Guards):
    """The machine of one run.

    Args:
        progress: The plan and its record as they are now.
        emit: Writes an event to the journal; may fail, and then nothing moves.
    """

    phase: Phase

    def __init__(
        self, progress: Callable[[], Progress], emit: Callable[[RunEvent], None], clock: Clock
    ) -> None:
        super().__init__(progress, lambda: self._target)
        self._emit = emit
        self._clock = clock
        self._target = progress().record.hop
        self._plan = ""
        self._machine = Machine(
            model=self,
            states=Phase,
            initial=Phase(progress().record.phase),
            transitions=list(EDGES),
            model_attribute="phase",
            auto_transitions=False,
            send_event=True,
            before_state_change="write_down",
        )

    def write_down(self, event: EventData) -> None:
        """The one callback: the phase is in the journal before the machine moves."""
        assert event.event is not None
        phase, trigger = _destination(event), event.event.name
        now = self._clock.now()
        self._emit(PhaseEntered(at=now, phase=phase, trigger=trigger, hop=self._target, plan=self._plan))

    def fire(self, trigger: str, hop: int, *, plan: str = "") -> None:
        """Go over one edge; *plan* is the digest of another plan that is carried out from there on.

        Raises:
            UpgradeError: UPG-0901: there is no such edge from here, or its guard says no. That is a bug, not a state of
                the cluster.
        """
        self._target, self._plan = hop, plan
        try:
            moved = bool(self.trigger(trigger))  # type: ignore[attr-defined]
        except MachineError as error:
            raise _impossible(trigger, self.phase, str(error)) from error
        if not moved:
            raise _impossible(trigger, self.phase, "its guard says no")


def _destination(event: EventData) -> str:
    assert event.transition is not None
    return Phase[str(event.transition.dest)].value


def _impossible(trigger: str, phase: Phase, why: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0901",
        f"the run cannot {trigger.replace('_', ' ')} from phase {phase.value}",
        what=(why,),
        why="the order of phases is fixed; something in this program is wrong",
        do=("upgrade status      # the run is open and can be resumed by a mended release",),
        exit_code=Exit.ERROR,
        left="Nothing more was changed. The run stays open.",
    )


def diagram() -> str:
    """The phases as a mermaid state diagram, for ``state/README.md``."""
    lines = ["stateDiagram-v2", "    [*] --> ready"]
    for edge in EDGES:
        sources = edge["source"] if isinstance(edge["source"], list) else [edge["source"]]
        asked = edge.get("conditions", ())
        guards = [asked] if isinstance(asked, str) else list(asked)
        condition = f" [{' and '.join(g.replace('_', ' ') for g in guards)}]" if guards else ""
        lines += [
            f"    {s.value.replace('-', '_')} --> {edge['dest'].value.replace('-', '_')}: {edge['trigger']}{condition}"
            for s in sources
        ]
    return "\n".join([*lines, "    done --> [*]", "    rolled_back --> [*]"]) + "\n"
