"""Upstream's own charts as the mesh and as the way: what no manifest of ours can prove."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.journeys.comparing import contents
from tests.journeys.driving import Journey
from upgrader.model.event import RunClosed
from upgrader.sandbox.world import World, apply_manifests

DATA = os.environ.get("UPGRADER_TEST_DATA", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not DATA, reason="UPGRADER_TEST_DATA is not set: upstream's manifests are not part of the project"
    ),
]


def mesh(version: str, kubernetes: str, place: Path, *, revision: bool) -> Journey:
    """The charts of *version*, and the bookinfo sample with its networking in a namespace of the mesh."""
    world = World(kubernetes=kubernetes, nodes=2)
    labels = {"istio.io/rev": version.replace(".", "-")} if revision else {"istio-injection": "enabled"}
    for name, own in (("istio-system", {}), ("istio-ingress", {}), ("bookinfo", labels)):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": own}}
        world.local().create("/api/v1/namespaces", space)
    charts = ("crds", "base", "istiod", "gateway") if revision else ("crds", "base", "istiod-unrevisioned")
    for chart in charts:
        apply_manifests(world, Path(DATA, "manifests", version, f"{chart}.yaml").read_text())
        world.advance(10)
    samples = Path(DATA, "samples", "bookinfo")
    for file in [samples / "bookinfo.yaml", *sorted((samples / "networking").glob("*.yaml"))]:
        apply_manifests(world, yaml.safe_dump_all(_placed(file, old=not revision)))
    world.advance(60)
    return Journey(world, place, Path(DATA, "manifests"))


def _placed(file: Path, *, old: bool) -> list[dict[str, Any]]:
    """The sample's objects in our namespace; in 1.12 networking was not served as v1."""
    objects = [obj for obj in yaml.safe_load_all(file.read_text()) if obj]
    for obj in objects:
        obj["metadata"].setdefault("namespace", "bookinfo")
        if old and obj["apiVersion"].endswith("istio.io/v1"):
            obj["apiVersion"] += "beta1"
    return objects


def written(journey: Journey) -> dict[str, Any]:
    """What people wrote: every Istio object that is no part of an installation."""
    found = contents(journey.world)
    return {key: obj for key, obj in found.items() if "istio.io bookinfo/" in key}


@pytest.mark.parametrize(
    ("start", "target", "kubernetes", "revision", "hops"),
    [("1.28.10", "1.29.6", "1.33", True, 1), ("1.12.9", "1.18.7", "1.24", False, 6)],
)
def test_a_mesh_of_upstreams_charts_moves_and_its_configuration_stays_as_it_was(
    start: str, target: str, kubernetes: str, revision: bool, hops: int, tmp_path: Path
) -> None:
    journey = mesh(start, kubernetes, tmp_path, revision=revision)
    before = written(journey)
    assert len(before) > 5
    plan = journey.plan(target)
    assert not plan.blocked, plan.findings
    assert len(plan.hops) == hops

    journey.begin(plan)

    assert any(isinstance(event, RunClosed) for event in journey.events)
    assert written(journey) == before
    images = {
        container["image"].rpartition(":")[2]
        for pod in journey.world.store.list("", "pods")
        for container in pod["spec"]["containers"]
        if container["name"] == "istio-proxy"
    }
    assert images == {target}
    planes = [d["metadata"]["name"] for d in journey.world.store.list("apps", "deployments", "istio-system")]
    assert planes == [f"istiod-{target.replace('.', '-')}"]
