"""The main job from end to end."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.journeys.comparing import contents, differences
from tests.journeys.driving import Journey
from upgrader.engine.driving.wait import Stopped
from upgrader.engine.keeping.folder import runs_in
from upgrader.model.event import Intent, Outcome, RunClosed, StepSettled
from upgrader.model.kinds import Obj
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World

pytestmark = [pytest.mark.slow]


def proxies(world: World) -> Counter[str]:
    """Proxy image tags of all pods that have not ended."""
    found: Counter[str] = Counter()
    running = [pod for pod in world.store.list("", "pods") if pod["status"]["phase"] == "Running"]
    for pod in running:
        for container in [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or [])]:
            if container["name"] == "istio-proxy":
                found[container["image"].rpartition(":")[2]] += 1
    return found


def test_the_shop_goes_two_minors_up_and_nothing_of_the_old_revisions_is_left(shop: Journey) -> None:
    plan = shop.plan("1.29")
    assert not plan.blocked
    before = contents(shop.world)

    shop.begin(plan)

    assert isinstance(shop.events[-2], RunClosed)
    assert proxies(shop.world).keys() == {"1.29.6"}
    deployments = [
        d["metadata"]["name"] for d in shop.world.store.list("apps", "deployments", "istio-system")
    ]
    assert deployments == ["istiod-1-29-6"]
    leftovers = [key for key in contents(shop.world) if "1-27-9" in key or "1-28-10" in key]
    assert leftovers == []
    assert shop.world.istio is not None
    assert shop.world.istio.emptied == []
    assert shop.world.istio.fights == []
    changed = [
        line for line in differences(before, contents(shop.world)) if "networking.istio.io" in line.split()[0]
    ]
    assert changed == []


def test_stopped_between_its_hops_it_goes_on_to_a_wave_of_the_second(shop: Journey) -> None:
    plan = shop.plan("1.29")
    with pytest.raises(Stopped):
        shop.begin(plan, until="hop")
    with pytest.raises(Stopped):
        shop.resume(runs_in(shop.place / "runs")[0], until="backup")
    first, second = ({item.id for item in hop.items()} for hop in plan.hops)
    settled = {event.step for event in shop.events if isinstance(event, StepSettled)}
    assert first <= settled
    assert settled & second == {item.id for item in plan.hops[1].waves[0].items}


def test_a_second_plan_after_the_upgrade_has_nothing_to_do(shop: Journey) -> None:
    shop.begin(shop.plan("1.28"))

    again = shop.plan("1.28")

    assert again.empty
    assert not again.blocked


def test_every_write_has_an_intent_before_it_and_an_outcome_after_it(shop: Journey) -> None:
    shop.begin(shop.plan("1.28"))

    intents = [e.op for e in shop.events if isinstance(e, Intent)]
    outcomes = [e.op for e in shop.events if isinstance(e, Outcome)]
    assert intents == outcomes
    assert len(set(intents)) == len(intents)
    ours = [
        e
        for e in shop.world.audit.writes(user="admin")
        if e.agent.startswith("upgrade") and e.namespace != "istio-upgrade"
    ]
    journaled = [e for e in shop.events if isinstance(e, Intent) and e.ref is not None]
    home = 1
    assert len(ours) - home == len(journaled)


def test_every_workload_restarts_once(shop: Journey) -> None:
    before = {_name(d): d["metadata"]["generation"] for d in _templates(shop.world)}

    shop.begin(shop.plan("1.28"))

    after = {_name(d): d["metadata"]["generation"] for d in _templates(shop.world)}
    restarted = {
        name: after[name] - before[name] for name in before if name in after and after[name] != before[name]
    }
    restarted.pop("istio-ingress/web-istio")
    assert set(restarted.values()) == {1}
    assert len(restarted) == sum(
        1 for e in shop.events if isinstance(e, StepSettled) and "pods on 1-28-10" in e.reading.summary
    )


def _templates(world: World) -> list[Obj]:
    kinds = ("deployments", "statefulsets", "daemonsets")
    return [d for kind in kinds for d in world.store.list("apps", kind)]


def _name(obj: Obj) -> str:
    return f"{obj['metadata']['namespace']}/{obj['metadata']['name']}"


def test_a_mesh_of_1_12_without_a_revision_goes_six_minors_up(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    place = tmp_path_factory.mktemp("legacy")
    world = World(kubernetes="1.24")
    load(world, "legacy")
    journey = Journey.of(world, place, "legacy")
    before = contents(world)

    plan = journey.plan("1.18")
    assert len(plan.hops) == 6
    journey.begin(plan)

    assert proxies(world).keys() == {"1.18.7"}
    assert [d["metadata"]["name"] for d in world.store.list("apps", "deployments", "istio-system")] == [
        "istio-ingressgateway",
        "istiod-1-18-7",
    ]
    written = {key: value for key, value in before.items() if _is_config(key)}
    assert {key: contents(world).get(key) for key in written} == written
    namespaces = {
        n["metadata"]["name"]: n["metadata"]["labels"].get("istio.io/rev")
        for n in world.store.list("", "namespaces")
    }
    assert namespaces["shop"] == namespaces["billing"] == "1-18-7"


def _is_config(key: str) -> bool:
    return "istio.io " in key and "stats-filter" not in key
