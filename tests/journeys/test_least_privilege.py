"""The roles that ``check --rbac`` prints are enough for their phase, and every one of their rules is asked for."""

from __future__ import annotations

from contextlib import suppress
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
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import Forbidden
from upgrader.planning.expect import expectations
from upgrader.planning.permissions import Ground, Phase, is_dispensable, needed
from upgrader.planning.plan import Plan
from upgrader.planning.record import Progress
from upgrader.probes.admission.accepted import is_validated
from upgrader.report.errors import of_failure
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import read_scenario
from upgrader.sandbox.world import World

pytestmark = pytest.mark.slow

Phases = dict[str, Phase]
WRITES = {"create", "patch", "update", "delete"}


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


@pytest.fixture
def bare(mesh: Journey, phases: Phases, tmp_path: Path) -> Journey:
    """The same without the roles that may be left out."""
    here = mesh.fork(tmp_path)
    hand_out(here.world, [phase for phase in phases.values() if phase.sort != "more"])
    return here


def carry_out(mesh: Journey, plan: Plan, phase: Phase) -> RunFolder:
    """The phase, by whoever may do that and nothing else, as the printed command does it."""
    mesh.user = phase.name
    begun = runs_in(mesh.place / "runs")
    with suppress(Stopped):
        if begun:
            check_left(mesh.connection(), begun[0], phase.wave)
            mesh.resume(begun[0], until=phase.wave)
        else:
            mesh.begin(plan, until=phase.wave)
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
    with suppress(Stopped):
        handed.roll_back(folder, until="b.01")
    handed.user = "look"
    back = folder.back_plan()
    assert back is not None
    recheck(Progress(back, folder.record()), handed.connection().with_files(folder.path))
    handed.user = "h1-rollback"
    check_left(handed.connection(), folder, "")
    assert handed.resume(folder) == "rolled-back"
    assert refused(handed.world) == []


def test_a_whole_run_needs_no_right_that_was_not_asked_for(mesh: Journey, plan: Plan, tmp_path: Path) -> None:
    here = mesh.fork(tmp_path)
    rights = needed(plan, Ground.of(survey(here.connection())))
    more = [phase for phase in phases_of(mesh, plan).values() if phase.sort == "more"]
    hand_out(here.world, [Phase(name="all", sort="wave", rights=rights), *more])
    here.user = "all"
    here.begin(plan)
    assert runs_in(here.place / "runs")[0].record().closed is not None
    assert refused(here.world) == []


def test_each_right_to_change_something_is_used_going_forward_or_back(
    mesh: Journey, plan: Plan, phases: Phases, tmp_path: Path
) -> None:
    """What an apply creates it could also patch, and the other way round: that depends on what is there.

    Objects of Istio's kinds are only created by dry run, and only of kinds of which there are some.
    """
    there, back = mesh.fork(tmp_path / "there"), mesh.fork(tmp_path / "back")
    there.begin(plan)
    with suppress(Stopped):
        back.begin(plan, until="tags")
    back.roll_back(runs_in(back.place / "runs")[0])
    used = {
        (e.group, e.resource, e.namespace)
        for journey in (there, back)
        for e in journey.world.audit.entries
        if e.verb in WRITES and e.agent == "upgrade"
    }
    rights = {right for phase in phases.values() for right in phase.rights if right.verb in WRITES}
    able = {right for right in rights if not is_dispensable(right) and not is_validated(right.kind)}
    assert {(*right.resource, right.namespace) for right in able} - used == set()


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


DISPENSABLE = ["pods/portforward"]


def rules_of(world: World, phase: str) -> list[tuple[str, int]]:
    """Path of a role of the phase, and number of a rule of it that a run cannot do without."""
    found = []
    for plural in ("clusterroles", "roles"):
        for role in world.local().list(f"{API}/{plural}"):
            meta = role["metadata"]
            if meta["name"] == f"upgrader-{phase}":
                space = f"/namespaces/{meta['namespace']}" if plural == "roles" else ""
                path = f"{API}{space}/{plural}/{meta['name']}"
                found += [
                    (path, n) for n, rule in enumerate(role["rules"]) if rule["resources"] != DISPENSABLE
                ]
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


def admitted(mesh: Journey, plan: Plan, phase: Phase) -> Exit:
    """How the command ends that would carry out the phase, if it ends before it begins anything."""
    begun = runs_in(mesh.place / "runs")
    try:
        if begun:
            check_left(mesh.connection(), begun[0], phase.wave)
        else:
            admit(mesh.connection(), plan, mesh.place / "runs", phase.wave)
    except Forbidden as refusal:
        return of_failure(refusal).exit_code
    except UpgradeError as error:
        return error.exit_code
    return Exit.OK


def test_what_may_be_left_out_is_told_as_unseen_and_blocks_nothing(
    bare: Journey, plan: Plan, phases: Phases
) -> None:
    bare.user = "look"
    made = bare.plan()
    assert not made.blocked
    [unseen] = [f for f in made.findings if f.code == "UPG-0351"]
    assert {"services", "networkpolicies.networking.k8s.io"} <= set(unseen.objects)
    assert "secrets cacerts in namespace istio-system" in unseen.objects
    carry_out(bare, plan, waves(phases)[0])


def test_without_any_one_rule_nothing_is_begun(bare: Journey, plan: Plan, phases: Phases) -> None:
    handed, tried = bare, 0
    for phase in waves(phases):
        handed.user = phase.name
        before = [e for e in handed.world.audit.writes() if e.user == phase.name]
        for path, number in rules_of(handed.world, phase.name):
            role = without(handed.world, path, number)
            answer = admitted(handed, plan, phase)
            assert answer in {Exit.NO_PERMISSION, Exit.BLOCKED}, (path, role["rules"][number])
            put_back(handed.world, path, role)
            tried += 1
        assert [e for e in handed.world.audit.writes() if e.user == phase.name] == before
        carry_out(handed, plan, phase)
    assert tried > 100
