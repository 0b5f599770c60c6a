"""The checks on meshes that the sandbox brought up and the survey read."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest

from tests.checks.asking import context
from upgrader.checks import run_checks
from upgrader.cluster.identity import identify
from upgrader.cluster.rest import RestCluster
from upgrader.model.finding import Finding, Severity
from upgrader.model.version import Version
from upgrader.planning.route import running
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import read_scenario
from upgrader.sandbox.world import World
from upgrader.survey.take import take

pytestmark = pytest.mark.slow


@cache
def findings(name: str) -> tuple[Finding, ...]:
    """What the checks say about a scenario on the way to its target."""
    scenario = read_scenario(name)
    world = World(kubernetes=scenario.kubernetes)
    load(world, name)
    cluster = RestCluster(world.transport())
    mesh = take(cluster, identify(cluster, name, "https://sandbox"), world.clock.now())
    plane = running(mesh)
    start = [str(Version.parse(plane.version))] if plane else []
    return run_checks(mesh, context(" ".join([*start, *map(str, scenario.versions)]))).findings


def blocked(name: str) -> Mapping[str, str]:
    """Subject to code of everything that blocks."""
    return {f.subject: f.code for f in findings(name) if f.severity is Severity.BLOCKED}


def test_a_healthy_shop_is_not_blocked_and_raises_no_false_alarm() -> None:
    assert blocked("shop") == {}
    assert [(f.code, f.subject) for f in findings("shop")] == [
        ("UPG-0312", "payments/settlement"),
        ("UPG-0327", "revision 1-27-9"),
    ]


def test_the_stale_gateway_is_refused_as_two_minors_behind() -> None:
    assert blocked("stale-gateway") == {"istio-system/istio-ingressgateway": "UPG-0201"}
    [found] = [f for f in findings("stale-gateway") if f.code == "UPG-0201"]
    assert "1.15.7, two minors behind revision 1-17-8 (1.17.8)" in found.summary


def test_an_old_mesh_without_a_revision_is_not_blocked() -> None:
    assert blocked("legacy") == {}


def test_everything_that_is_in_the_way_in_the_hostile_mesh_is_found_once() -> None:
    assert blocked("hostile") == {
        "shop/search": "UPG-0201",
        "shop/redis-cart": "UPG-0308",
        "shop/frozen": "UPG-0310",
        "shop/debug": "UPG-0311",
        "batch/reindex": "UPG-0312",
        "istio-revision-tag-canary": "UPG-0322",
        "Namespace shop": "UPG-0328",
    }
    mild = {f.subject: f.code for f in findings("hostile") if f.severity is Severity.ADVISORY}
    assert (
        mild.items()
        >= {"shop/ledger": "UPG-0309", "shop/licence": "UPG-0317", "Namespace both": "UPG-0318"}.items()
    )


def test_an_empty_cluster_has_no_istio() -> None:
    assert blocked("empty") == {"": "UPG-0106"}


@pytest.mark.parametrize("name", ["shop", "stale-gateway", "legacy", "hostile", "empty"])
def test_every_finding_reads_well(name: str) -> None:
    for found in findings(name):
        assert found.summary.startswith(found.subject), found
        assert not found.summary.endswith("."), found
        assert found.why, found
        assert found.do, found
        assert "\n" not in "".join((found.summary, found.why, *found.what, *found.do)), found


def test_each_of_the_six_hops_of_the_old_mesh_has_what_belongs_to_it() -> None:
    told = {(f.code, f.subject): f.hop for f in findings("legacy")}
    assert told["UPG-0398", "1.13-cors-after-fault"] == 1
    assert told["UPG-0354", "EnvoyFilters of istio-system"] == 1
    assert told["UPG-0356", "CRD proxyconfigs.networking.istio.io"] == 1
    assert told["UPG-0355", "CRD referencegrants.gateway.networking.k8s.io"] == 6
