"""Several workloads at once, and no more than that."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.engine.desk import Desk, hop, item, plan, playbook, wave
from tests.journeys.meshes.building import Site, site
from upgrader.engine.driving.restarts import Restarts
from upgrader.engine.driving.wait import Stopped
from upgrader.model.errors import UpgradeError
from upgrader.model.event import Intent, StepHalted, StepSettled, StepStarted
from upgrader.model.kinds import DEPLOYMENT, Ref
from upgrader.model.playbook import Patience as Limits
from upgrader.model.step import Reading
from upgrader.planning.plan import Hop, Planned, Wave
from upgrader.sandbox.controllers.trouble import Trouble
from upgrader.steps import RelabelNamespace, RestartWorkload

NAMES = tuple("abcdef")
IMAGE = "docker.io/istio/proxyv2:1.27.9"


@pytest.fixture(scope="module")
def shop() -> Site:
    """Six Deployments with proxies."""
    made = site("1.27.9").namespace("shop", rev="1-27-9")
    for name in NAMES:
        made.deployment(f"shop/{name}")
    return made.wait()


@pytest.fixture
def desk(shop: Site, tmp_path: Any) -> Desk:
    tmp_path.chmod(0o700)
    return Desk(tmp_path, world=shop.world.fork())


def restart(desk: Desk, name: str) -> Planned:
    """One step."""
    found = desk.world.store.get(("apps", "deployments", "shop", name))
    assert found is not None
    step = RestartWorkload(
        ref=Ref(DEPLOYMENT, name, "shop"),
        uid=found["metadata"]["uid"],
        revision="1-27-9",
        image="",
        mark="again",
    )
    return item(f"h1.0{NAMES.index(name) + 2}", step, mark="r")


def binding(desk: Desk) -> Planned:
    """The label that the restarts count on."""
    labels: dict[str, str | None] = {"istio.io/rev": "1-27-9"}
    found = desk.world.store.get(("", "namespaces", "", "shop"))
    assert found is not None
    return item(
        "h1.01",
        RelabelNamespace(
            namespace="shop",
            uid=found["metadata"]["uid"],
            revision="1-27-9",
            labels=labels,
            before={"istio.io/rev": "old"},
        ),
    )


def prepared(desk: Desk, at_once: int) -> tuple[Hop, Wave, list[Planned]]:
    """A wave of six restarts behind one label that is there."""
    first, items = binding(desk), [restart(desk, name) for name in NAMES]
    one = wave("namespaces", first, *items, at_once=at_once)
    whole = hop(1, one)
    desk.plan = plan(whole, playbook=playbook(Limits(step=timedelta(minutes=5))))
    desk.emit(StepSettled(at=desk.clock.now(), step="h1.01", result="done", reading=Reading.holds("")))
    return whole, one, items


def run(desk: Desk, at_once: int) -> None:
    whole, one, items = prepared(desk, at_once)
    Restarts(desk.settling, whole, one).run(items)


def most_in_flight(desk: Desk) -> int:
    """How many were begun and not over, at most."""
    flying, most = set[str](), 0
    for event in desk.events:
        if isinstance(event, StepStarted):
            flying.add(event.step)
        elif isinstance(event, StepSettled | StepHalted):
            flying.discard(event.step)
        most = max(most, len(flying))
    return most


@pytest.mark.parametrize("at_once", [1, 2, 3, 6, 9])
def test_never_more_than_at_once_are_in_flight_and_all_come_true(desk: Desk, at_once: int) -> None:
    run(desk, at_once)
    assert most_in_flight(desk) == min(at_once, len(NAMES))
    assert len(desk.of(StepSettled)) == 1 + len(NAMES)
    assert len(desk.of(Intent)) == len(NAMES)


def test_more_at_once_is_faster(desk: Desk) -> None:
    took = []
    for at_once in (1, 6):
        other = Desk(desk.folder, world=desk.world.fork())
        began = other.clock.boottime()
        run(other, at_once)
        took.append(other.clock.boottime() - began)
    assert took[1] < took[0] / 3


def test_after_one_failed_nothing_new_begins(desk: Desk) -> None:
    desk.world.troubles.begin("Deployment", "shop", "b", Trouble("crash-loop"))
    with pytest.raises(UpgradeError, match="UPG-0601") as told:
        run(desk, 2)
    assert "h1.03" in told.value.headline
    begun = [e.step for e in desk.of(StepStarted)]
    assert "h1.03" in begun
    assert [h.step for h in desk.of(StepHalted)] == ["h1.03"]
    halted = next(n for n, e in enumerate(desk.events) if isinstance(e, StepHalted))
    assert not any(isinstance(e, StepStarted | Intent) for e in desk.events[halted:])


def test_a_workload_that_hangs_holds_up_only_its_own_place(desk: Desk) -> None:
    desk.world.troubles.begin("Deployment", "shop", "a", Trouble("never-ready"))
    with pytest.raises(UpgradeError, match="did not finish"):
        run(desk, 2)
    assert {e.step for e in desk.of(StepSettled)} == {"h1.01", *(f"h1.0{n}" for n in range(3, 8))}


def test_a_signal_starts_nothing_new_and_what_flies_lands_by_itself(desk: Desk) -> None:
    desk.clock.after(2, lambda: setattr(desk, "signal", "SIGINT"))
    with pytest.raises(Stopped):
        run(desk, 2)
    assert len(desk.of(StepStarted)) == 2
    assert len(desk.of(Intent)) == 2


def test_after_a_crash_the_ones_in_flight_come_first_again_and_none_restarts_twice(desk: Desk) -> None:
    whole, one, items = prepared(desk, 3)
    desk.clock.after(2, lambda: setattr(desk, "signal", "SIGKILL"))
    with pytest.raises(Stopped):
        Restarts(desk.settling, whole, one).run(items)
    flying = [e.step for e in desk.of(StepStarted)]
    desk.signal = ""
    left = [i for i in items if not desk.progress().is_settled(i)]
    Restarts(desk.settling, whole, one).run(left)
    assert [e.step for e in desk.of(StepStarted)][3:6] == flying
    assert len(desk.of(Intent)) == len(NAMES)
    generations = {
        d["metadata"]["name"]: d["metadata"]["generation"]
        for d in desk.world.store.list("apps", "deployments", "shop")
    }
    assert set(generations.values()) == {2}


def test_nothing_restarts_once_somebody_has_put_the_label_back(desk: Desk) -> None:
    """A GitOps controller that reverts after a few seconds: without its label a restart moves nobody."""
    label = b'{"metadata":{"labels":{"istio.io/rev":"old"}}}'

    def put_back() -> None:
        desk.local.patch("/api/v1/namespaces/shop", label, "application/merge-patch+json")

    desk.clock.after(4, put_back)
    with pytest.raises(UpgradeError, match="UPG-0604") as told:
        run(desk, 1)
    assert "h1.01" in told.value.headline
    assert 1 <= len(desk.of(Intent)) < len(NAMES)
