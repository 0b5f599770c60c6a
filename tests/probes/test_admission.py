"""Injects and Validates: what dry runs say."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from upgrader.model.failures import ClusterFailure, Denied, Forbidden, Invalid, Unreachable
from upgrader.model.kinds import NAMESPACE, VALIDATING_WEBHOOK, Kind, Obj, Ref
from upgrader.model.step import Verdict
from upgrader.probes import InjectionCase, Injects, Validates

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probes.conftest import Mesh

OLD, NEW = "1-27-9", "1-28-10"
IMAGE = "docker.io/istio/proxyv2:1.28.10"
CASE = InjectionCase(about="namespace shop", namespace="shop", revision=NEW, image=IMAGE)
NOT_CALLED = (
    'Internal error occurred: failed calling webhook "rev.namespace.sidecar-injector.istio.io": no endpoints'
)
VS = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")


def injected(
    revision: str, image: str = IMAGE, *, by_status: bool = False, native: bool = False
) -> Callable[[Obj], Obj]:
    def answer(pod: Obj) -> Obj:
        notes = (
            {"sidecar.istio.io/status": json.dumps({"revision": revision})}
            if by_status
            else {"istio.io/rev": revision}
        )
        pod["metadata"]["annotations"] = pod["metadata"].get("annotations", {}) | notes
        place = "initContainers" if native else "containers"
        pod["spec"].setdefault(place, []).append({"name": "istio-proxy", "image": image})
        return pod

    return answer


def refused(failure: ClusterFailure) -> Callable[[Obj], Obj]:
    def answer(_: Obj) -> Obj:
        raise failure

    return answer


def test_a_namespace_that_somebody_deleted_has_nobody_to_inject(mesh: Mesh) -> None:
    mesh.dry_run = refused(Invalid('namespaces "shop" not found', status=404))
    assert Injects(cases=(CASE,)).look(mesh).verdict is not Verdict.HOLDS

    mesh.drop(Ref(NAMESPACE, "shop"))
    assert Injects(cases=(CASE,)).look(mesh).verdict is Verdict.HOLDS


@pytest.mark.parametrize("by_status", [True, False])
@pytest.mark.parametrize("native", [True, False])
def test_the_expected_revision_and_image_hold(mesh: Mesh, by_status: bool, native: bool) -> None:
    mesh.dry_run = injected(NEW, by_status=by_status, native=native)

    assert Injects(cases=(CASE,)).look(mesh).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (injected(OLD), "injected by 1-27-9, expected 1-28-10"),
        (injected(NEW, "docker.io/istio/proxyv2:1.28.9"), "proxyv2:1.28.9"),
        (lambda pod: pod, "no proxy, expected one by 1-28-10"),
        (refused(Denied("admission webhook said: not here")), "not here"),
    ],
)
def test_anything_else_is_broken_and_told(mesh: Mesh, answer: Callable[[Obj], Obj], words: str) -> None:
    mesh.dry_run = answer

    reading = Injects(cases=(CASE,)).look(mesh)
    assert reading.verdict is Verdict.BROKEN
    assert words in reading.summary
    assert "namespace shop" in reading.summary


@pytest.mark.parametrize(
    "failure",
    [
        Denied(NOT_CALLED),
        Forbidden("pods is forbidden", status=403),
        Unreachable("timeout"),
        Invalid("webhook does not support dry run"),
    ],
)
def test_what_could_not_be_asked_is_pending(mesh: Mesh, failure: ClusterFailure) -> None:
    mesh.dry_run = refused(failure)

    reading = Injects(cases=(CASE,)).look(mesh)
    assert (reading.verdict, failure.message in reading.summary) == (Verdict.PENDING, True)


def test_a_pod_that_must_stay_without_a_proxy(mesh: Mesh) -> None:
    case = msgspec.structs.replace(CASE, revision="", image="")
    assert Injects(cases=(case,)).look(mesh).verdict is Verdict.HOLDS

    mesh.dry_run = injected(NEW)
    assert Injects(cases=(case,)).look(mesh).verdict is Verdict.BROKEN


def test_what_failed_before_may_fail_again_but_not_go_to_the_wrong_revision(mesh: Mesh) -> None:
    case = msgspec.structs.replace(CASE, failing=True)
    mesh.dry_run = refused(Denied(NOT_CALLED))
    assert Injects(cases=(case,)).look(mesh).verdict is Verdict.HOLDS

    mesh.dry_run = injected(OLD)
    assert Injects(cases=(case,)).look(mesh).verdict is Verdict.BROKEN


def test_one_bad_case_among_good_ones_decides(mesh: Mesh) -> None:
    elsewhere = msgspec.structs.replace(CASE, namespace="other", about="namespace other")
    mesh.dry_run = lambda pod: injected(NEW if pod["metadata"]["namespace"] == "shop" else OLD)(pod)

    reading = Injects(cases=(CASE, elsewhere)).look(mesh)
    assert (reading.verdict, "namespace other" in reading.summary) == (Verdict.BROKEN, True)


def test_the_pod_passes_the_restricted_standard_and_has_a_name_of_its_own(mesh: Mesh) -> None:
    labelled = msgspec.structs.replace(CASE, labels={"istio.io/rev": NEW}, annotations={"a": "b"})
    mesh.dry_run = injected(NEW)
    Injects(cases=(CASE, labelled)).look(mesh)
    Injects(cases=(CASE,)).look(mesh)

    names = [pod["metadata"]["name"] for pod in mesh.asked]
    assert names[0] == names[2] != names[1]
    spec = mesh.asked[0]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    (container,) = spec["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]
    assert mesh.asked[1]["metadata"]["labels"] == {"istio.io/rev": NEW}


class TestValidation:
    """A valid object goes in, an invalid one does not."""

    probe = Validates(namespace="shop")

    @pytest.fixture(autouse=True)
    def _served(self, mesh: Mesh) -> None:
        mesh.served = [VS]

    @staticmethod
    def validator(body: Obj) -> Obj:
        if "http" not in body["spec"]:
            raise Denied('admission webhook "validation.istio.io" denied the request: http must be provided')
        return body

    def test_both_as_they_should_be_hold(self, mesh: Mesh) -> None:
        mesh.dry_run = self.validator

        assert self.probe.look(mesh).verdict is Verdict.HOLDS
        assert {body["apiVersion"] for body in mesh.asked} == {"networking.istio.io/v1"}

    def test_an_invalid_one_that_goes_in_is_broken_and_a_default_validator_that_is_gone_is_named(
        self, mesh: Mesh
    ) -> None:
        reading = self.probe.look(mesh)

        assert reading.verdict is Verdict.BROKEN
        assert (
            reading.summary == "an invalid VirtualService is accepted: there is no istiod-default-validator"
        )

    def test_an_invalid_one_that_goes_in_beside_a_default_validator_says_no_more(
        self, mesh: Mesh, make_entry: Callable[..., Obj]
    ) -> None:
        default = Ref(VALIDATING_WEBHOOK, "istiod-default-validator")
        mesh.put(default, webhooks=[make_entry("validation.istio.io", f"-{NEW}")])

        assert self.probe.look(mesh).summary == "an invalid VirtualService is accepted"

    def test_an_invalid_one_that_goes_in_is_pending_while_a_validator_is_being_filled_in(
        self, mesh: Mesh, make_entry: Callable[..., Obj]
    ) -> None:
        empty = make_entry("validation.istio.io", f"-{NEW}")
        del empty["clientConfig"]["caBundle"]
        mesh.put(Ref(VALIDATING_WEBHOOK, "istiod-default-validator"), webhooks=[empty])

        assert self.probe.look(mesh).verdict is Verdict.PENDING

    def test_without_a_validator_before_it_need_not_be_refused(self, mesh: Mesh) -> None:
        assert msgspec.structs.replace(self.probe, strict=False).look(mesh).verdict is Verdict.HOLDS

    def test_a_valid_one_that_is_refused_is_broken(self, mesh: Mesh) -> None:
        mesh.dry_run = refused(Denied("denied the request: no"))

        assert self.probe.look(mesh).verdict is Verdict.BROKEN

    @pytest.mark.parametrize(
        "failure", [Denied(NOT_CALLED), Forbidden("no", status=403), Unreachable("timeout")]
    )
    @pytest.mark.parametrize("strict", [True, False])
    def test_a_write_that_nobody_can_judge_is_pending(
        self, mesh: Mesh, failure: ClusterFailure, strict: bool
    ) -> None:
        mesh.dry_run = refused(failure)

        assert msgspec.structs.replace(self.probe, strict=strict).look(mesh).verdict is Verdict.PENDING

    def test_labels_reach_the_validator_of_one_revision(self, mesh: Mesh) -> None:
        mesh.dry_run = self.validator
        msgspec.structs.replace(self.probe, labels={"istio.io/rev": NEW}).look(mesh)

        assert all(body["metadata"]["labels"] == {"istio.io/rev": NEW} for body in mesh.asked)

    def test_without_the_kind_it_is_broken_and_without_discovery_pending(self, mesh: Mesh) -> None:
        mesh.served = []
        assert self.probe.look(mesh).verdict is Verdict.BROKEN
        mesh.broken["discovery"] = Forbidden("no", status=403)
        assert self.probe.look(mesh).verdict is Verdict.PENDING
