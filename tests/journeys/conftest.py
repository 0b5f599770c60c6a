"""Worlds that are loaded once and forked for every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.driving import Journey
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World


@pytest.fixture(scope="session")
def shop_world() -> World:
    world = World(kubernetes="1.33")
    load(world, "shop")
    return world


@pytest.fixture(scope="session")
def shop_manifests(tmp_path_factory: pytest.TempPathFactory, shop_world: World) -> Path:
    place = tmp_path_factory.mktemp("shop")
    return Journey.of(shop_world, place, "shop").manifests


@pytest.fixture
def shop(shop_world: World, shop_manifests: Path, tmp_path: Path) -> Journey:
    """The healthy shop on revision 1-27-9, to do with as one likes."""
    return Journey(shop_world.fork(), tmp_path, shop_manifests)
