"""One desk for each test, and a small mesh for whole runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.desk import Desk
from tests.journeys.driving import Journey
from tests.journeys.meshes.building import site
from upgrader.planning.plan import Plan


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """An empty cluster without controllers, and a run directory."""
    tmp_path.chmod(0o700)
    return Desk(tmp_path)


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """A mesh of one namespace with two workloads, ready for one hop."""
    place = tmp_path_factory.mktemp("small")
    made = (
        site("1.27.9").namespace("shop", rev="1-27-9").deployment("shop/cart").deployment("shop/web").wait()
    )
    return Journey(made.world, place, made.manifests(place / "manifests", "1.28.10"))


@pytest.fixture
def mesh(small: Journey, tmp_path: Path) -> Journey:
    """The small mesh, to do with as one likes."""
    return small.fork(tmp_path)


@pytest.fixture(scope="session")
def one_hop(small: Journey) -> Plan:
    """The plan of its one hop."""
    return small.plan("1.28")


@pytest.fixture(scope="session")
def undisturbed(small: Journey, one_hop: Plan, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """The small mesh after a run that nothing disturbed."""
    journey = small.fork(tmp_path_factory.mktemp("undisturbed"))
    journey.begin(one_hop)
    journey.world.advance(60)
    return journey
