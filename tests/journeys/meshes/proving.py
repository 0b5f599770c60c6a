"""A mesh taken through everything: to the end, back from many points, killed and resumed, watched all the while."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pytest

from tests.journeys.comparing import contents, differences
from tests.journeys.driving import Journey, Mortal
from tests.journeys.meshes.building import Site
from tests.journeys.meshes.watching import Watch
from upgrader.cli.wiring import Connection
from upgrader.cluster.identity import identify
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Counting, Retrying
from upgrader.engine.keeping.folder import RunFolder
from upgrader.model.change import ApiChange
from upgrader.model.errors import UpgradeError
from upgrader.model.event import RunEvent, StepStarted
from upgrader.model.kinds import Obj
from upgrader.planning.plan import Gate, Plan
from upgrader.sandbox.api.direct import Direct
from upgrader.sandbox.world import World, WorldClock
from upgrader.steps import BackUp, RemoveObjects

SHARED = frozenset({"customresourcedefinitions"})
"""What going back leaves as it is: definitions serve both versions."""
STEP = 0.5
SETTLED = 5.0
_LEFT = (
    "istio-reader-service-account",
    "istiod-service-account",
    "istiod-istio-system",
    "istio-reader-istio-system",
)
"""Shared objects of the base chart stay at the newer release, as the plan says."""


class WatchedClock(WorldClock):
    """Lets the world live in half seconds, and looks after each."""

    def __init__(self, world: World, watch: Watch) -> None:
        super().__init__(world)
        self._watch = watch

    def sleep(self, seconds: float) -> None:
        """Let the world live, half a second at a time."""
        left = max(0.0, seconds)
        while left > 1e-9:
            super().sleep(min(left, STEP))
            left -= STEP
            self._watch.look()


class Writing(Mortal):
    """Tells before and after every write."""

    def __init__(self, journey: Watched, folder: Path, *, at: int = -1, after: bool = False) -> None:
        super().__init__(journey.connection().cluster, folder, at=at, after=after)
        self._journey = journey
        self._run = folder

    def perform(self, change: ApiChange) -> Obj | None:
        """As usual."""
        answer = super().perform(change)
        self._journey.wrote(self._run, change)
        return answer


@dataclass
class Watched(Journey):
    """A journey somebody looks at all the time.

    Attributes:
        wanted: Step ids around whose first write the state is to be kept.
        meddle: Called after every write with its number and step id.
    """

    watch: Watch = None  # type: ignore[assignment]
    wanted: frozenset[str] = frozenset()
    kept: dict[str, Watched] = field(default_factory=dict)
    meddle: Callable[[Watched, str, ApiChange], None] | None = None
    step: str = ""

    @classmethod
    def at(cls, site: Site, place: Path, manifests: Path) -> Self:
        """The mesh of *site*, as it is now."""
        place.mkdir(parents=True, exist_ok=True)
        one = cls(site.world, place, manifests, watch=Watch.begin(site.world))
        one.runs = len(site.world.store.list("", "configmaps", "istio-upgrade"))
        one.cluster_of = lambda folder: Writing(one, folder)
        return one

    def forked(self, place: Path) -> Self:
        """The same at this moment, to go on in another way."""
        place.mkdir(parents=True, exist_ok=True)
        world = self.world.fork()
        one = type(self)(world, place, self.manifests, watch=self.watch.on(world))
        one.processes, one.runs = self.processes + 100, self.runs
        one.cluster_of = lambda folder: Writing(one, folder)
        return one

    @property
    def clock(self) -> WorldClock:
        """The world's clock, with somebody looking."""
        return WatchedClock(self.world, self.watch)

    def connection(self, user: str = "admin") -> Connection:
        """As usual, but looked at between a write and what follows from it."""
        counted = Counting(Direct(self.world.api, self._moved, user, "upgrade"))
        cluster = RestCluster(Retrying(counted, self.clock))
        return Connection(cluster, identify(cluster, "sandbox", "http://sandbox"), counted, self.clock)

    def _moved(self) -> None:
        self.watch.look()
        self.world.settle()
        self.watch.look()

    def hold(self, folder: RunFolder, **manner: Any) -> str:
        """As usual, with the step under way noted."""
        observers = (*manner.pop("observers", ()), self._hear)
        return super().hold(folder, observers=observers, **manner)

    def _hear(self, event: RunEvent) -> None:
        if isinstance(event, StepStarted):
            self.step = event.step
            self.watch.step = f"{event.step} {event.title}"

    def wrote(self, folder: Path, change: ApiChange) -> None:
        """A write was accepted."""
        if self.step in self.wanted and self.step not in self.kept:
            place = self.place / f"at-{self.step}"
            shutil.copytree(folder, place / "runs" / folder.name)
            self.kept[self.step] = self.forked(place)
        if self.meddle is not None:
            self.meddle(self, self.step, change)

    def meddle_once(self, when: str, what: Callable[[], object]) -> None:
        """Do *what*, once, after the first write of a step with *when* in its title."""
        done: list[str] = []

        def meddle(journey: Watched, step: str, _: ApiChange) -> None:
            if when in journey.watch.step and not done:
                done.append(step)
                what()

        self.meddle = meddle

    def stopped_with(self, code: str, **wish: Any) -> str:
        """Run to what stops it, which must have *code*; returns the words, and lets nobody meddle any more."""
        with pytest.raises(UpgradeError) as caught:
            self.begin(self.plan(**wish))
        self.meddle = None
        assert caught.value.code == code, (caught.value.headline, caught.value.what)
        return "; ".join((caught.value.headline, *caught.value.what))

    def only_run(self) -> RunFolder:
        """The one run of this place."""
        (place,) = (self.place / "runs").iterdir()
        return RunFolder(place)


