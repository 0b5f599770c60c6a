"""Killed anywhere and resumed, rolled back from anywhere: the cluster is the one it should be."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import pytest

from tests.journeys.comparing import contents, differences
from tests.journeys.driving import Journey, Killed, Mortal
from upgrader.engine.folder import RunFolder
from upgrader.model.change import ApiChange
from upgrader.model.event import PhaseEntered
from upgrader.model.kinds import Obj
from upgrader.planning.plan import Plan
from upgrader.sandbox.world import World

pytestmark = [pytest.mark.journey, pytest.mark.slow]

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


def undisturbed(journey: Journey, plan: Plan) -> tuple[int, dict[str, object]]:
    """How many writes a run takes, and the cluster afterwards."""
    journey.begin(plan)
    return journey.last_writes, contents(journey.world)


def moments(
    journey: Journey, plan: Plan, wanted: set[tuple[int, bool]], keep: Path
) -> dict[tuple[int, bool], Journey]:
    """The run once more, with the state around every wanted write kept."""
    made: list[Moments] = []

    def watch(folder: Path) -> Moments:
        made.append(Moments(journey, folder, wanted, keep))
        return made[0]

    journey.cluster_of = watch
    journey.begin(plan)
    return made[0].kept


@pytest.fixture(scope="module")
def runs(
    shop_world: World, shop_manifests: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Journey, Plan, int, dict[str, object]]:
    """One hop of the shop, undisturbed: journey at its start, plan, number of writes, the cluster at its end."""
    start = Journey(shop_world.fork(), tmp_path_factory.mktemp("start"), shop_manifests)
    plan = start.plan("1.28")
    writes, end = undisturbed(start.fork(tmp_path_factory.mktemp("straight")), plan)
    return start, plan, writes, end


def only_run(journey: Journey) -> RunFolder:
    (place,) = (journey.place / "runs").iterdir()
    return RunFolder(place)


def test_killed_at_thirty_random_points_and_resumed_the_cluster_is_that_of_an_undisturbed_run(
    runs: tuple[Journey, Plan, int, dict[str, object]], tmp_path: Path
) -> None:
    start, plan, writes, end = runs
    chance = random.Random(20260105)
    wanted = {(chance.randint(1, writes), chance.random() < 0.5) for _ in range(POINTS * 2)}
    wanted = set(sorted(wanted, key=lambda _: chance.random())[:POINTS])
    assert len(wanted) == POINTS

    kept = moments(start.fork(tmp_path / "watched"), plan, wanted, tmp_path / "kept")

    assert kept.keys() == wanted
    wrong = {}
    for moment, journey in kept.items():
        assert journey.resume(only_run(journey)) == "done"
        if found := differences(end, contents(journey.world)):
            wrong[moment] = found
    assert wrong == {}


def test_rolled_back_from_ten_points_before_retirement_the_cluster_is_what_it_was(
    runs: tuple[Journey, Plan, int, dict[str, object]], tmp_path: Path
) -> None:
    start, plan, writes, _ = runs
    begin = contents(start.world, without=SHARED)
    retire = writes - sum(
        1 for _, _, i in plan.items() if i.mark == "-" for _ in getattr(i.action, "objects", ())
    )
    wanted = {(6 + number * (retire - 12) // BACK, True) for number in range(BACK)}
    assert len(wanted) == BACK

    kept = moments(start.fork(tmp_path / "watched"), plan, wanted, tmp_path / "kept")

    wrong = {}
    for moment, journey in kept.items():
        assert journey.roll_back(only_run(journey)) == "rolled-back"
        journey.world.advance(30)
        if found := differences(begin, contents(journey.world, without=SHARED)):
            wrong[moment] = found
    assert wrong == {}


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
