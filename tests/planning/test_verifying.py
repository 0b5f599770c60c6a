"""What `upgrade verify` says of whole meshes: nothing of a healthy one, and the one right thing of a broken one."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import pytest

from tests.journeys.driving import Journey
from upgrader.cli.wiring import survey
from upgrader.engine.driving.wait import looked
from upgrader.model.step import Reading, Verdict
from upgrader.planning.expect import expectations
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import read_scenario
from upgrader.sandbox.world import World

pytestmark = pytest.mark.slow
MERGE = "application/merge-patch+json"
APPS, CORE = "/apis/apps/v1/namespaces", "/api/v1/namespaces"


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Journey]:
    """A scenario that is loaded once; every test gets a copy."""
    made: dict[str, Journey] = {}

    def get(name: str) -> Journey:
        if name not in made:
            world = World(kubernetes=read_scenario(name).kubernetes)
            load(world, name)
            world.settle()
            made[name] = Journey.of(world, tmp_path_factory.mktemp(name), name)
        place = Path(tmp_path_factory.mktemp("copy")) / "here"
        return made[name].fork(place)

    return get


def verified(journey: Journey, *namespaces: str) -> list[tuple[str, Reading]]:
    connection = journey.connection()
    probes: Sequence[object] = expectations(survey(connection), namespaces)
    return [(p.title(), looked(partial(p.look, connection.reader))) for p in probes]  # type: ignore[attr-defined]


def broken(journey: Journey, *namespaces: str) -> list[tuple[str, str]]:
    found = verified(journey, *namespaces)
    return [(title, r.summary) for title, r in found if r.verdict is not Verdict.HOLDS]


def patch(journey: Journey, path: str, body: object) -> None:
    journey.world.local().patch(path, json.dumps(body).encode(), MERGE)
    journey.world.advance(60)


@pytest.mark.parametrize("name", ["shop", "legacy"])
def test_everything_holds_in_a_healthy_mesh(mesh: Callable[[str], Journey], name: str) -> None:
    found = verified(mesh(name))
    assert len(found) > 4
    assert [(t, r.summary) for t, r in found if r.verdict is not Verdict.HOLDS] == []


def test_everything_holds_after_an_upgrade(mesh: Callable[[str], Journey]) -> None:
    shop = mesh("shop")
    shop.begin(shop.plan())
    assert broken(shop) == []
    assert any("1-28-10" in title for title, _ in verified(shop))


def test_a_webhook_whose_service_is_gone_is_named(mesh: Callable[[str], Journey]) -> None:
    shop = mesh("shop")
    shop.world.local().delete(f"{CORE}/istio-system/services/istiod-1-27-9")
    shop.world.advance(60)
    titles = dict(broken(shop))
    assert "istio-system/istiod-1-27-9" in titles["every Istio webhook leads to a Service that answers"]


def test_a_namespace_that_was_bound_to_nothing_is_named(mesh: Callable[[str], Journey]) -> None:
    shop = mesh("shop")
    patch(shop, f"{CORE}/sandbox", {"metadata": {"labels": {"istio.io/rev": "nowhere"}}})
    assert any("sandbox" in f"{title} {said}" for title, said in broken(shop))


def test_a_pinned_proxy_is_named(mesh: Callable[[str], Journey]) -> None:
    shop = mesh("shop")
    pin = {"sidecar.istio.io/proxyImage": "docker.io/istio/proxyv2:1.26.8"}
    patch(
        shop,
        f"{APPS}/shop/deployments/cart",
        {"spec": {"template": {"metadata": {"annotations": pin}}}},
    )
    assert any("shop/cart" in said for _, said in broken(shop))


def test_a_workload_that_was_bound_anew_and_not_restarted_is_named(mesh: Callable[[str], Journey]) -> None:
    hostile = mesh("hostile")
    assert any("shop/search" in said for _, said in broken(hostile))


def test_only_the_namespaces_that_were_asked_for_are_looked_at(mesh: Callable[[str], Journey]) -> None:
    hostile = mesh("hostile")
    assert broken(hostile)
    assert broken(hostile, "both") == []
    assert all("shop" in said for _, said in broken(hostile, "shop"))
