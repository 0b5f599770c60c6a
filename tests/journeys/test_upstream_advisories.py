"""Detectors on upstream's own charts: a mesh as it comes out of the box breaks at no hop, so nothing may say so.

What is said at each hop is printed, for a person to read: ``pytest -m journey -s tests/journeys/test_upstream_advisories.py``.
"""

from __future__ import annotations

import os
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.journeys.driving import Journey
from upgrader.catalog import load_catalog
from upgrader.checks.advisories import upgrade_notes
from upgrader.checks.advisories.choosing import advisories_along
from upgrader.checks.context import Context
from upgrader.cli.wiring import survey
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version
from upgrader.sandbox.world import World, apply_manifests

DATA = os.environ.get("UPGRADER_TEST_DATA", "")
pytestmark = [
    pytest.mark.journey,
    pytest.mark.skipif(
        not DATA, reason="UPGRADER_TEST_DATA is not set: upstream's charts are not part of the project"
    ),
]
CHARTS = ("crds", "base", "istiod", "gateway", "cni", "ztunnel")
MANIFESTS = Path(DATA, "manifests")
VERSIONS = sorted((p.name for p in MANIFESTS.iterdir()), key=Version.parse) if DATA else []
HOPS = [*pairwise(VERSIONS)]
RIGHTLY = {
    "1.21-verify-cert": "a rule of the sample originates TLS and names no authority, which is exactly what changes",
}
"""What stops a plan for this mesh, and should."""
_CONFIGURATION = (
    "bookinfo-gateway",
    "destination-rule-all",
    "virtual-service-all-v1",
    "egress-rule-google-apis",
)


def charts(version: str, place: Path) -> Journey:
    """Everything that upstream renders of *version*, and its sample application with some configuration."""
    release = load_catalog().release(Version.parse(version).series)
    assert release is not None
    world = World(kubernetes=max(release.kubernetes.supported[0], "1.23"), nodes=2)
    labels = {"istio.io/rev": version.replace(".", "-")}
    for name, own in (("istio-system", {}), ("istio-ingress", {}), ("bookinfo", labels)):
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": own}}
        world.local().create("/api/v1/namespaces", space)
    for chart in CHARTS:
        file = MANIFESTS / version / f"{chart}.yaml"
        if file.exists():
            apply_manifests(world, file.read_text(encoding="utf-8"))
            world.advance(10)
    samples = Path(DATA, "samples", "bookinfo")
    chosen = [samples / "networking" / f"{name}.yaml" for name in _CONFIGURATION]
    old = Version.parse(version) < Version.parse("1.22.0")
    for file in [samples / "bookinfo.yaml", *chosen]:
        apply_manifests(world, yaml.safe_dump_all(_placed(file, old=old)))
    world.advance(60)
    return Journey(world, place, MANIFESTS)


def _placed(file: Path, *, old: bool) -> list[dict[str, Any]]:
    """In our namespace; before 1.22 networking was not served as v1."""
    objects = [obj for obj in yaml.safe_load_all(file.read_text(encoding="utf-8")) if obj]
    for obj in objects:
        obj["metadata"].setdefault("namespace", "bookinfo")
        if old and obj["apiVersion"].endswith("istio.io/v1"):
            obj["apiVersion"] += "beta1"
    return objects


@cache
def snapshot(version: str, place: Path) -> Snapshot:
    """That mesh, as the survey reads it."""
    return survey(charts(version, place).connection())


def said(mesh: Snapshot, source: str, target: str) -> list[Finding]:
    """What the advisories say of this hop; what has to be asked whatever the mesh is left out."""
    path = (Version.parse(source), Version.parse(target))
    context = Context(path=path, catalog=load_catalog(), advisories=advisories_along(path))
    return [
        f for f in upgrade_notes(mesh, context) if not (f.code == "UPG-0362" and f.objects == (f.subject,))
    ]


@pytest.mark.parametrize(("source", "target"), HOPS)
def test_upstreams_own_charts_are_no_reason_to_stop(source: str, target: str, tmp_path: Path) -> None:
    found = said(snapshot(source, tmp_path), source, target)
    print(f"\n{source} -> {target}: {len(found)}")  # noqa: T201  for a person to read
    for one in found:
        print(f"  {one.severity.value:8} {one.code} {one.summary}")  # noqa: T201
    assert [f.summary for f in found if f.severity is Severity.BLOCKED and f.subject not in RIGHTLY] == []
