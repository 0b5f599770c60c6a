"""What a plan says of its restarts and of its time, and what it does not know."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from tests.checks.objects import node
from tests.meshes import mesh, shop
from tests.planning.planned import PLAYBOOK, plan
from upgrader.checks.restarts.restart import Range
from upgrader.planning.outlook.estimate import LOOK, PLANE, estimate, expected_of
from upgrader.planning.outlook.expected import Outlook, WaveTime
from upgrader.planning.plan import Plan
from upgrader.steps import RestartWorkload

PLAN = plan(shop(), "1.28.10", "1.29.6")


def wave(made: Plan, name: str, hop: int = 1) -> WaveTime:
    return next(w for h in expected_of(made).hops if h.hop == hop for w in h.waves if w.wave == name)


def test_every_restart_of_the_plan_is_foreseen_once_with_its_hops() -> None:
    restarted = {str(i.action.ref) for _, _, i in PLAN.items() if isinstance(i.action, RestartWorkload)}
    foreseen = [r.workload for r in PLAN.outlook.restarts]
    assert len(foreseen) == len(set(foreseen))
    assert restarted < set(foreseen)
    assert {r.hops for r in PLAN.outlook.restarts} == {(1, 2)}


def test_a_gateway_that_istiod_rolls_is_foreseen_too() -> None:
    [rolled] = [r for r in PLAN.outlook.restarts if r.how == "roll"]
    assert rolled.gateway == "istio-ingress/web"
    assert rolled.name.startswith("istio-ingress/web")


def test_what_stays_behind_is_not_foreseen() -> None:
    left = plan(shop(), "1.28.10", exclude=("shop/cart",))
    assert "Deployment shop/cart" not in {r.workload for r in left.outlook.restarts}
    assert plan(shop("1.28.10"), "1.28.10").outlook == Outlook()


def test_hops_are_the_sum_of_their_waves_and_the_plan_of_its_hops() -> None:
    found = expected_of(PLAN)
    assert found.length == sum((h.length for h in found.hops), Range())
    for hop in found.hops:
        assert hop.length == sum((w.length for w in hop.waves), Range())
    assert found.approvals == 2


def test_a_wave_is_as_long_as_its_restarts_one_after_the_other_and_its_soak() -> None:
    one = mesh().plane("1.27.9").namespace("sandbox", rev="1-27-9")
    for name in ("a", "b"):
        one.deployment(f"sandbox/{name}", replicas=1).pods_of(
            f"sandbox/{name}", 1, on="1-27-9", ready_after=10
        )
    found = wave(plan(one, "1.28.10"), "canary")
    assert found.restarts == Range(timedelta(seconds=2 * 15), timedelta(seconds=2 * (10 + 20 + 30 + LOOK)))
    assert found.soak == timedelta(minutes=10)
    assert found.length.shortest > found.restarts.shortest + found.soak
    assert found.slowest in {"Deployment sandbox/a", "Deployment sandbox/b"}


def test_restarts_that_go_at_once_take_as_long_as_the_longer_row() -> None:
    rest = msgspec.structs.replace(PLAYBOOK.waves[1], at_once=2)
    three = mesh().plane("1.27.9").namespace("shop", rev="1-27-9")
    for name, seconds in (("a", 100), ("b", 10), ("c", 10)):
        three.deployment(f"shop/{name}", replicas=1).pods_of(
            f"shop/{name}", 1, on="1-27-9", ready_after=seconds
        )
    made = plan(three, "1.28.10", playbook=msgspec.structs.replace(PLAYBOOK, waves=(rest,)))
    assert wave(made, "rest").restarts.shortest == timedelta(seconds=105)


def test_a_pod_that_starts_slowly_makes_the_plan_longer() -> None:
    slow = shop().pods_of("shop/cart", 1, on="1-27-9", ready_after=400)
    assert estimate(plan(slow, "1.28.10")).longest > estimate(plan(shop(), "1.28.10")).longest + timedelta(
        minutes=5
    )


def test_what_the_time_rests_on_is_said_by_its_source() -> None:
    silent = expected_of(PLAN).basis
    assert "seen" not in {b.source for b in silent}
    assert any(b.source == "assumed" and "that do not tell" in b.words for b in silent)
    assert any(b.source == "unknown" and "approvals" in b.words for b in silent)
    telling = expected_of(plan(shop().pods_of("shop/cart", 1, on="1-27-9", ready_after=7), "1.28.10")).basis
    assert any(b.source == "seen" and b.words.startswith("1 pod of 1 workload took 7 s") for b in telling)


def test_what_could_not_be_read_is_in_the_plan() -> None:
    blind = plan(shop().unread("resourcequotas", optional=True), "1.28.10")
    assert "whether quotas have room" in blind.outlook.unknown[0]
    assert any(b.source == "unknown" and "resourcequotas" in b.words for b in expected_of(blind).basis)


def test_the_wave_with_most_pods_more_than_now_is_named_with_what_nodes_have_left() -> None:
    asks = {"requests": {"cpu": "1", "memory": "1Gi"}}
    made = mesh().plane("1.27.9").namespace("shop", rev="1-27-9")
    made.deployment("shop/a", proxies=8, asks=asks).deployment("shop/b", proxies=4, asks=asks)
    peak = plan(made, "1.28.10").outlook.peak
    assert peak is not None
    assert (peak.wave, peak.pods, peak.free_cpu) == ("rest", 3, None)
    assert round(peak.cpu, 1) == 3.3  # and a tenth of a core for each sidecar
    seen = plan(made.having(documents=(node(),)), "1.28.10").outlook.peak
    assert seen is not None
    assert seen.free_cpu is not None
    still = mesh().plane("1.27.9").namespace("shop", rev="1-27-9").stateful_set("shop/db", proxies=3)
    assert plan(still, "1.28.10").outlook.peak is None


def test_a_plan_of_an_older_release_is_estimated_from_its_steps() -> None:
    old = msgspec.structs.replace(PLAN, outlook=Outlook(), expected=None)
    assert timedelta(minutes=30) < estimate(old).shortest < estimate(old).longest
    assert wave(old, "install").length.shortest >= timedelta(seconds=PLANE[0])
