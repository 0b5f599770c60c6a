"""Whole upgrades in this process: the product's own rooms, wired to a world in memory and its clock."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from upgrader.cli.input.options import Globals
from upgrader.cli.runs.applying import admit, run_files
from upgrader.cli.runs.choosing import Wish
from upgrader.cli.runs.making import make
from upgrader.cli.wiring import Connection
from upgrader.cluster.identity import identify
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Counting, Retrying, WithFiles
from upgrader.engine.keeping.folder import RunFolder
from upgrader.engine.looking.recheck import recheck, refuse_drift
from upgrader.engine.session import Session, Setting, opening_of, session
from upgrader.model.change import ApiChange
from upgrader.model.event import Approved, RunEvent
from upgrader.model.kinds import Obj
from upgrader.planning.plan import Gate, Plan, Planned
from upgrader.sandbox.scenarios.versions import write_manifests
from upgrader.sandbox.world import World, WorldClock


class Killed(BaseException):
    """The process died here; nobody says goodbye."""


class Mortal(WithFiles):
    """A cluster whose user dies at the n-th write, before or after it reached the server."""

    def __init__(self, inner: RestCluster, folder: Path, *, at: int = -1, after: bool = False) -> None:
        super().__init__(inner, folder)
        self.at = at
        self.after = after
        self.writes = 0

    def perform(self, change: ApiChange) -> Obj | None:
        self.writes += 1
        if self.writes == self.at and not self.after:
            raise Killed
        answer = super().perform(change)
        if self.writes == self.at:
            raise Killed
        return answer


class YesToAll:
    """A person who approves every gate by its name."""

    def answer(self, item: Planned, gate: Gate, patience: Any) -> Approved | None:
        return Approved(at=patience.clock.now(), step=item.id, by="test", confirm=gate.approval)


class NoOne:
    """Nobody is there."""

    def answer(self, item: Planned, gate: Gate, patience: Any) -> Approved | None:
        return None


@dataclass
class Journey:
    """One mesh, one folder of runs, and processes that come and go."""

    world: World
    place: Path
    manifests: Path
    processes: int = 0
    runs: int = 0
    events: list[RunEvent] = field(default_factory=list)
    last_writes: int = 0
    cluster_of: Callable[[Path], Mortal] | None = None
    user: str = "admin"

    @classmethod
    def of(cls, world: World, place: Path, scenario: str = "shop") -> Journey:
        manifests = place / "manifests"
        if not manifests.exists():
            write_manifests(scenario, manifests, world.kubernetes)
        return cls(world, place, manifests)

    def fork(self, place: Path) -> Journey:
        place.mkdir(parents=True, exist_ok=True)
        return Journey(self.world.fork(), place, self.manifests)

    def fork_with_runs(self, name: str) -> Journey:
        """A copy of world and run directories, so that several tests may go on from one moment."""
        place = self.place.parent / name
        shutil.copytree(self.place / "runs", place / "runs")
        copy = self.fork(place)
        copy.processes = self.processes
        return copy

    @property
    def clock(self) -> WorldClock:
        return WorldClock(self.world)

    def connection(self) -> Connection:
        counted = Counting(self.world.transport(self.user))
        cluster = RestCluster(Retrying(counted, self.clock))
        return Connection(cluster, identify(cluster, "sandbox", "http://sandbox"), counted, self.clock)

    def plan(self, to: str = "next", **wish: Any) -> Plan:
        wish = {"playbook": "quick", "manifests": str(self.manifests)} | wish
        return make(self.connection(), Globals(), Wish(to=to, **wish)).plan

    def begin(self, plan: Plan, **manner: Any) -> RunFolder:
        """Apply *plan* in a new run, to its end or to whatever stops it."""
        connection = self.connection()
        mesh = admit(connection, plan, self.place / "runs", manner.get("until", ""))
        self.runs += 1
        folder = RunFolder.create(
            self.place / "runs", f"r-20260105-{self.runs:04d}", plan, run_files(plan, mesh)
        )
        self.hold(folder, new=True, **manner)
        return folder

    def resume(self, folder: RunFolder, **manner: Any) -> str:
        def look(held: Session) -> None:
            refuse_drift(recheck(held.progress(), self.connection().with_files(folder.path)), folder.run)

        return self.hold(folder, prepare=look, **manner)

    def roll_back(self, folder: RunFolder, **manner: Any) -> str:
        return self.hold(folder, prepare=Session.turn_back, **manner)

    def hold(
        self,
        folder: RunFolder,
        *,
        new: bool = False,
        at: int = -1,
        after: bool = False,
        approver: Any = None,
        until: str = "",
        prepare: Callable[[Session], None] = lambda _: None,
        stop: Callable[[], str] = lambda: "",
        observers: Sequence[Callable[[RunEvent], None]] = (),
    ) -> str:
        self.processes += 1
        made = self.cluster_of
        cluster = (
            made(folder.path) if made else Mortal(self.connection().cluster, folder.path, at=at, after=after)
        )
        setting = Setting(
            cluster=cluster,
            clock=self.clock,
            approver=approver or YesToAll(),
            who=f"test@elsewhere/{self.processes}:1",
            tool="test",
            stop=stop,
            observers=(self.events.append, *observers),
        )
        opening = opening_of(setting, folder.run, folder.plan()) if new else None
        try:
            with session(setting, folder, opening=opening) as held:
                prepare(held)
                return held.drive(until=until)
        finally:
            self.last_writes = cluster.writes


def soaked(minutes: float) -> timedelta:
    return timedelta(minutes=minutes)
