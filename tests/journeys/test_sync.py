"""A proxy that does not take its new configuration stops the wave it is in, by name; who may not see that goes on by number."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.journeys.driving import Journey
from upgrader.engine.keeping.folder import RunFolder
from upgrader.model.errors import UpgradeError
from upgrader.model.event import Looked, StepHalted
from upgrader.planning.plan import Gate, Plan, named
from upgrader.probes import ProxiesConnected, ProxiesSynced
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World

pytestmark = [pytest.mark.slow, pytest.mark.journey]

NEW = "1-28-10"


@pytest.fixture
def shop(tmp_path: Path) -> Journey:
    world = World(kubernetes="1.33")
    load(world, "shop")
    return Journey.of(world, tmp_path, "shop")


def trouble(world: World, text: str) -> None:
    """From its next restart on, every pod of shop/cart has it."""
    key = ("apps", "deployments", "shop", "cart")
    made = world.store.get(key)
    assert made is not None
    template = made["spec"]["template"]
    metadata = template["metadata"]
    notes = {**(metadata.get("annotations") or {}), "sandbox.upgrader/sync": text}
    template = {**template, "metadata": {**metadata, "annotations": notes}}
    world.store.put(key, {**made, "spec": {**made["spec"], "template": template}})
    world.advance(120.0)


def halted(journey: Journey, plan: Plan) -> tuple[str, ...]:
    with pytest.raises(UpgradeError, match="UPG-0701"):
        journey.begin(plan)
    return next(e.what for e in journey.events if isinstance(e, StepHalted))


def looked(journey: Journey) -> Iterator[Looked]:
    return (e for e in journey.events if isinstance(e, Looked) and e.probe.startswith("proxies-synced: "))


def test_a_proxy_that_rejects_what_the_new_istiod_sends_stops_its_wave(shop: Journey) -> None:
    trouble(shop.world, f"rejects; at={NEW}; words=no such field")

    what = halted(shop, shop.plan("1.28"))
    assert (
        f"reject their configuration from {NEW}" in what[0]
        or f"rejects its configuration from {NEW}" in what[0]
    )
    assert "Listener: no such field" in what[0]
    assert "cart-" in what[0]


def test_one_that_rejected_on_the_old_istiod_only_stops_nothing(shop: Journey) -> None:
    trouble(shop.world, "rejects; at=1-27-9; words=no such field")

    folder = shop.begin(shop.plan("1.28"))
    assert folder.record().status == "done"
    assert all(e.reading.facts["rejecting"] == "0" for e in looked(shop))


def test_one_that_never_takes_the_last_push_is_waited_for_and_then_named(shop: Journey) -> None:
    trouble(shop.world, f"stale; at={NEW}")

    assert "not taken the last push of 1-28-10: cart-" in halted(shop, shop.plan("1.28"))[0]


def test_without_the_right_to_forward_the_run_goes_on_and_every_reading_says_what_it_did_not_see(
    shop: Journey,
) -> None:
    trouble(shop.world, f"rejects; at={NEW}")
    shop.world.api.rbac.deny("admin", resources=("pods/portforward",))

    plan = shop.plan("1.28")
    assert [f.code for f in plan.findings if f.code == "UPG-0350"] == ["UPG-0350"]
    assert shop.begin(plan).record().status == "done"
    readings = [e.reading for e in looked(shop)]
    assert len(readings) > 2
    assert all("could not be seen" in r.summary and r.facts["sync"].startswith("not seen") for r in readings)


def test_a_plan_that_was_saved_before_there_was_this_probe_runs_as_it_was_meant(shop: Journey) -> None:
    plan = shop.plan("1.28")

    def older(probe: Any) -> Any:
        if not isinstance(probe, ProxiesSynced):
            return probe
        return ProxiesConnected(
            revision=probe.revision, version=probe.version, root_namespace=probe.root_namespace
        )

    def gate(item: Any) -> Any:
        if not isinstance(item.action, Gate):
            return item
        probes = tuple(older(p) for p in item.action.probes)
        return msgspec.structs.replace(item, action=msgspec.structs.replace(item.action, probes=probes))

    change: Callable[..., Any] = msgspec.structs.replace
    hops = tuple(
        change(h, waves=tuple(change(w, items=tuple(gate(i) for i in w.items)) for w in h.waves))
        for h in plan.hops
    )
    folder: RunFolder = shop.begin(named(change(plan, hops=hops)))
    assert folder.record().status == "done"
    assert [*looked(shop)] == []
