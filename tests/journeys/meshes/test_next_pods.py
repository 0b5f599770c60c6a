"""Before a wave restarts anything the API server has said whose proxy its pods will get; else the wave stops."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.journeys.meshes.building import INJECT, REV, Site, site
from tests.journeys.meshes.proving import Watched
from tests.journeys.meshes.test_interference import finished, journey
from upgrader.model.event import Looked, PhaseEntered, StepHalted, StepStarted
from upgrader.model.kinds import Obj

pytestmark = [pytest.mark.journey, pytest.mark.slow]

OLD, NEW = "1-28-10", "1-29-6"
CONFIG = "/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector-1-29-6"


def mesh() -> Site:
    """Two ways of asking, and one of refusing."""
    here = site("1.28.10", tags=("prod",)).namespace("shop", rev="prod").namespace("lab")
    here.deployment("shop/cart").deployment("shop/web").deployment("shop/batch", labels={"app": "batch"})
    here.deployment("shop/plain", labels={INJECT: "false"})
    return here.deployment("lab/api", labels={REV: OLD}).wait()


def never(here: Site, place: Path, app: str) -> Watched:
    """A run to manifests whose istiod refuses pods of *app*: the webhook calls it, and it says no by itself."""
    manifests = here.manifests(place, "1.29.6")
    file = manifests / "1.29.6" / "istiod.yaml"
    selector = json.dumps([{"matchLabels": {"app": app}}])
    quoted = json.dumps(selector)[1:-1]
    text = file.read_text().replace('\\"neverInjectSelector\\": []', f'\\"neverInjectSelector\\": {quoted}')
    file.write_text(text.replace("    neverInjectSelector: []", f"    neverInjectSelector: {selector}"))
    return Watched.at(here, place / "run", manifests)


def restarts(one: Watched) -> list[str]:
    return [e.title for e in one.events if isinstance(e, StepStarted) and e.title.startswith("restart")]


def test_a_pod_that_comes_out_bare_stops_the_wave_before_any_restart_and_mended_it_goes_on(
    tmp_path: Path,
) -> None:
    here = mesh()
    one = never(here, tmp_path, "cart")
    told = one.stopped_with("UPG-0703")
    for word in ("workload: shop/cart", f"expected: {NEW}", "came: no proxy"):
        assert word in told
    assert "shop/web" not in told
    assert restarts(one) == []
    assert [e.code for e in one.events if isinstance(e, StepHalted)] == ["UPG-0703"]
    found = one.world.local().get(CONFIG)
    assert found is not None
    mended = re.sub("neverInjectSelector: .*", "neverInjectSelector: []", found["data"]["config"])
    Site(one.world, here.release).patch(CONFIG, {"data": {"config": mended}})
    assert one.resume(one.only_run()) == "done"
    finished(one)


def test_what_the_new_istiod_refuses_beside_the_mesh_stops_nothing(tmp_path: Path) -> None:
    one = never(mesh(), tmp_path, "somebody-elses")
    one.begin(one.plan())
    finished(one)


def test_a_template_that_has_begun_to_refuse_is_noticed_by_what_selectors_say(tmp_path: Path) -> None:
    here = mesh()
    notes: Obj = {"spec": {"template": {"metadata": {"annotations": {INJECT: "false"}}}}}
    change = lambda: here.patch("/apis/apps/v1/namespaces/shop/deployments/web", notes)  # noqa: E731
    one = journey(here, tmp_path, "tag prod", change)
    assert "injectors: 0" in one.stopped_with("UPG-0703")
    assert restarts(one) == []


def test_each_distinct_template_is_one_dry_run_and_the_wave_is_not_soaking_meanwhile(tmp_path: Path) -> None:
    here = mesh()
    one = journey(here, tmp_path, "tag prod", lambda: None)
    plan = one.plan()
    before = len(here.world.audit.entries)
    one.begin(plan)
    finished(one)
    titles = [item.title for _, _, item in plan.items() if "dry-run pod" in item.title]
    assert titles == ["gate: who injects 5 workloads next, by 3 dry-run pods, before any restart"]
    sent = [
        e
        for e in here.world.audit.entries[before:]
        if (e.verb, e.resource, e.agent) == ("create", "pods", "upgrade")
    ]
    said = [e.reading.summary for e in one.events if isinstance(e, Looked) and "next-pods" in e.probe]
    assert said == [
        "next pods of 1 workload get no proxy, by 1 dry-run pod",
        "next pods of 1 workload get 1-29-6, by 1 dry-run pod",
        "next pods of 3 workloads get 1-29-6, by 1 dry-run pod",
    ]
    assert {e.namespace for e in sent} == {"shop", "lab", "istio-system"}
    phases = [e.phase for e in one.events if isinstance(e, PhaseEntered)]
    assert phases[:6] == ["backing-up", "installing", "shifting", "soaking", "shifting", "soaking"]
