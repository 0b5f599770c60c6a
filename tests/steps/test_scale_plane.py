"""Frozen means 0 replicas and no pod left."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from upgrader.model.change import Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import DEPLOYMENT, POD, REPLICA_SET, Ref
from upgrader.model.step import Verdict
from upgrader.steps import ScalePlane

if TYPE_CHECKING:
    from tests.steps.conftest import Planes, Shelf

OLD, ROOT = "1-27-9", "istio-system"
ISTIOD = Ref(DEPLOYMENT, f"istiod-{OLD}", ROOT)


@pytest.fixture
def step(planes: Planes) -> ScalePlane:
    uid = planes.shelf.found(ISTIOD)["metadata"]["uid"]
    return ScalePlane(ref=ISTIOD, uid=uid, revision=OLD, replicas=0, before=1)


@pytest.fixture
def back(step: ScalePlane) -> ScalePlane:
    return msgspec.structs.replace(step, replicas=2, before=0)


def test_freezing_is_one_conditional_patch(shelf: Shelf, step: ScalePlane) -> None:
    (change,) = step.diff(step.observe(shelf))

    assert isinstance(change, Patch)
    assert change.body == {"spec": {"replicas": 0}}
    assert change.uid
    assert change.version


def test_a_frozen_one_is_left_alone(shelf: Shelf, step: ScalePlane) -> None:
    assert shelf.carry_out(step) == 1
    assert shelf.carry_out(step) == 0


def test_a_pod_that_is_still_there_is_waited_for(shelf: Shelf, step: ScalePlane) -> None:
    shelf.carry_out(step)
    uid = shelf.found(ISTIOD)["metadata"]["uid"]
    labels = {"app": "istiod", "istio.io/rev": OLD}
    by = {"controller": True, "kind": "Deployment", "name": ISTIOD.name, "uid": uid}
    owner = shelf.put(
        Ref(REPLICA_SET, "istiod-1", ROOT), metadata={"labels": labels, "ownerReferences": [by]}
    )
    of = {"controller": True, "kind": "ReplicaSet", "name": "istiod-1", "uid": owner["metadata"]["uid"]}
    pod = Ref(POD, "istiod-1-a", ROOT)
    shelf.put(
        pod, metadata={"labels": labels, "ownerReferences": [of], "deletionTimestamp": "2026-01-01T00:00:00Z"}
    )

    assert step.verify(shelf).verdict is Verdict.PENDING
    shelf.drop(pod)
    assert step.verify(shelf).verdict is Verdict.HOLDS


def test_bringing_back_waits_until_it_is_available(shelf: Shelf, step: ScalePlane, back: ScalePlane) -> None:
    shelf.carry_out(step)
    shelf.carry_out(back)

    assert shelf.found(ISTIOD)["spec"]["replicas"] == 2
    assert back.verify(shelf).verdict is Verdict.PENDING
    shelf.edit(ISTIOD, {"status": {"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}})
    assert back.verify(shelf).verdict is Verdict.HOLDS


def test_what_an_autoscaler_chose_is_not_drift(shelf: Shelf, step: ScalePlane, back: ScalePlane) -> None:
    shelf.edit(ISTIOD, {"spec": {"replicas": 4}})

    assert back.diff(back.observe(shelf)) == ()
    assert shelf.carry_out(step) == 1


def test_somebody_who_brings_it_back_breaks_the_step(shelf: Shelf, step: ScalePlane) -> None:
    shelf.carry_out(step)
    shelf.edit(ISTIOD, {"spec": {"replicas": 1}})

    assert step.verify(shelf).verdict is Verdict.BROKEN


def test_another_deployment_of_that_name_is_drift(shelf: Shelf, step: ScalePlane) -> None:
    shelf.put(ISTIOD, spec={"replicas": 1})

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))


def test_one_that_is_gone_is_frozen_enough_but_cannot_be_brought_back(
    shelf: Shelf, step: ScalePlane, back: ScalePlane
) -> None:
    shelf.drop(ISTIOD)

    assert step.diff(step.observe(shelf)) == ()
    assert step.verify(shelf).verdict is Verdict.HOLDS
    with pytest.raises(UpgradeError, match="UPG-0604"):
        back.diff(back.observe(shelf))
