"""Meshes that nobody thought of: they arrive, come back from anywhere, and survive a bad connection.

``UPGRADER_MESHES=100`` in the environment draws so many instead of a few.
"""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.engine.faults import Lossy
from tests.journeys.comparing import contents, differences
from tests.journeys.meshes.drawing import draw
from tests.journeys.meshes.proving import SETTLED, Watched, prove, proxies
from upgrader.cli.wiring import Connection
from upgrader.cluster.identity import identify
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Counting, Retrying
from upgrader.engine.keeping.folder import runs_in
from upgrader.model.errors import UpgradeError
from upgrader.model.failures import ClusterFailure

pytestmark = [pytest.mark.journey, pytest.mark.slow]

MESHES = range(int(os.environ.get("UPGRADER_MESHES", "8")))
TRIES = 20


@pytest.mark.parametrize("number", MESHES)
def test_it_arrives_killed_or_not_and_comes_back(number: int, tmp_path: Path) -> None:
    mesh = draw(number)
    manifests = mesh.site.manifests(tmp_path, mesh.target, ingress=mesh.ingress)
    proof = prove(mesh.site, tmp_path, manifests, to=mesh.target, kills=2, backs=2)
    assert proof.wrong == []
    if proof.plan.hops:
        assert {v.removesuffix("-distroless") for v in proxies(proof.journey.world)} <= {mesh.target}


@pytest.mark.parametrize("number", MESHES)
def test_a_part_of_it_moves_or_the_plan_says_what_stands_in_the_way(number: int, tmp_path: Path) -> None:
    mesh, pick = draw(number), random.Random(number)
    name = pick.choice([*mesh.spaces, *mesh.apps])
    wish = {pick.choice(["only", "exclude"]): (name,)}
    manifests = mesh.site.manifests(tmp_path, mesh.target, ingress=mesh.ingress)
    one = Watched.at(mesh.site, tmp_path / "part", manifests)
    try:
        plan = one.plan(mesh.target, **wish)
    except UpgradeError as refused:
        assert refused.code == "UPG-0014", "it is in the cluster and not in the mesh"  # noqa: PT017
        return
    assert all(f.do for f in plan.findings if f.blocks)
    if not plan.blocked and plan.hops:
        one.begin(plan)
        assert one.watch.wrong == []


class Lost(Watched):
    """A journey over a connection that loses something now and then, once ``bad`` is set."""

    bad: random.Random | None = None

    def connection(self, user: str = "admin") -> Connection:
        good = super().connection(user)
        if self.bad is None:
            return good
        counted = Counting(Lossy(self.world.transport(user), self.bad))
        cluster = RestCluster(Retrying(counted, self.clock))
        return Connection(cluster, identify(good.cluster, "sandbox", "http://sandbox"), counted, self.clock)


@pytest.mark.parametrize("number", MESHES)
def test_over_a_bad_connection_it_ends_as_over_a_good_one(number: int, tmp_path: Path) -> None:
    mesh = draw(number)
    manifests = mesh.site.manifests(tmp_path, mesh.target, ingress=mesh.ingress)
    good = Lost.at(mesh.site, tmp_path / "good", manifests)
    plan, bad = good.plan(mesh.target), good.forked(tmp_path / "bad")
    if not plan.hops:
        return
    good.begin(plan)
    bad.bad = random.Random(number)
    for _ in range(TRIES):
        begun = runs_in(bad.place / "runs")
        try:
            if (bad.resume(begun[0]) if begun else bad.begin(plan)) != "parked":
                break
        except (ClusterFailure, UpgradeError):
            continue
    else:
        pytest.fail(f"not done after {TRIES} tries")
    for world in (good.world, bad.world):
        world.advance(SETTLED)
    assert differences(contents(good.world), contents(bad.world)) == []
    assert bad.watch.wrong == []
