from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from upgrader.model.failures import Forbidden
from upgrader.model.kinds import DEPLOYMENT, MUTATING_WEBHOOK, VALIDATING_WEBHOOK, Ref
from upgrader.model.step import Verdict
from upgrader.probes import ControlPlaneReady

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probes.conftest import Mesh
    from upgrader.model.kinds import Obj

NEW, ROOT = "1-28-10", "istio-system"
PROBE = ControlPlaneReady(revision=NEW, version="1.28.10")
ISTIOD = Ref(DEPLOYMENT, f"istiod-{NEW}", ROOT)


def test_a_control_plane_that_serves_holds(mesh: Mesh) -> None:
    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_an_istiod_that_is_not_there_is_broken(mesh: Mesh) -> None:
    mesh.drop(ISTIOD)

    assert PROBE.look(mesh).verdict is Verdict.BROKEN


def test_another_version_behind_the_right_name_is_broken(mesh: Mesh) -> None:
    mesh.plane(NEW, version="1.28.9")

    reading = PROBE.look(mesh)
    assert (reading.verdict, "1.28.9" in reading.summary) == (Verdict.BROKEN, True)


def test_a_generation_that_is_not_observed_is_pending(mesh: Mesh) -> None:
    mesh.change(ISTIOD, generation=2)

    assert PROBE.look(mesh).verdict is Verdict.PENDING


def test_a_frozen_control_plane_is_broken(mesh: Mesh) -> None:
    mesh.plane(NEW, replicas=0)

    assert PROBE.look(mesh).verdict is Verdict.BROKEN


@pytest.mark.parametrize(
    "ref",
    [
        Ref(MUTATING_WEBHOOK, f"istio-sidecar-injector-{NEW}"),
        Ref(VALIDATING_WEBHOOK, f"istio-validator-{NEW}-{ROOT}"),
    ],
)
def test_an_empty_ca_bundle_is_pending_and_named(mesh: Mesh, ref: Ref) -> None:
    found = mesh.get(ref)
    assert found is not None
    del found["webhooks"][0]["clientConfig"]["caBundle"]
    mesh.put(ref, metadata={"labels": found["metadata"]["labels"]}, webhooks=found["webhooks"])

    reading = PROBE.look(mesh)
    assert (reading.verdict, ref.name in reading.summary) == (Verdict.PENDING, True)


def test_an_empty_ca_bundle_of_another_revision_does_not_count(
    mesh: Mesh, make_entry: Callable[..., Obj]
) -> None:
    empty = make_entry("rev.namespace.", "-1-27-9")
    del empty["clientConfig"]["caBundle"]
    mesh.injector("istio-sidecar-injector-1-27-9", "1-27-9", [empty])

    assert PROBE.look(mesh).verdict is Verdict.HOLDS


def test_a_revision_without_an_injector_is_broken(mesh: Mesh) -> None:
    mesh.drop(Ref(MUTATING_WEBHOOK, f"istio-sidecar-injector-{NEW}"))

    assert PROBE.look(mesh).verdict is Verdict.BROKEN


def test_a_pod_that_says_another_version_is_broken(mesh: Mesh) -> None:
    mesh.answers[f"istiod-{NEW}-0 /version"] = "1.28.1-abc-Clean"

    assert PROBE.look(mesh).verdict is Verdict.BROKEN


@pytest.mark.parametrize(
    "what",
    ["deployments", "mutatingwebhookconfigurations", "validatingwebhookconfigurations", "pods", "fetch"],
)
def test_what_cannot_be_read_is_pending(mesh: Mesh, what: str) -> None:
    mesh.broken[what] = Forbidden(f"{what} is forbidden", status=403, request=f"GET {what}")

    reading = PROBE.look(mesh)
    assert reading.verdict is Verdict.PENDING
    assert reading.summary.startswith("could not read")
