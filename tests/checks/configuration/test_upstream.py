"""What upstream itself renders, and its sample application, are no trouble of anybody's mesh."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.checks.asking import context
from tests.meshes import Mesh, mesh
from upgrader.checks import run_checks
from upgrader.model.finding import Severity
from upgrader.model.kinds import Kind, Ref
from upgrader.model.snapshot import Definition
from upgrader.model.version import Version

DATA = os.environ.get("UPGRADER_TEST_DATA", "")
OURS = {f"UPG-0{n}" for n in (*range(352, 360), *range(365, 370), *range(386, 400))}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA, reason="UPGRADER_TEST_DATA is not set, so upstream's files are not there"),
]


def releases() -> list[str]:
    """Every release with manifests, oldest first."""
    found = [p.name for p in (Path(DATA) / "manifests").iterdir()] if DATA else []
    return sorted(found, key=Version.parse)


@cache
def documents(file: Path) -> tuple[dict[str, Any], ...]:
    """Objects of a file."""
    return tuple(d for d in yaml.load_all(file.read_bytes(), Loader=yaml.CSafeLoader) if d)


def definitions(version: str) -> Iterator[Definition]:
    """What ``crds.yaml`` of a release defines."""
    for crd in documents(Path(DATA) / "manifests" / version / "crds.yaml"):
        if crd["kind"] == "CustomResourceDefinition":
            versions = crd["spec"]["versions"]
            storage = next(v["name"] for v in versions if v["storage"])
            name = crd["metadata"]["name"]
            yield Definition(
                name=name,
                uid=name,
                served=tuple(v["name"] for v in versions if v["served"]),
                storage=storage,
                stored=(storage,),
            )


def installed(version: str) -> Mesh:
    """A mesh as the charts of a release leave it, with everything that they render of Istio's own kinds."""
    revision = Version.parse(version).revision
    made = mesh().plane(version).tag("default", revision).namespace("istio-system")
    for obj in documents(Path(DATA) / "manifests" / version / "istiod.yaml"):
        if obj["kind"] == "EnvoyFilter":
            name, kind = f"istio-system/{obj['metadata']['name']}", _kind(obj)
            made.resource(name, kind=kind, labels=obj["metadata"].get("labels"), spec=obj["spec"])
            made.belonging(Ref(kind, obj["metadata"]["name"], "istio-system"), revision, "Pilot")
    return made.having(definitions=tuple(definitions(version)))


def _kind(obj: dict[str, Any]) -> Kind:
    group, _, version = obj["apiVersion"].partition("/")
    return Kind(group, version, f"{obj['kind'].lower()}s", obj["kind"])


@pytest.mark.parametrize(("old", "new"), list(zip(releases(), releases()[1:], strict=False)))
def test_what_a_release_renders_says_nothing_but_which_definitions_the_next_one_adds(
    old: str, new: str
) -> None:
    parts = {new: frozenset({"crds", "control-plane"})}
    found = run_checks(installed(old).snapshot(), context(f"{old} {new}", parts=parts)).findings
    ours = [f for f in found if f.code in OURS]
    assert all(f.severity is Severity.ADVISORY for f in ours)
    adds = {n for n in ("1.13", "1.30") if new.startswith(f"{n}.")}
    assert [(f.code, f.hop) for f in ours] == [("UPG-0356", 1)] * len(adds)


@pytest.mark.parametrize("old", releases())
def test_a_hop_needs_no_definition_that_its_own_manifests_lack(old: str) -> None:
    found = run_checks(installed(old).snapshot(), context(f"1.11.0 {old}")).findings
    assert [f.summary for f in found if f.code == "UPG-0356"] == []


def test_the_sample_application_contradicts_itself_nowhere() -> None:
    made = mesh().plane("1.27.9").tag("default", "1-27-9").namespace("default", injection="enabled")
    folder = Path(DATA) / "samples" / "bookinfo" / "networking"
    for file in ("bookinfo-gateway.yaml", "destination-rule-all.yaml", "virtual-service-reviews-90-10.yaml"):
        for obj in documents(folder / file):
            made.resource(f"default/{obj['metadata']['name']}", kind=_kind(obj), spec=obj["spec"])
    found = run_checks(made.snapshot(), context("1.27.9 1.28.10")).findings
    assert [f.summary for f in found if f.code in OURS] == []
