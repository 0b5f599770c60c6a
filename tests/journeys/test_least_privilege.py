"""The roles that ``check --rbac`` prints are enough for their phase, and every one of their rules is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.journeys.driving import Journey
from tests.journeys.handing_out import API, hand_out, phases_of, refused
from upgrader.cli.runs.applying import admit
from upgrader.cli.runs.permitting import check_left, check_way_back
from upgrader.cli.wiring import survey
from upgrader.engine.driving.wait import Stopped, looked
from upgrader.engine.keeping.folder import RunFolder, runs_in
from upgrader.engine.looking.recheck import recheck
from upgrader.engine.looking.safety import safe_to_leave
from upgrader.model.change import HOME
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import Forbidden
from upgrader.planning.expect import expectations
from upgrader.planning.permissions import Ground, Phase, needed
from upgrader.planning.plan import Plan
from upgrader.planning.record import Progress
from upgrader.report.errors import of_failure
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import read_scenario
from upgrader.sandbox.world import World

pytestmark = pytest.mark.slow

Phases = dict[str, Phase]


@pytest.fixture(scope="module", params=["shop", "legacy"])
def mesh(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    """One with revisions, tags and Gateways; one of 1.12 without a revision, with a gateway of istioctl."""
    world = World(kubernetes=read_scenario(request.param).kubernetes)
    load(world, request.param)
    return Journey.of(world, tmp_path_factory.mktemp(request.param), request.param)


@pytest.fixture(scope="module")
def plan(mesh: Journey) -> Plan:
    return mesh.plan()


@pytest.fixture(scope="module")
def phases(mesh: Journey, plan: Plan) -> Phases:
    return phases_of(mesh, plan)


@pytest.fixture
def handed(mesh: Journey, phases: Phases, tmp_path: Path) -> Journey:
    """The mesh, with one user for each phase."""
    here = mesh.fork(tmp_path)
    hand_out(here.world, phases.values())
    return here


def carry_out(mesh: Journey, plan: Plan, phase: Phase) -> RunFolder:
    """The phase, by whoever may do that and nothing else, as the printed command does it."""
    mesh.user = phase.name
    begun = runs_in(mesh.place / "runs")
    try:
        if begun:
            check_left(mesh.connection(), begun[0], phase.wave)
            mesh.resume(begun[0], until=phase.wave)
        else:
            mesh.begin(plan, until=phase.wave)
    except Stopped as stopped:
        assert stopped.signal == "until"
    folder = runs_in(mesh.place / "runs")[0]
    progress = Progress(plan, folder.record())
    safe_to_leave(progress, mesh.connection().reader)
    assert not [i for h, w, i in progress.left() if (h.number, w.name) == (phase.hop, phase.wave)]
    return folder


def waves(phases: Phases) -> list[Phase]:
    return [phase for phase in phases.values() if phase.sort == "wave"]


def test_every_phase_runs_with_its_own_roles_alone(handed: Journey, plan: Plan, phases: Phases) -> None:
    for phase in waves(phases):
        folder = carry_out(handed, plan, phase)
    assert folder.record().closed is not None
    assert refused(handed.world) == []


def test_going_back_needs_no_more_than_its_own_roles(
    handed: Journey, plan: Plan, phases: Phases, tmp_path: Path
) -> None:
    for phase in waves(phases)[:-1]:
        folder = carry_out(handed, plan, phase)
    handed.user = "h1-rollback"
    check_way_back(handed.connection(), folder, "")
    assert handed.roll_back(folder) == "rolled-back"
    assert refused(handed.world) == []


def test_looking_and_verifying_need_no_more_than_their_own_roles(
    handed: Journey, plan: Plan, phases: Phases
) -> None:
    for phase in waves(phases)[:3]:
        folder = carry_out(handed, plan, phase)
    handed.user = "look"
    handed.plan()
    progress, reader = Progress(plan, folder.record()), handed.connection().with_files(folder.path)
    recheck(progress, reader)
    safe_to_leave(progress, reader)
    handed.user = "verify"
    connection = handed.connection()
    for probe in expectations(survey(connection)):
        looked(lambda p=probe: p.look(connection.reader))  # type: ignore[misc]
    assert refused(handed.world) == []


def test_whoever_only_looks_may_write_nothing(phases: Phases) -> None:
    assert {right.verb for right in phases["look"].rights} == {"get", "list"}


def test_a_phase_is_asked_for_all_that_its_roles_hold(mesh: Journey, plan: Plan, phases: Phases) -> None:
    ground = Ground.of(survey(mesh.connection()))
    over: set[str] = set()
    for phase in waves(phases):
        asked = needed(plan, ground, until=phase.wave, settled=over)
        assert set(phase.rights) <= set(asked)
        over |= {item.id for _, wave, item in plan.items() if wave.name == phase.wave}


def test_no_right_is_contained_in_another_so_that_each_is_missed(phases: Phases) -> None:
    for phase in phases.values():
        known = {next(right.broader()) for right in phase.rights}
        assert len(known) == len(phase.rights)
        for right in phase.rights:
            assert [one for one in right.broader() if one in known] == [next(right.broader())]


def rules_of(world: World, phase: str) -> list[tuple[str, int]]:
    """Path of a role of the phase, and number of a rule of it."""
    found = []
    for plural in ("clusterroles", "roles"):
        for role in world.local().list(f"{API}/{plural}"):
            meta = role["metadata"]
            if meta["name"] == f"upgrader-{phase}":
                space = f"/namespaces/{meta['namespace']}" if plural == "roles" else ""
                path = f"{API}{space}/{plural}/{meta['name']}"
                found += [(path, number) for number in range(len(role["rules"]))]
    return found


def without(world: World, path: str, number: int) -> dict[str, Any]:
    """Take the rule away; returns the role as it was."""
    local = world.local()
    role = local.get(path)
    assert role is not None
    rules = [rule for place, rule in enumerate(role["rules"]) if place != number]
    local.update(path, role | {"rules": rules})
    return role


def put_back(world: World, path: str, role: dict[str, Any]) -> None:
    now = world.local().get(path)
    assert now is not None
    world.local().update(path, now | {"rules": role["rules"]})


def test_without_any_one_rule_nothing_is_begun(handed: Journey, plan: Plan, phases: Phases) -> None:
    tried = 0
    for phase in waves(phases):
        handed.user = phase.name
        begun = runs_in(handed.place / "runs")
        before = [e for e in handed.world.audit.writes() if e.user == phase.name]
        for path, number in rules_of(handed.world, phase.name):
            role = without(handed.world, path, number)
            with pytest.raises((UpgradeError, Forbidden)) as told:
                if begun:
                    check_left(handed.connection(), begun[0], phase.wave)
                else:
                    admit(handed.connection(), plan, handed.place / "runs", phase.wave)
            code = of_failure(told.value) if isinstance(told.value, Forbidden) else told.value
            assert code.exit_code in {Exit.NO_PERMISSION, Exit.STALE}, (path, role["rules"][number])
            put_back(handed.world, path, role)
            tried += 1
        assert [e for e in handed.world.audit.writes() if e.user == phase.name] == before
        carry_out(handed, plan, phase)
    assert tried > 100


def test_without_a_right_that_only_going_back_needs_the_whole_is_not_begun(
    mesh: Journey, plan: Plan, phases: Phases, tmp_path: Path
) -> None:
    forward = {right for phase in waves(phases) for right in phase.rights}
    back = set(phases["h1-rollback"].rights) - forward
    writing = [right for right in back if right.verb not in {"get", "list"}]
    assert writing
    ground = Ground.of(survey(mesh.connection()))
    assert set(writing) <= set(needed(plan, ground))
    assert not set(writing) & set(needed(plan, ground, until="retire"))


def test_roles_of_istiod_are_written_with_the_right_to_grant_more_than_one_holds(phases: Phases) -> None:
    granting = {right for right in phases["h1-install"].rights if right.verb in {"escalate", "bind"}}
    assert {right.verb for right in granting} == {"escalate", "bind"}
    assert all(right.name for right in granting)
    others = [p for p in phases.values() if p.name not in {"h1-install", "h1-rollback", "h1-gateways"}]
    assert not [r for p in others for r in p.rights if r.verb in {"escalate", "bind"}]


def test_our_own_namespace_is_the_only_one_where_records_may_be_written(phases: Phases) -> None:
    for phase in waves(phases):
        free = {r.namespace for r in phase.rights if r.verb in {"create", "patch"} and not r.name}
        maps = {r.namespace for r in phase.rights if r.kind.plural == "configmaps" and not r.name}
        assert "" not in maps
        assert HOME in free
