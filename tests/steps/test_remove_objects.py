"""Only what is ours is deleted, each by its uid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from upgrader.model.change import Delete
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import CONFIG_MAP, DEPLOYMENT, SERVICE, Ref
from upgrader.model.manifest import MANIFEST_DIGEST, Owned
from upgrader.model.step import Verdict
from upgrader.steps import RemoveObjects

if TYPE_CHECKING:
    from tests.steps.conftest import Shelf

OLD = "1-27-9"
DEPLOYED = Ref(DEPLOYMENT, f"istiod-{OLD}", "istio-system")
SERVED = Ref(SERVICE, f"istiod-{OLD}", "istio-system")
LABELS = {"labels": {"istio.io/rev": OLD}}


@pytest.fixture
def step(shelf: Shelf) -> RemoveObjects:
    uids = [shelf.put(ref, metadata=LABELS)["metadata"]["uid"] for ref in (DEPLOYED, SERVED)]
    owned = tuple(Owned(ref, uid) for ref, uid in zip((DEPLOYED, SERVED), uids, strict=True))
    return RemoveObjects(revision=OLD, objects=owned)


def test_each_delete_names_the_uid(shelf: Shelf, step: RemoveObjects) -> None:
    changes = step.diff(step.observe(shelf))

    assert changes == tuple(Delete(owned.ref, owned.uid) for owned in step.objects)
    shelf.carry_out(step)
    assert step.verify(shelf).verdict is Verdict.HOLDS


def test_what_is_gone_is_not_deleted_again(shelf: Shelf, step: RemoveObjects) -> None:
    shelf.carry_out(step)

    assert shelf.carry_out(step) == 0


def test_after_a_crash_only_the_rest_is_deleted(shelf: Shelf, step: RemoveObjects) -> None:
    shelf.perform(step.diff(step.observe(shelf))[0])

    assert [c.ref for c in step.diff(step.observe(shelf)) if isinstance(c, Delete)] == [SERVED]


def test_an_object_made_again_stops_everything(shelf: Shelf, step: RemoveObjects) -> None:
    shelf.put(SERVED, metadata=LABELS)

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))
    assert step.verify(shelf).verdict is Verdict.BROKEN
    assert shelf.get(DEPLOYED) is not None


def test_an_object_that_belongs_to_another_revision_by_now_stops_everything(
    shelf: Shelf, step: RemoveObjects
) -> None:
    shelf.edit(SERVED, {"metadata": {"labels": {"istio.io/rev": "1-28-10"}}})

    with pytest.raises(UpgradeError, match="UPG-0604"):
        step.diff(step.observe(shelf))


def test_what_waits_for_a_finalizer_is_pending_and_not_deleted_twice(
    shelf: Shelf, step: RemoveObjects
) -> None:
    shelf.drop(DEPLOYED)
    going = {"deletionTimestamp": "2026-01-01T00:00:00Z", "finalizers": ["example.com/hold"]}
    shelf.edit(SERVED, {"metadata": going})

    assert step.diff(step.observe(shelf)) == ()
    reading = step.verify(shelf)
    assert reading.verdict is Verdict.PENDING
    assert "example.com/hold" in reading.summary


@pytest.mark.parametrize(
    ("metadata", "ours"),
    [
        ({"labels": {"istio.io/rev": OLD}}, True),
        ({"annotations": {MANIFEST_DIGEST: "0" * 64}}, True),
        ({}, False),
        ({"labels": {"istio.io/rev": "1-26-8"}, "annotations": {MANIFEST_DIGEST: "0" * 64}}, False),
    ],
)
def test_without_a_uid_an_object_must_carry_our_mark(
    shelf: Shelf, metadata: dict[str, object], ours: bool
) -> None:
    ref = Ref(CONFIG_MAP, "istio", "istio-system")
    shelf.put(ref, metadata=metadata)
    step = RemoveObjects(revision=OLD, objects=(Owned(ref),), why="undo")

    if ours:
        assert shelf.carry_out(step) == 1
    else:
        with pytest.raises(UpgradeError, match="UPG-0604"):
            step.diff(step.observe(shelf))
