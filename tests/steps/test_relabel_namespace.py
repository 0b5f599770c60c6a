"""A namespace moves once, and nobody else's label is overwritten."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from upgrader.model.change import Patch
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import Conflict
from upgrader.model.kinds import NAMESPACE, Obj, Ref
from upgrader.model.step import Verdict
from upgrader.steps import RelabelNamespace

if TYPE_CHECKING:
    from tests.steps.conftest import Shelf

SHOP = Ref(NAMESPACE, "shop")
BOTH: dict[str, str | None] = {"istio.io/rev": "1-28-10", "istio-injection": None}
BEFORE: dict[str, str | None] = {"istio.io/rev": None, "istio-injection": "enabled"}


@pytest.fixture
def step(shelf: Shelf) -> RelabelNamespace:
    uid = shelf.put(SHOP, metadata={"labels": {"istio-injection": "enabled", "team": "shop"}})["metadata"][
        "uid"
    ]
    return RelabelNamespace(namespace="shop", uid=uid, revision="1-28-10", labels=BOTH, before=BEFORE)


def test_both_labels_move_in_one_conditional_patch(shelf: Shelf, step: RelabelNamespace) -> None:
    seen = step.observe(shelf)
    (change,) = step.diff(seen)

    assert isinstance(change, Patch)
    assert change.uid == step.uid
    assert change.version == shelf.found(SHOP)["metadata"]["resourceVersion"]
    shelf.perform(change)
    assert shelf.found(SHOP)["metadata"]["labels"] == {"team": "shop", "istio.io/rev": "1-28-10"}
    assert step.verify(shelf).verdict is Verdict.HOLDS


def test_a_namespace_that_has_moved_is_left_alone(shelf: Shelf, step: RelabelNamespace) -> None:
    assert shelf.carry_out(step) == 1
    assert shelf.carry_out(step) == 0


def test_a_half_moved_namespace_gets_only_what_is_missing(shelf: Shelf, step: RelabelNamespace) -> None:
    shelf.edit(SHOP, {"metadata": {"labels": {"istio.io/rev": "1-28-10"}}})

    (change,) = step.diff(step.observe(shelf))

    assert isinstance(change, Patch)
    assert change.body == {"metadata": {"labels": {"istio-injection": None}}}


def test_a_write_in_between_is_a_conflict_and_not_overwritten(shelf: Shelf, step: RelabelNamespace) -> None:
    (change,) = step.diff(step.observe(shelf))
    shelf.edit(SHOP, {"metadata": {"labels": {"team": "other"}}})

    with pytest.raises(Conflict):
        shelf.perform(change)
    assert shelf.carry_out(step) == 1
    assert shelf.found(SHOP)["metadata"]["labels"]["team"] == "other"


def test_somebody_elses_label_is_named_with_its_writer(shelf: Shelf, step: RelabelNamespace) -> None:
    fields: Obj = {"f:metadata": {"f:labels": {"f:istio.io/rev": {}}}}
    managed = [{"manager": "argocd-controller", "operation": "Apply", "fieldsV1": fields}]
    shelf.edit(SHOP, {"metadata": {"labels": {"istio.io/rev": "1-26-8"}, "managedFields": managed}})

    with pytest.raises(UpgradeError) as caught:
        step.diff(step.observe(shelf))

    assert (caught.value.code, caught.value.exit_code) == ("UPG-0604", Exit.STALE)
    told = "\n".join(caught.value.what)
    assert "Namespace shop" in told
    assert "1-26-8" in told
    assert "1-28-10" in told
    assert "argocd-controller" in told
    assert step.verify(shelf).verdict is Verdict.BROKEN


def test_a_namesake_is_not_touched(shelf: Shelf, step: RelabelNamespace) -> None:
    shelf.put(SHOP, metadata={"labels": {"istio-injection": "enabled"}})

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))


def test_a_namespace_that_is_gone_needs_nothing(shelf: Shelf, step: RelabelNamespace) -> None:
    shelf.drop(SHOP)

    assert step.diff(step.observe(shelf)) == ()
    assert step.verify(shelf).verdict is Verdict.HOLDS
    assert "gone" in step.verify(shelf).summary


def test_going_back_is_the_same_step_with_both_states_swapped(shelf: Shelf, step: RelabelNamespace) -> None:
    before = shelf.state()
    shelf.carry_out(step)
    back = msgspec.structs.replace(step, labels=step.before, before=step.labels, revision="default")

    assert shelf.carry_out(back) == 1
    assert shelf.state() == before


def test_a_label_taken_away_afterwards_is_broken(shelf: Shelf, step: RelabelNamespace) -> None:
    shelf.carry_out(step)
    shelf.edit(SHOP, {"metadata": {"labels": {"istio.io/rev": None}}})

    assert step.verify(shelf).verdict is Verdict.BROKEN
