"""ConfigAccepted: what the new validator says of the configuration that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from upgrader.model.failures import ClusterFailure, Denied, Forbidden, Invalid, Unreachable
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.step import Verdict
from upgrader.probes import ConfigAccepted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.probes.conftest import Mesh

OLD, NEW = "1-27-9", "1-28-10"
PROBE = ConfigAccepted(revision=NEW, old=OLD)
VS = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
OPERATOR = Kind("install.istio.io", "v1alpha1", "istiooperators", "IstioOperator")
DENIED = Denied('admission webhook "rev.validation.istio.io" denied the request: no such field', status=400)
NOT_CALLED = Denied('failed calling webhook "rev.validation.istio.io": no endpoints', status=500)


def answering(by: dict[str, ClusterFailure]) -> Callable[[Obj], Obj]:
    """The validator of a revision ends in that failure; others accept."""

    def answer(body: Obj) -> Obj:
        failure = by.get(body["metadata"]["labels"]["istio.io/rev"])
        if failure is not None:
            raise failure
        return body

    return answer


@pytest.fixture
def routes(mesh: Mesh) -> Mesh:
    """Three routes, two of them alike, and an object that istiod validates nothing of."""
    mesh.served = [VS, OPERATOR]
    for name, host in (("web", "a"), ("api", "b"), ("copy", "b")):
        mesh.put(Ref(VS, name, "shop"), spec={"hosts": [host]})
    mesh.put(Ref(OPERATOR, "installed", "istio-system"), spec={})
    return mesh


def test_each_content_is_asked_once_with_the_label_of_the_new_revision(routes: Mesh) -> None:
    reading = PROBE.look(routes)
    assert reading.verdict is Verdict.HOLDS
    assert "2 Istio objects" in reading.summary
    assert [body["metadata"]["labels"] for body in routes.asked] == [{"istio.io/rev": NEW}] * 2
    assert all(body["metadata"]["name"].startswith("upgrade-probe-") for body in routes.asked)


def test_what_only_the_new_one_refuses_is_broken_and_named(routes: Mesh) -> None:
    routes.dry_run = answering({NEW: DENIED})
    reading = PROBE.look(routes)
    assert reading.verdict is Verdict.BROKEN
    assert "VirtualService shop/web" in reading.summary
    assert "no such field" in reading.summary


@pytest.mark.parametrize("failure", [DENIED, Invalid("spec.hosts: Invalid value", status=422)])
def test_what_both_refuse_is_said_and_holds(routes: Mesh, failure: ClusterFailure) -> None:
    routes.dry_run = answering({NEW: failure, OLD: failure})
    reading = PROBE.look(routes)
    assert reading.verdict is Verdict.HOLDS
    assert f"2 are refused by {OLD} too" in reading.summary


@pytest.mark.parametrize(
    "by",
    [
        {NEW: NOT_CALLED},
        {NEW: DENIED, OLD: NOT_CALLED},
        {NEW: Forbidden("may not create", status=403)},
        {NEW: DENIED, OLD: Unreachable("no answer")},
    ],
)
def test_what_nobody_judged_is_pending(routes: Mesh, by: dict[str, ClusterFailure]) -> None:
    routes.dry_run = answering(by)
    assert PROBE.look(routes).verdict is Verdict.PENDING
