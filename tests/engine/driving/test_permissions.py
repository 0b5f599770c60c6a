"""What is asked of the API server beforehand is what a run and its rollback really use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.journeys.driving import Journey, NoOne
from upgrader.cli.wiring import survey
from upgrader.engine.driving.gates import Parked
from upgrader.engine.keeping.folder import runs_in
from upgrader.model.errors import Exit, UpgradeError
from upgrader.planning.permissions import Permission, needed
from upgrader.planning.plan import Plan
from upgrader.sandbox.api.access.rbac import Ask
from upgrader.sandbox.world import World

pytestmark = [pytest.mark.slow, pytest.mark.journey]

WRITES = {"create", "patch", "update", "delete"}


def key(right: Permission) -> tuple[str, str, str, str, str]:
    return right.verb, right.kind.group, right.kind.plural, right.namespace, right.name


def restrict(world: World, rights: tuple[Permission, ...]) -> None:
    """From now on the user may do that and nothing more."""
    known = frozenset(map(key, rights))

    def allows(ask: Ask) -> bool:
        if (
            ask.user != "admin"
            or ask.group == "authorization.k8s.io"
            or ask.verb not in {*WRITES, "get", "list"}
        ):
            return True
        place = {(ns, name) for ns in ("", ask.namespace) for name in ("", ask.name)}
        return any((ask.verb, ask.group, ask.full_resource, *one) in known for one in place)

    world.api.rbac.deny("somebody-else")
    world.api.rbac.allows = allows  # type: ignore[method-assign]


@pytest.fixture
def rights(mesh: Journey, one_hop: Plan) -> tuple[Permission, ...]:
    return needed(one_hop, survey(mesh.connection()).kinds)


def refused(mesh: Journey) -> list[str]:
    return [
        f"{e.verb} {e.resource} {e.namespace}/{e.name}"
        for e in mesh.world.audit.entries
        if e.status == 403 and e.user == "admin"
    ]


def begin(mesh: Journey, plan: Plan, rights: tuple[Permission, ...], **manner: Any) -> None:
    """The survey of apply may read what it likes; the run itself is restricted from its first event on."""

    events: list[object] = []

    def first(event: object) -> None:
        events.append(event)
        if len(events) == 1:
            restrict(mesh.world, rights)

    mesh.begin(plan, observers=[first], **manner)
    assert events


def test_a_whole_hop_needs_no_right_that_was_not_asked_for(
    mesh: Journey, one_hop: Plan, rights: tuple[Permission, ...]
) -> None:
    begin(mesh, one_hop, rights)
    assert refused(mesh) == []


def test_going_back_needs_no_right_that_was_not_asked_for_before_going_forward(
    mesh: Journey, one_hop: Plan, rights: tuple[Permission, ...]
) -> None:
    with pytest.raises(Parked):
        begin(mesh, one_hop, rights, approver=NoOne())
    assert mesh.roll_back(runs_in(mesh.place / "runs")[0]) == "rolled-back"
    assert refused(mesh) == []


def test_each_right_to_change_something_that_is_asked_for_is_used_going_forward_or_back(
    mesh: Journey, one_hop: Plan, rights: tuple[Permission, ...], tmp_path: Any
) -> None:
    """What an apply creates it could also patch, and the other way round: that depends on what is there."""
    back = mesh.fork(tmp_path / "back")
    mesh.begin(one_hop)
    with pytest.raises(Parked):
        back.begin(one_hop, approver=NoOne())
    back.roll_back(runs_in(back.place / "runs")[0])
    used = {
        (e.group, e.resource, e.namespace)
        for journey in (mesh, back)
        for e in journey.world.audit.entries
        if e.verb in WRITES and e.agent == "upgrade"
    }
    asked = {(r.kind.group, r.kind.plural, r.namespace) for r in rights if r.verb in WRITES}
    assert asked - used == set()


def test_a_right_that_is_missing_is_named_before_anything_is_done(mesh: Journey, one_hop: Plan) -> None:
    mesh.world.api.rbac.deny("admin", verbs=["delete"], resources=["deployments"])
    with pytest.raises(UpgradeError, match="UPG-0302") as told:
        mesh.begin(one_hop)
    assert told.value.exit_code is Exit.NO_PERMISSION
    assert told.value.what == ("delete deployments.apps in istio-system",)
    assert [e for e in mesh.world.audit.writes() if e.agent == "upgrade"] == []
