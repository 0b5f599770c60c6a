"""Whole upgrades of a real mesh, and what the official sequence does to the same one.

istiod and istioctl of both versions are one source with two stamps, the only one that can be built here.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.bed.bed import Bed
from tests.bed.versions import NEW
from tests.e2e.audit import requests, without_intent, writes
from tests.e2e.conftest import NAMESPACES, NEW_REVISION, OLD_REVISION
from tests.e2e.operator import Operator
from tests.e2e.prober import Prober
from tests.e2e.proving import wrong_with

LOOKING = (
    ("plan", "--to", NEW, "--manifests", "manifests"),
    ("check", "--to", NEW, "--manifests", "manifests"),
    ("show", "plan.json"),
    ("status",),
    ("verify",),
    ("versions",),
)


def test_a_healthy_mesh_moves_in_two_waves_and_no_probe_fails(
    mesh: Bed, tmp_path: Path, say: Callable[[str], None]
) -> None:
    operator = Operator(mesh, tmp_path)
    operator.render(NEW)

    with Prober(mesh.api, {n.name: n.about for n in NAMESPACES}) as prober:
        planned = operator.plan(NEW)
        assert planned.code == 0, planned
        applied = operator.type("apply", "plan.json")
        assert applied.code == 0, applied

    say(
        f"healthy upgrade: {prober.asked} probes, {len(prober.faults)} failed, {len(prober.started)} pods started"
    )
    assert prober.faults == []
    assert wrong_with(mesh, NAMESPACES, NEW_REVISION) == []
    sent = writes(mesh, operator.user)
    say(f"healthy upgrade: {len(sent)} writes, {requests(mesh, operator.user)} requests")
    assert [str(w) for w in without_intent(sent, operator.journal())] == []


def test_looking_writes_nothing(mesh: Bed, tmp_path: Path) -> None:
    operator = Operator(mesh, tmp_path)
    operator.render(NEW)
    assert operator.plan(NEW).code == 0

    for words in LOOKING:
        said = operator.type(*words)
        assert said.code in {0, 2, 3, 64}, said

    assert requests(mesh, operator.user) > 0
    assert [str(w) for w in writes(mesh, operator.user)] == []


def test_the_official_sequence_leaves_two_of_three_namespaces_without_injection(
    mesh: Bed, say: Callable[[str], None]
) -> None:
    with Prober(mesh.api, {n.name: n.about for n in NAMESPACES}) as prober:
        mesh.install(NEW, NEW_REVISION)
        mesh.await_ready("istio-system", f"istiod-{NEW_REVISION}")
        mesh.kubectl("label", "namespace", "default", f"istio.io/rev={NEW_REVISION}", "--overwrite")
        mesh.kubectl("rollout", "restart", "deployment", "-n", "default")
        mesh.istioctl(NEW, "uninstall", "--revision", OLD_REVISION, "-y")
        asked = prober.asked
        while prober.asked < asked + 3 * (len(NAMESPACES) + 2):
            mesh.kubectl("get", "namespaces")

    say(f"official sequence: {prober.asked} probes, {len(prober.faults)} failed")
    wrong = wrong_with(mesh, NAMESPACES, NEW_REVISION)
    assert "a new pod in legacy gets no sidecar, not 1-30-3" in wrong
    assert any("a new pod in tagged gets 500" in problem for problem in wrong)
