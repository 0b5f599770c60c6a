"""A way that no single Kubernetes serves: one plan up to the point where it must change, another one after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.journeys.driving import Journey
from upgrader.model.finding import Severity
from upgrader.sandbox.clock import VirtualClock
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World

pytestmark = pytest.mark.slow


def proxy_versions(world: World) -> set[str]:
    """Tags of the proxy images of all pods that run."""
    running = [pod for pod in world.store.list("", "pods") if pod["status"]["phase"] == "Running"]
    containers = [c for pod in running for c in pod["spec"]["containers"] if c["name"] == "istio-proxy"]
    return {c["image"].rpartition(":")[2] for c in containers}


def test_a_long_way_is_gone_in_two_plans_with_an_upgrade_of_kubernetes_between_them(tmp_path: Path) -> None:
    world = World(kubernetes="1.22")
    load(world, "legacy")
    before = Journey.of(world, tmp_path / "before", "legacy")

    first = before.plan("1.18")
    assert first.path == ("1.12.9", "1.13.9", "1.14.6", "1.15.7", "1.16.7")
    assert not first.blocked
    [rest] = [f for f in first.findings if f.code == "UPG-0113"]
    assert rest.severity is Severity.ADVISORY
    assert rest.hop == 4
    assert rest.summary == "Istio 1.18: this plan ends at 1.16; before 1.17, Kubernetes must be 1.24 to 1.25"
    before.begin(first)
    assert proxy_versions(world) == {"1.16.7"}

    upgraded = World(kubernetes="1.24", clock=VirtualClock(world.clock.now()), former=world)
    after = Journey.of(upgraded, tmp_path / "after", "legacy")
    second = after.plan("1.18")
    assert second.path == ("1.16.7", "1.17.8", "1.18.7")
    assert {"UPG-0113", "UPG-0304"} & {f.code for f in second.findings} == set()
    assert not second.blocked


def test_a_target_that_one_other_kubernetes_serves_all_the_way_to_is_refused_as_a_whole(
    tmp_path: Path,
) -> None:
    world = World(kubernetes="1.22")
    load(world, "stale-gateway")
    there = Journey.of(world, tmp_path, "stale-gateway")
    plan = there.plan("1.18", exclude=("istio-system/istio-ingressgateway",))
    [refused] = [f for f in plan.findings if f.code == "UPG-0304" and f.severity is Severity.BLOCKED]
    assert refused.do[0] == "upgrade Kubernetes to 1.24 to 1.26 before hop 1; that serves every hop"
    assert "UPG-0113" not in {f.code for f in plan.findings}
