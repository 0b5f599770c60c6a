"""A Gateway has moved when its pods were made by the new owner, not when its label says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from upgrader.model.change import Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import DEPLOYMENT, K8S_GATEWAY, POD, REPLICA_SET, X_LISTENER_SET, Obj, Ref
from upgrader.model.step import Verdict
from upgrader.steps import RelabelGateway

if TYPE_CHECKING:
    from tests.steps.conftest import Shelf

OLD, NEW = "1-27-9", "1-28-10"
WEB = Ref(K8S_GATEWAY, "web", "ingress")
MADE = Ref(DEPLOYMENT, "web-istio", "ingress")


class Web:
    """A Gateway, the Deployment that istiod made for it, and one pod."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf
        self.uid = shelf.put(WEB, metadata={"labels": {"istio.io/rev": OLD}}, spec={})["metadata"]["uid"]
        owner: Obj = {
            "apiVersion": "gateway.networking.k8s.io/v1",
            "kind": "Gateway",
            "name": "web",
            "uid": self.uid,
        }
        self.labels = {"gateway.networking.k8s.io/gateway-name": "web"}
        counts = {"replicas": 1, "updatedReplicas": 1, "availableReplicas": 1, "observedGeneration": 1}
        spec = {"replicas": 1, "selector": {"matchLabels": self.labels}}
        shelf.put(MADE, metadata={"ownerReferences": [owner]}, spec=spec, status=counts)
        self.render(OLD)
        self.pod("a", OLD)

    def render(self, revision: str) -> None:
        self.shelf.edit(
            MADE, {"spec": {"template": {"metadata": {"annotations": {"istio.io/rev": revision}}}}}
        )

    def pod(self, name: str, revision: str) -> None:
        by = {
            "controller": True,
            "kind": "Deployment",
            "name": MADE.name,
            "uid": self.shelf.found(MADE)["metadata"]["uid"],
        }
        place = Ref(REPLICA_SET, f"web-{revision}", "ingress")
        owner = self.shelf.put(place, metadata={"labels": self.labels, "ownerReferences": [by]})
        of = {"controller": True, "kind": "ReplicaSet", "name": place.name, "uid": owner["metadata"]["uid"]}
        notes = {"istio.io/rev": revision}
        self.shelf.put(
            Ref(POD, name, "ingress"),
            metadata={"labels": self.labels, "annotations": notes, "ownerReferences": [of]},
            spec={"containers": [{"name": "istio-proxy", "image": "proxyv2"}]},
            status={"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        )


@pytest.fixture
def web(shelf: Shelf) -> Web:
    return Web(shelf)


@pytest.fixture
def step(web: Web) -> RelabelGateway:
    return RelabelGateway(ref=WEB, uid=web.uid, revision=NEW, value=NEW, before=OLD)


def test_the_label_is_one_conditional_patch(shelf: Shelf, step: RelabelGateway) -> None:
    (change,) = step.diff(step.observe(shelf))

    assert isinstance(change, Patch)
    assert change.body == {"metadata": {"labels": {"istio.io/rev": NEW}}}
    assert change.uid == step.uid
    assert shelf.carry_out(step) == 1
    assert shelf.carry_out(step) == 0


def test_it_holds_when_the_new_owner_has_rendered_it_and_the_old_pod_is_gone(
    shelf: Shelf, web: Web, step: RelabelGateway
) -> None:
    shelf.carry_out(step)
    assert "still rendered by 1-27-9" in step.verify(shelf).summary
    web.render(NEW)
    assert step.verify(shelf).verdict is Verdict.PENDING
    web.pod("b", NEW)
    assert step.verify(shelf).verdict is Verdict.PENDING
    shelf.drop(Ref(POD, "a", "ingress"))
    assert step.verify(shelf).verdict is Verdict.HOLDS


def test_a_label_can_be_taken_away_again(shelf: Shelf, step: RelabelGateway) -> None:
    pin = msgspec.structs.replace(step, revision=OLD, value=None, before=OLD)
    shelf.carry_out(pin)

    assert shelf.found(WEB)["metadata"]["labels"] == {}
    assert pin.verify(shelf).verdict is Verdict.HOLDS
    assert shelf.carry_out(pin) == 0


def test_a_label_that_somebody_chose_meanwhile_is_drift(shelf: Shelf, step: RelabelGateway) -> None:
    shelf.edit(WEB, {"metadata": {"labels": {"istio.io/rev": "1-26-8"}}})

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))
    assert step.verify(shelf).verdict is Verdict.BROKEN


def test_a_namesake_is_not_touched(shelf: Shelf, step: RelabelGateway) -> None:
    shelf.put(WEB, metadata={"labels": {"istio.io/rev": OLD}}, spec={})

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))


def test_a_gateway_that_is_gone_needs_nothing(shelf: Shelf, step: RelabelGateway) -> None:
    shelf.drop(WEB)

    assert step.diff(step.observe(shelf)) == ()
    assert step.verify(shelf).verdict is Verdict.HOLDS


@pytest.mark.parametrize("managed", [True, False])
def test_one_without_a_deployment_of_istiods_is_only_labelled(
    shelf: Shelf, step: RelabelGateway, managed: bool
) -> None:
    shelf.edit(WEB, {"spec": {"addresses": [{"type": "Hostname", "value": "a.example"}]}})
    own = msgspec.structs.replace(step, managed=managed)
    shelf.carry_out(own)

    assert own.verify(shelf).verdict is Verdict.HOLDS


EXTRA = Ref(X_LISTENER_SET, "extra", "shop")


def test_listeners_are_labelled_like_a_gateway_and_have_nothing_to_roll(shelf: Shelf) -> None:
    uid = shelf.put(EXTRA, metadata={"labels": {"istio.io/rev": OLD}}, spec={})["metadata"]["uid"]
    step = RelabelGateway(ref=EXTRA, uid=uid, revision=NEW, value=None, before=OLD, managed=False)
    assert step.verify(shelf).verdict is Verdict.BROKEN
    shelf.carry_out(step)
    assert "istio.io/rev" not in (shelf.found(EXTRA)["metadata"].get("labels") or {})
    reading = step.verify(shelf)
    assert (reading.verdict, reading.summary) == (
        Verdict.HOLDS,
        "XListenerSet shop/extra: istio.io/rev is none",
    )
    assert step.title() == "XListenerSet shop/extra: istio.io/rev 1-27-9 -> none"


def test_listeners_that_somebody_labelled_for_a_third_revision_are_left_alone(shelf: Shelf) -> None:
    uid = shelf.put(EXTRA, metadata={"labels": {"istio.io/rev": "other"}}, spec={})["metadata"]["uid"]
    step = RelabelGateway(ref=EXTRA, uid=uid, revision=NEW, value=None, before=OLD, managed=False)
    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))