def points(plan: Plan, number: int, *, all_the_way: bool = False) -> list[str]:
    """Steps of the first hop before its removal (or of everything): the middle of each of *number* parts."""
    items = [i for _, _, i in plan.items() if not isinstance(i.action, Gate | BackUp)]
    end = next((n for n, i in enumerate(items) if isinstance(i.action, RemoveObjects)), len(items))
    ids = [i.id for i in (items if all_the_way else items[:end])]
    if number >= len(ids):
        return ids
    return [ids[int((n + 0.5) * len(ids) / number)] for n in range(number)]


@dataclass
class Proof:
    """What came of it.

    Attributes:
        journey: The world at its end.
        probes: Dry-run questions asked in all runs.
        wrong: Everything that was not as it should be.
    """

    plan: Plan
    journey: Watched
    start: dict[str, Any]
    probes: int = 0
    wrong: list[str] = field(default_factory=list)


def prove(
    site: Site,
    place: Path,
    manifests: Path,
    to: str = "next",
    backs: int = 0,
    kills: int = 0,
    left: Sequence[str] = (),
    excused: Sequence[str] = (),
    **wish: Any,
) -> Proof:
    """Take the mesh to the end; then back, and killed and on, from several points.

    With ``UPGRADER_EVERY_POINT=1`` in the environment from every one.

    Args:
        backs: From how many points the run is rolled back.
        kills: At how many points it is killed and resumed.
        left: Beginnings of differences after going back that are right.
        excused: Beginnings of what the observer may see.
    """
    whole = os.environ.get("UPGRADER_EVERY_POINT") == "1"
    start = Watched.at(site, place / "start", manifests)
    start.watch.excused |= set(excused)
    before = contents(start.world, without=SHARED)
    plan = start.plan(to, **wish)
    assert not plan.blocked, [
        f"{f.code} {f.subject}: {f.summary} | {f.do}" for f in plan.findings if f.blocks
    ]
    journey = start.forked(place / "straight")
    every = 10_000
    killed = set(points(plan, every if whole else kills, all_the_way=True))
    back = set(points(plan, every if whole else backs))
    journey.wanted = frozenset(killed | back)
    journey.begin(plan)
    proof = Proof(plan, journey, before)
    _account(proof, journey, "straight")
    journey.world.advance(SETTLED)
    end = contents(journey.world)
    for step, kept in journey.kept.items():
        if step in killed:
            _killed(proof, kept.forked(kept.place), step, end)
        if step in back:
            _back(proof, kept, step, before, left)
    return proof


def _account(proof: Proof, journey: Watched, how: str) -> None:
    proof.probes += journey.watch.probes
    proof.wrong += [f"{how}: {text}" for text in journey.watch.wrong]


def _killed(proof: Proof, kept: Watched, step: str, end: dict[str, Any]) -> None:
    place = kept.place / "resumed"
    shutil.copytree(kept.place / "runs", place / "runs")
    one = kept.forked(place)
    one.resume(one.only_run())
    _account(proof, one, f"killed at {step}")
    one.world.advance(SETTLED)
    proof.wrong += [f"killed at {step}: other end: {line}" for line in differences(end, contents(one.world))]


def _back(proof: Proof, kept: Watched, step: str, before: dict[str, Any], left: Sequence[str]) -> None:
    kept.roll_back(kept.only_run())
    _account(proof, kept, f"back from {step}")
    kept.world.advance(SETTLED)
    now = contents(kept.world, without=SHARED)
    lines = [
        line for line in differences(before, now) if not any(name in line.split(":")[0] for name in _LEFT)
    ]
    proof.wrong += [f"back from {step}: {line}" for line in lines if not any(one in line for one in left)]


def proxies(world: World) -> dict[str, set[str]]:
    """Proxy version to the owners of the live pods that run it."""
    found: dict[str, set[str]] = {}
    for pod in world.store.list("", "pods"):
        if pod["status"].get("phase") in ("Succeeded", "Failed"):
            continue
        for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]:
            if container["name"] == "istio-proxy":
                owner = (pod["metadata"].get("ownerReferences") or [{"name": pod["metadata"]["name"]}])[0][
                    "name"
                ]
                found.setdefault(container["image"].rpartition(":")[2], set()).add(
                    f"{pod['metadata']['namespace']}/{owner}"
                )
    return found


def remains(world: World, *words: str) -> list[str]:
    """Everything in the cluster that still carries one of *words* in its name or labels."""
    found = []
    for key, obj in contents(world).items():
        labels = (obj.get("metadata") or {}).get("labels") or {} if isinstance(obj, dict) else {}
        if key != "pods" and any(w in key.rpartition("/")[2] or w in labels.values() for w in words):
            found.append(key)
    return found
