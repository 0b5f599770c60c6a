"""Killed anywhere and resumed, rolled back from anywhere: the cluster is the one it should be."""

from __future__ import annotations

import random
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys.comparing import contents, differences
from tests.journeys.driving import Journey, Killed, Mortal
from upgrader.engine.keeping.folder import RunFolder
from upgrader.model.change import ApiChange
from upgrader.model.event import PhaseEntered
from upgrader.model.kinds import Obj
from upgrader.planning.plan import Plan
from upgrader.sandbox.world import World

pytestmark = [pytest.mark.slow]

POINTS = 30
BACK = 10
SHARED = frozenset({"customresourcedefinitions"})
"""What going back leaves as it is, and says so: definitions serve both versions."""


class Moments(Mortal):
    """Remembers world and run directory around chosen writes, as a kill there would leave them."""

    def __init__(self, journey: Journey, folder: Path, wanted: set[tuple[int, bool]], keep: Path) -> None:
        super().__init__(journey.connection().cluster, folder)
        self._journey = journey
        self._run = folder
        self._wanted = wanted
        self._keep = keep
        self.kept: dict[tuple[int, bool], Journey] = {}

    def perform(self, change: ApiChange) -> Obj | None:
        number = self.writes + 1
        self._remember((number, False))
        answer = super().perform(change)
        self._remember((number, True))
        return answer

    def _remember(self, moment: tuple[int, bool]) -> None:
        if moment in self._wanted:
            place = self._keep / f"{moment[0]}-{moment[1]}"
            shutil.copytree(self._run, place / "runs" / self._run.name)
            self.kept[moment] = self._journey.fork(place)
            self.kept[moment].processes = 100


@dataclass(frozen=True)
class Watched:
    """One hop of the shop, run twice: undisturbed, and once more with the state around many writes kept.

    Attributes:
        begin: The cluster before.
        end: The cluster after an undisturbed run.
        kills: Thirty random moments.
        backs: Ten moments before retirement, evenly spread.
    """

    begin: dict[str, object]
    end: dict[str, object]
    kills: list[tuple[int, bool]]
    backs: list[tuple[int, bool]]
    kept: dict[tuple[int, bool], Journey]


@pytest.fixture(scope="module")
def watched(shop_world: World, shop_manifests: Path, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """The same moments on every worker: world, plan and numbers are the same each time."""
    start = Journey(shop_world.fork(), tmp_path_factory.mktemp("start"), shop_manifests)
    plan = start.plan("1.28")
    straight = start.fork(tmp_path_factory.mktemp("straight"))
    straight.begin(plan)
    writes = straight.last_writes
    kills, backs = _random_moments(writes), _moments_before_retirement(plan, writes)
    kept = _kept(
        start.fork(tmp_path_factory.mktemp("watched")),
        plan,
        {*kills, *backs},
        tmp_path_factory.mktemp("kept"),
    )
    begin = contents(start.world, without=SHARED)
    return Watched(begin, contents(straight.world), kills, backs, kept)


def _random_moments(writes: int) -> list[tuple[int, bool]]:
    every = [(number, after) for number in range(1, writes + 1) for after in (False, True)]
    return random.Random(20260105).sample(every, POINTS)


def _moments_before_retirement(plan: Plan, writes: int) -> list[tuple[int, bool]]:
    removed = sum(len(getattr(i.action, "objects", ())) for _, _, i in plan.items() if i.mark == "-")
    last = writes - removed - 8
    return [(8 + number * (last - 8) // BACK, True) for number in range(BACK)]


def _kept(
    journey: Journey, plan: Plan, wanted: set[tuple[int, bool]], keep: Path
) -> dict[tuple[int, bool], Journey]:
    made: list[Moments] = []

    def watch(folder: Path) -> Moments:
        made.append(Moments(journey, folder, wanted, keep))
        return made[0]

    journey.cluster_of = watch
    journey.begin(plan)
    return made[0].kept


def only_run(journey: Journey) -> RunFolder:
    (place,) = (journey.place / "runs").iterdir()
    return RunFolder(place)


@pytest.mark.parametrize("number", range(POINTS))
def test_killed_at_a_random_point_and_resumed_the_cluster_is_that_of_an_undisturbed_run(
    watched: Watched, number: int
) -> None:
    moment = watched.kills[number]
    journey = watched.kept[moment].fork_with_runs(f"kill-{number}")

    assert journey.resume(only_run(journey)) == "done"

    assert differences(watched.end, contents(journey.world)) == [], f"killed at {moment}"


@pytest.mark.parametrize("number", range(BACK))
def test_rolled_back_from_a_point_before_retirement_the_cluster_is_what_it_was(
    watched: Watched, number: int
) -> None:
    moment = watched.backs[number]
    journey = watched.kept[moment].fork_with_runs(f"back-{number}")

    assert journey.roll_back(only_run(journey)) == "rolled-back"

    journey.world.advance(30)
    assert differences(watched.begin, contents(journey.world, without=SHARED)) == [], (
        f"rolled back from {moment}"
    )


def test_killed_while_resuming_and_while_rolling_back_it_still_ends_well(shop: Journey) -> None:
    begin = contents(shop.world, without=SHARED)
    plan = shop.plan("1.28")
    with pytest.raises(Killed):
        shop.begin(plan, at=60, after=True)
    folder = only_run(shop)
    with pytest.raises(Killed):
        shop.resume(folder, at=12)
    with pytest.raises(Killed):
        shop.roll_back(folder, at=9, after=True)
    with pytest.raises(Killed):
        shop.resume(folder, at=5)

    assert shop.resume(folder) == "rolled-back"
    shop.world.advance(30)

    assert differences(begin, contents(shop.world, without=SHARED)) == []
    assert "rolled-back" in [e.phase for e in shop.events if isinstance(e, PhaseEntered)]
