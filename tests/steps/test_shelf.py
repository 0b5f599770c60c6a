"""The shelf keeps the server's rules that steps rely on: the same questions to it and to the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from upgrader.cluster.rest import RestCluster
from upgrader.model.change import Create, Delete, Patch, Replace
from upgrader.model.failures import Conflict
from upgrader.model.kinds import CONFIG_MAP, Obj, Ref
from upgrader.sandbox.world import World

if TYPE_CHECKING:
    from tests.steps.conftest import Shelf

REF = Ref(CONFIG_MAP, "one", "default")


@pytest.fixture(scope="module")
def api() -> RestCluster:
    return RestCluster(World(controllers=True).transport())


@pytest.fixture(params=["shelf", "sandbox"])
def place(request: pytest.FixtureRequest, shelf: Shelf, api: RestCluster) -> Any:
    chosen: Any = shelf if request.param == "shelf" else api
    found = chosen.get(REF)
    if found is not None:
        chosen.perform(Delete(REF, found["metadata"]["uid"]))
    chosen.perform(Create(REF, body({"a": "1", "b": "2"})))
    return chosen


def body(data: dict[str, str]) -> Obj:
    metadata = {"name": REF.name, "namespace": REF.namespace, "labels": {"app": "x", "tier": "web"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}


def seen(place: Any) -> tuple[str, str]:
    metadata = place.get(REF)["metadata"]
    return metadata["uid"], metadata["resourceVersion"]


def test_a_merge_patch_takes_away_what_is_null(place: Any) -> None:
    place.perform(Patch(REF, {"data": {"a": None, "c": "3"}}, *seen(place)))

    assert place.get(REF)["data"] == {"b": "2", "c": "3"}


def test_a_write_on_an_old_version_is_a_conflict(place: Any) -> None:
    uid, version = seen(place)
    place.perform(Patch(REF, {"data": {"a": "9"}}, uid, version))

    with pytest.raises(Conflict):
        place.perform(Patch(REF, {"data": {"a": "8"}}, uid, version))
    with pytest.raises(Conflict):
        place.perform(Replace(REF, body({}), uid, version))


def test_a_write_on_a_namesake_is_a_conflict(place: Any) -> None:
    _, version = seen(place)

    with pytest.raises(Conflict):
        place.perform(Patch(REF, {"data": {"a": "9"}}, "00000000-0000-0000-0000-000000000000", version))
    with pytest.raises(Conflict):
        place.perform(Delete(REF, "00000000-0000-0000-0000-000000000000"))


def test_making_what_exists_is_a_conflict(place: Any) -> None:
    with pytest.raises(Conflict):
        place.perform(Create(REF, body({})))


def test_a_write_on_what_is_gone_is_a_conflict_and_a_delete_is_not(place: Any) -> None:
    uid, version = seen(place)
    place.perform(Delete(REF, uid))

    place.perform(Delete(REF, uid))
    with pytest.raises(Conflict):
        place.perform(Patch(REF, {"data": {}}, uid, version))


@pytest.mark.parametrize(
    ("labels", "count"),
    [
        ("app=x", 1),
        ("app=x,tier", 1),
        ("app=x,tier in (web,db)", 1),
        ("app=x,tier in (db)", 0),
        ("app=x,!tier", 0),
        ("app=y", 0),
    ],
)
def test_labels_select_the_same(place: Any, labels: str, count: int) -> None:
    assert len(place.list(CONFIG_MAP, namespace="default", labels=labels)) == count
