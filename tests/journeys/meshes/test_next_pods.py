"""Before a wave restarts anything the API server has said whose proxy its pods will get; else the wave stops."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.meshes.building import INJECT, REV, Site, site
from tests.journeys.meshes.proving import Watched
from tests.journeys.meshes.test_interference import finished, journey
from upgrader.model.event import Looked, PhaseEntered, StepHalted, StepStarted
from upgrader.model.kinds import Obj
from upgrader.planning.plan import Gate
from upgrader.probes import NextPodsOn

pytestmark = [pytest.mark.journey, pytest.mark.slow]

OLD, NEW = "1-28-10", "1-29-6"
CONFIG = "/api/v1/namespaces/istio-system/configmaps/istio-sidecar-injector"


def mesh() -> Site:
    """Two ways of asking, and one of refusing."""
    here = site("1.28.10", tags=("prod",))
    return peopled(here)


def peopled(here: Site) -> Site:
    here.namespace("shop", rev="prod").namespace("lab")
    here.deployment("shop/cart").deployment("shop/web").deployment("shop/batch", labels={"app": "batch"})
    here.deployment("shop/plain", labels={INJECT: "false"})
    return here.deployment("lab/api", labels={REV: OLD}).wait()


def deciding(here: Site, revision: str, **config: Any) -> Site:
    """The istiod of *revision* decides otherwise than charts install it: somebody edits its injector's ConfigMap."""
    path = f"{CONFIG}-{revision}"
    found = here.local.get(path)
    assert found is not None
    return here.patch(path, {"data": {"config": edited(found["data"]["config"], **config)}})


def edited(text: str, **config: Any) -> str:
    for key, value in config.items():
        text = re.sub(f"(?m)^( *){key}: .*$", lambda m, k=key, v=value: f"{m[1]}{k}: {json.dumps(v)}", text)  # type: ignore[misc]
    return text


def to(here: Site, place: Path, **config: Any) -> Watched:
    """A run to manifests whose istiod decides so."""
    manifests = here.manifests(place, "1.29.6")
    file = manifests / "1.29.6" / "istiod.yaml"
    file.write_text(edited(file.read_text(), **config))
    return Watched.at(here, place / "run", manifests)


def apps(name: str) -> list[Obj]:
    return [{"matchLabels": {"app": name}}]


def restarts(one: Watched) -> list[str]:
    return [e.title for e in one.events if isinstance(e, StepStarted) and e.title.startswith("restart")]


def test_a_pod_that_comes_out_bare_stops_the_wave_before_any_restart_and_mended_it_goes_on(
    tmp_path: Path,
) -> None:
    here = mesh()
    one = journey(here, tmp_path, "tag prod", lambda: deciding(here, NEW, neverInjectSelector=apps("batch")))
    told = one.stopped_with("UPG-0703")
    for word in ("workload: shop/batch", f"expected: {NEW}", "came: no proxy"):
        assert word in told
    assert "shop/web" not in told
    assert restarts(one) == []
    assert [e.code for e in one.events if isinstance(e, StepHalted)] == ["UPG-0703"]
    deciding(Site(one.world, here.release), NEW, neverInjectSelector=[])
    assert one.resume(one.only_run()) == "done"
    finished(one)


def test_what_the_new_istiod_refuses_beside_the_mesh_stops_nothing(tmp_path: Path) -> None:
    one = to(mesh(), tmp_path, neverInjectSelector=apps("somebody-elses"))
    one.begin(one.plan())
    finished(one)


@pytest.mark.parametrize(
    ("config", "lost"),
    [
        ({"neverInjectSelector": apps("cart")}, ["shop/cart"]),
        ({"policy": "disabled", "alwaysInjectSelector": apps("cart")}, ["lab/api", "shop/batch", "shop/web"]),
    ],
)
def test_a_plan_foresees_whom_the_new_istiod_would_leave_bare(
    config: dict[str, Any], lost: list[str], tmp_path: Path
) -> None:
    plan = to(mesh(), tmp_path, **config).plan()
    assert [(f.code, f.subject) for f in plan.findings if f.blocks] == [("UPG-0306", name) for name in lost]


def test_a_plan_foresees_who_would_get_a_sidecar_that_the_old_istiod_kept_away(tmp_path: Path) -> None:
    here = deciding(site("1.28.10", tags=("prod",)), OLD, neverInjectSelector=apps("batch"))
    one = to(peopled(here), tmp_path)
    [found] = [f for f in one.plan().findings if f.blocks]
    assert (found.code, found.subject) == ("UPG-0306", "shop/batch")
    plan = one.plan(allow=("UPG-0306:shop/batch",), reason="it may have one")
    assert not plan.blocked
    one.begin(plan)
    finished(one)


@pytest.mark.parametrize(
    ("config", "bare"),
    [
        ({"neverInjectSelector": [*apps("batch"), {"matchExpressions": [{"key": "app", "operator": "Is"}]}]}, ["batch"]),
        ({"policy": "disabled", "alwaysInjectSelector": [*apps("cart"), *apps("api")]}, ["batch", "web"]),
    ],
)  # fmt: skip
def test_whom_both_istiods_leave_bare_stays_so_and_everybody_else_moves(
    config: dict[str, Any], bare: list[str], tmp_path: Path
) -> None:
    here = peopled(deciding(site("1.28.10", tags=("prod",)), OLD, **config))
    one = to(here, tmp_path, **config)
    plan = one.plan()
    assert not plan.blocked
    [(spared, settings)] = [
        ([ref.name for ref in probe.workloads], probe.settings)
        for _, _, item in plan.items()
        if isinstance(item.action, Gate)
        for probe in item.action.probes
        if isinstance(probe, NextPodsOn) and not probe.revision
    ]
    assert spared == sorted([*bare, "plain"])
    assert isinstance(settings, dict)
    assert settings[OLD] == settings[NEW]
    one.begin(plan)
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
