"""A ListenerSet is read by whoever has its Gateway, and one that came since the plan goes with it or stops the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec
import pytest

from tests.probes.conftest import Mesh
from upgrader.model.failures import Forbidden
from upgrader.model.kinds import (
    K8S_GATEWAY,
    K8S_GATEWAY_CLASS,
    LISTENER_SET,
    X_LISTENER_SET,
    Obj,
    Ref,
)
from upgrader.model.step import Verdict
from upgrader.probes import ListenersRead

OLD, NEW = "1-30-1", "1-31-0"
PROBE = ListenersRead(revision=OLD, kinds=(LISTENER_SET,))
WEB = {"name": "web", "namespace": "ingress"}
NAME = ("ListenerSet shop/extra",)
FOLLOWING = ListenersRead(revision=OLD, kinds=(LISTENER_SET,), follow=(LISTENER_SET,))


@pytest.fixture(autouse=True)
def _gateway(mesh: Mesh) -> None:
    mesh.put(Ref(K8S_GATEWAY_CLASS, "istio"), spec={"controllerName": "istio.io/gateway-controller"})
    mesh.put(Ref(K8S_GATEWAY_CLASS, "istio-waypoint"), spec={"controllerName": "istio.io/mesh-controller"})
    mesh.plane(OLD)
    mesh.plane(NEW, version="1.31.0")
    mesh.namespace("ingress")
    mesh.namespace("shop", rev=OLD)
    mesh.namespace("moved", rev=NEW)
    gateway(mesh, OLD)


def gateway(mesh: Mesh, rev: str, class_name: str = "istio") -> None:
    labels = {"labels": {"istio.io/rev": rev}}
    mesh.put(Ref(K8S_GATEWAY, "web", "ingress"), metadata=labels, spec={"gatewayClassName": class_name})


def listeners(
    mesh: Mesh, space: str = "shop", rev: str | None = None, parent: Mapping[str, str] = WEB
) -> None:
    labels = {"labels": {} if rev is None else {"istio.io/rev": rev}}
    spec: Obj = {"parentRef": parent}
    mesh.put(Ref(LISTENER_SET, "extra", space), metadata=labels, spec=spec)


def knowing(**fields: tuple[str, ...]) -> ListenersRead:
    return msgspec.structs.replace(PROBE, **fields)


Case = Callable[[Mesh], None]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda m: listeners(m, "moved"), f"is not read by istiod {OLD}, which has its Gateway ingress/web"),
        (lambda m: listeners(m, rev=NEW), f"it has istio.io/rev={NEW}"),
        (lambda m: listeners(m, rev="prod"), "it has istio.io/rev=prod"),
        (listeners, f"no step keeps it with its Gateway ingress/web, which leaves {OLD}"),
        (lambda m: listeners(m, rev=OLD), "was made since the plan"),
    ],
)
def test_one_that_is_or_would_be_left_out_is_broken_by_name(mesh: Mesh, made: Case, words: str) -> None:
    made(mesh)
    reading = PROBE.look(mesh)
    assert reading.verdict is Verdict.BROKEN
    assert reading.summary.startswith("ListenerSet ")
    assert words in reading.summary


def _on_new(mesh: Mesh) -> None:
    gateway(mesh, NEW)
    listeners(mesh, rev=NEW)


def _of_waypoint(mesh: Mesh) -> None:
    gateway(mesh, OLD, "istio-waypoint")
    listeners(mesh)


@pytest.mark.parametrize(
    ("made", "probe"),
    [
        (lambda m: None, PROBE),
        (listeners, FOLLOWING),
        (_on_new, PROBE),
        (_of_waypoint, PROBE),
        (lambda m: listeners(m, parent={**WEB, "name": "none"}), PROBE),
        (lambda m: listeners(m, parent={**WEB, "group": "", "kind": "Service"}), PROBE),
        (listeners, ListenersRead(revision=OLD, kinds=(X_LISTENER_SET,))),
        (listeners, knowing(known=NAME)),
        (lambda m: listeners(m, rev="prod"), knowing(unread=NAME)),
        (lambda m: listeners(m, rev=OLD), knowing(stay=("ingress/web",))),
    ],
)
def test_one_that_is_read_and_goes_with_its_gateway_holds(
    mesh: Mesh, made: Case, probe: ListenersRead
) -> None:
    made(mesh)
    assert probe.look(mesh).verdict is Verdict.HOLDS


def test_one_that_the_plan_knows_is_looked_at_too(mesh: Mesh) -> None:
    gateway(mesh, NEW)
    listeners(mesh, rev=OLD)
    probe = knowing(known=NAME)
    assert f"is not read by istiod {NEW}" in probe.look(mesh).summary


@pytest.mark.parametrize("what", ["listenersets", "gateways", "namespaces"])
def test_what_cannot_be_read_is_pending(mesh: Mesh, what: str) -> None:
    listeners(mesh)
    mesh.broken[what] = Forbidden("no", status=403)
    assert PROBE.look(mesh).verdict is Verdict.PENDING
