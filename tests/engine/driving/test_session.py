"""One process that drives one run: how it begins, how it is taken over, and how it ends."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.comparing import contents, differences
from tests.journeys.driving import Journey, Killed, Mortal, NoOne
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import ReadOnly
from upgrader.engine.driving.gates import Parked
from upgrader.engine.driving.wait import Stopped
from upgrader.engine.keeping.folder import PLAN, RunFolder, runs_in
from upgrader.engine.keeping.mirror import bring
from upgrader.engine.lease import DURATION, Lease, current
from upgrader.engine.looking.recheck import recheck
from upgrader.engine.no_return import same_cluster
from upgrader.engine.session import Session
from upgrader.model.change import HOME, Delete
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import (
    DriftSeen,
    Intent,
    Interrupted,
    LockLeft,
    Looked,
    PhaseEntered,
    RunClosed,
    RunEvent,
    StepHalted,
    StepSettled,
    StepStarted,
)
from upgrader.planning.plan import Plan
from upgrader.sandbox.world import World

pytestmark = [pytest.mark.slow, pytest.mark.journey]


def only_run(mesh: Journey) -> RunFolder:
    (found,) = runs_in(mesh.place / "runs")
    return found


def holder(mesh: Journey) -> str:
    return current(mesh.connection().cluster.get)[0]


def writes(mesh: Journey) -> list[Any]:
    """What was changed beside our own bookkeeping."""
    return [
        e
        for e in mesh.world.audit.writes(user="admin")
        if e.agent == "upgrade" and HOME not in {e.namespace, e.name} and e.resource != "namespaces"
    ]


def after(mesh: Journey, steps: int, does: Callable[[], None]) -> Callable[[RunEvent], None]:
    """Somebody who does something when so many steps are settled."""
    count = [steps]

    def watch(event: RunEvent) -> None:
        if isinstance(event, StepSettled):
            count[0] -= 1
            if count[0] == 0:
                does()

    return watch


def stopped_after(mesh: Journey, plan: Plan, steps: int) -> RunFolder:
    """A run that somebody stopped."""
    signal = list[str]()
    with pytest.raises(Stopped):
        mesh.begin(
            plan,
            stop=lambda: signal[0] if signal else "",
            observers=[after(mesh, steps, lambda: signal.append("SIGTERM"))],
        )
    return only_run(mesh)


def test_a_stop_sends_nothing_more_and_gives_the_lock_back_and_another_process_goes_on(
    mesh: Journey, one_hop: Plan, undisturbed: Journey
) -> None:
    run = stopped_after(mesh, one_hop, 5)
    assert isinstance(mesh.events[-1], LockLeft)
    assert not [e for e in mesh.events[-3:] if isinstance(e, Intent)]
    assert holder(mesh) == ""
    assert mesh.resume(run) == "done"
    mesh.world.advance(60)
    assert differences(contents(undisturbed.world), contents(mesh.world)) == []


def test_a_killed_process_keeps_the_lock_until_it_runs_out(mesh: Journey, one_hop: Plan) -> None:
    with pytest.raises(Killed):
        mesh.begin(one_hop, at=40)
    assert holder(mesh) == "test@elsewhere/1:1"
    began = mesh.clock.boottime()
    assert mesh.resume(only_run(mesh)) == "done"
    assert mesh.clock.boottime() - began >= DURATION
    assert holder(mesh) == ""


def test_a_lock_that_somebody_took_in_the_middle_stops_the_run_and_leaves_copy_and_lock_alone(
    mesh: Journey, one_hop: Plan
) -> None:
    thief = Lease(
        RestCluster(mesh.world.transport("admin", "thief")), mesh.clock, "thief@two/2:2/bb", "r-20260105-zzzz"
    )

    def steal() -> None:
        lock = f"/apis/coordination.k8s.io/v1/namespaces/{HOME}/leases/lock"
        mesh.world.local().patch(lock, b'{"spec":{"holderIdentity":""}}', "application/merge-patch+json")
        thief.acquire(lambda: None)
        mesh.world.advance(10)

    with pytest.raises(UpgradeError) as told:
        mesh.begin(one_hop, observers=[after(mesh, 5, steal)])
    assert (told.value.code, told.value.exit_code) == ("UPG-0501", Exit.STEP_FAILED)
    assert told.value.left == "Nothing more was changed. The run stays open."
    assert holder(mesh) == "thief@two/2:2/bb"
    assert not any(isinstance(e, LockLeft) for e in mesh.events)
    stolen = next(
        n
        for n, e in enumerate(mesh.world.audit.entries)
        if e.resource == "leases" and e.verb == "patch" and e.agent == "kubectl"
    )
    later = [
        e for e in mesh.world.audit.entries[stolen:] if e.mutating and e.status < 300 and e.agent == "upgrade"
    ]
    assert later == []


def test_two_processes_of_one_machine_do_not_drive_one_run(mesh: Journey, one_hop: Plan) -> None:
    run = stopped_after(mesh, one_hop, 2)
    second: list[UpgradeError] = []

    def another(_: Session) -> None:
        with pytest.raises(UpgradeError) as told:
            mesh.resume(run)
        second.append(told.value)

    mesh.hold(run, prepare=another)
    assert [(e.code, e.exit_code) for e in second] == [("UPG-0501", Exit.LOCKED)]


class Full(Mortal):
    """A disk that is full from the n-th write on."""

    def perform(self, change: Any) -> Any:
        answer = super().perform(change)
        if self.writes == 45:
            self.fill()
        return answer

    fill: Callable[[], None]


def test_when_the_journal_cannot_be_written_nothing_more_is_sent_and_with_space_the_run_goes_on(
    mesh: Journey, one_hop: Plan, undisturbed: Journey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk fills up in the moment a change is answered."""
    full = list[int]()
    fdatasync = os.fdatasync

    def sync(fd: int) -> None:
        if full:
            raise OSError(28, "No space left on device")
        fdatasync(fd)

    def made(folder: Path) -> Mortal:
        cluster = Full(mesh.connection().cluster, folder)
        cluster.fill = lambda: full.append(len(writes(mesh)))
        return cluster

    monkeypatch.setattr(os, "fdatasync", sync)
    mesh.cluster_of = made
    with pytest.raises(OSError, match="No space"):
        mesh.begin(one_hop)
    assert len(writes(mesh)) == full[0]
    assert holder(mesh) == ""

    full.clear()
    mesh.cluster_of = None
    assert mesh.resume(only_run(mesh)) == "done"
    mesh.world.advance(60)
    assert differences(contents(undisturbed.world), contents(mesh.world)) == []


def test_an_output_that_breaks_is_given_up_and_the_run_is_not(mesh: Journey, one_hop: Plan) -> None:
    told = list[RunEvent]()

    def breaks(event: RunEvent) -> None:
        told.append(event)
        raise KeyError("a fault in an output")

    mesh.begin(one_hop, observers=[breaks])
    assert isinstance(mesh.events[-2], RunClosed)
    assert len(told) == len(mesh.events)


def another_machine(mesh: Journey) -> Journey:
    """Somebody else's laptop, on the same cluster."""
    place = mesh.place / "another"
    place.mkdir()
    return Journey(mesh.world, place, mesh.manifests, processes=50)


def test_somebody_else_goes_on_from_another_machine_and_the_first_one_is_told(
    mesh: Journey, one_hop: Plan, undisturbed: Journey
) -> None:
    here = stopped_after(mesh, one_hop, 6)
    other = another_machine(mesh)
    there = bring(other.connection().reader, here.run, other.place / "runs")
    with pytest.raises(Parked):
        other.resume(there, approver=NoOne())
    assert mesh.resume(here) == "done"
    assert {e.step for e in mesh.events if isinstance(e, StepSettled)} & {
        e.step for e in other.events if isinstance(e, StepSettled)
    } == set()
    mesh.world.advance(60)
    assert differences(contents(undisturbed.world), contents(mesh.world)) == []


def test_a_run_that_was_taken_back_elsewhere_is_not_driven_forward_here(mesh: Journey, one_hop: Plan) -> None:
    here = stopped_after(mesh, one_hop, 8)
    other = another_machine(mesh)
    there = bring(other.connection().reader, here.run, other.place / "runs")
    shutil.copytree(here.path / "backup", there.path / "backup")
    assert other.roll_back(there) == "rolled-back"
    before = len(writes(mesh))
    assert mesh.resume(here) == "rolled-back"
    assert len(writes(mesh)) == before


def test_without_the_backup_going_back_is_refused_before_anything_moves(mesh: Journey, one_hop: Plan) -> None:
    here = stopped_after(mesh, one_hop, 8)
    other = another_machine(mesh)
    there = bring(other.connection().reader, here.run, other.place / "runs")
    before = len(writes(mesh))
    with pytest.raises(UpgradeError, match="UPG-0802"):
        other.roll_back(there)
    assert len(writes(mesh)) == before
    assert not there.record().going_back
    assert mesh.roll_back(here) == "rolled-back"


def test_a_machine_that_lost_its_lock_to_another_does_not_go_on_with_its_own_story(
    mesh: Journey, one_hop: Plan
) -> None:
    with pytest.raises(Killed):
        mesh.begin(one_hop, at=40, after=True)
    here = only_run(mesh)
    other = another_machine(mesh)
    there = bring(other.connection().reader, here.run, other.place / "runs")
    with pytest.raises(Parked):
        other.resume(there, approver=NoOne())
    with pytest.raises(UpgradeError, match="UPG-0502") as told:
        mesh.resume(here)
    assert "another machine" in told.value.what[0]
    assert holder(mesh) == ""
    assert other.resume(there) == "done"


def test_an_edited_plan_is_not_resumed(mesh: Journey, one_hop: Plan) -> None:
    run = stopped_after(mesh, one_hop, 3)
    wider = mesh.plan("1.28", playbook="canary")
    (run.path / PLAN).write_text(pretty(wider))
    before = len(writes(mesh))
    with pytest.raises(UpgradeError, match="UPG-0405"):
        mesh.resume(run)
    assert len(writes(mesh)) == before
    assert holder(mesh) == ""


def test_drift_that_resume_finds_is_written_down_and_nothing_is_sent(mesh: Journey, one_hop: Plan) -> None:
    run = stopped_after(mesh, one_hop, 7)
    mesh.world.local().patch(
        "/api/v1/namespaces/shop",
        b'{"metadata":{"labels":{"istio.io/rev":"1-27-9"}}}',
        "application/merge-patch+json",
    )
    before = len(writes(mesh))

    def look(held: Session) -> None:
        held.refuse_drift(recheck(held.progress(), mesh.connection().with_files(run.path)))

    with pytest.raises(UpgradeError, match="UPG-0404"):
        mesh.hold(run, prepare=look)
    assert len(writes(mesh)) == before
    assert [e for e in mesh.events if isinstance(e, DriftSeen)]


def test_a_signal_is_written_down_with_what_is_in_flight(mesh: Journey, one_hop: Plan) -> None:
    run = stopped_after(mesh, one_hop, 3)
    mesh.hold(run, prepare=lambda held: held.stopped("SIGTERM"), until="")
    assert any(isinstance(e, Interrupted) for e in mesh.events)


def parked(mesh: Journey, plan: Plan) -> RunFolder:
    """A run before the gate that is followed by the removal."""
    with pytest.raises(Parked):
        mesh.begin(plan, approver=NoOne())
    return only_run(mesh)


def removed(mesh: Journey, since: int) -> list[str]:
    return [e.name for e in writes(mesh)[since:] if e.verb == "delete"]


class AtRemoval(Mortal):
    """Dies after so many deletes."""

    deletes = 0

    def perform(self, change: Any) -> Any:
        if isinstance(change, Delete):
            if not self.deletes:
                raise Killed
            self.deletes -= 1
        return super().perform(change)


def test_a_gate_that_was_passed_yesterday_does_not_let_the_old_revision_be_removed_today(
    mesh: Journey, one_hop: Plan
) -> None:
    """Somebody bound a namespace to it in between."""
    run = parked(mesh, one_hop)

    def die_at_the_gate() -> None:
        raise Killed

    gate = next(i.id for _, _, i in one_hop.items() if i.mark == "-")

    def watch(event: RunEvent) -> None:
        if isinstance(event, Looked) and event.step == gate:
            die_at_the_gate()

    with pytest.raises(Killed):
        mesh.hold(run, observers=[watch])
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "late", "labels": {"istio.io/rev": "1-27-9"}},
    }
    mesh.world.local().create("/api/v1/namespaces", body)
    before = len(writes(mesh))

    with pytest.raises(UpgradeError, match="UPG-0701") as told:
        mesh.resume(run)
    assert "namespace late is bound to it" in told.value.what[0]
    assert removed(mesh, before) == []

    mesh.world.local().delete("/api/v1/namespaces/late")
    mesh.world.advance(10)
    assert mesh.resume(run) == "done"


@pytest.mark.parametrize("deletes", [0, 1, 5])
def test_a_removal_that_has_begun_is_finished_and_one_that_has_not_is_looked_at_again(
    mesh: Journey, one_hop: Plan, deletes: int
) -> None:
    """Half a revision serves nobody; a whole one that is needed again stays."""
    run = parked(mesh, one_hop)

    def mortal(folder: Path) -> Mortal:
        cluster = AtRemoval(mesh.connection().cluster, folder)
        cluster.deletes = deletes
        return cluster

    mesh.cluster_of = mortal
    with pytest.raises(Killed):
        mesh.hold(run)
    mesh.cluster_of = None
    body = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": "late", "labels": {"istio.io/rev": "1-27-9"}},
    }
    mesh.world.local().create("/api/v1/namespaces", body)
    if deletes:
        assert mesh.resume(run) == "done"
    else:
        with pytest.raises(UpgradeError, match="UPG-0701"):
            mesh.resume(run)


def test_the_old_revision_is_not_removed_while_the_record_is_on_this_machine_alone(
    mesh: Journey, one_hop: Plan
) -> None:
    run = parked(mesh, one_hop)
    mesh.world.api.rbac.deny("admin", verbs=["create", "patch"], resources=["configmaps"], namespaces=[HOME])
    before = len(writes(mesh))
    with pytest.raises(UpgradeError, match="UPG-0505") as told:
        mesh.resume(run)
    assert told.value.exit_code is Exit.STEP_FAILED
    assert removed(mesh, before) == []
    mesh.world.api.rbac.denials.clear()
    assert mesh.resume(run) == "done"


def test_reversible_steps_go_on_without_a_copy(mesh: Journey, one_hop: Plan) -> None:
    def revoke() -> None:
        mesh.world.api.rbac.deny(
            "admin", verbs=["create", "patch"], resources=["configmaps"], namespaces=[HOME]
        )

    with pytest.raises(Parked):
        mesh.begin(one_hop, approver=NoOne(), observers=[after(mesh, 1, revoke)])
    assert sum(isinstance(e, StepSettled) for e in mesh.events) > 8


def test_until_a_step_stops_after_it_even_among_restarts(mesh: Journey, one_hop: Plan) -> None:
    restarts = [i.id for _, _, i in one_hop.items() if i.mark == "r"]
    with pytest.raises(Stopped, match="until"):
        mesh.begin(one_hop, until=restarts[0])
    begun = {e.step for e in mesh.events if isinstance(e, StepStarted)}
    assert restarts[0] in begun
    assert restarts[1] not in begun


@pytest.mark.parametrize("sort", ["wave", "step"])
def test_until_a_place_that_was_passed_stops_at_once(mesh: Journey, one_hop: Plan, sort: str) -> None:
    wave = one_hop.hops[0].waves[2]
    place = wave.name if sort == "wave" else wave.items[0].id
    with pytest.raises(Stopped):
        mesh.begin(one_hop, until=wave.name)
    settled = sum(isinstance(e, StepSettled) for e in mesh.events)
    with pytest.raises(Stopped, match="until"):
        mesh.resume(only_run(mesh), until=place)
    assert sum(isinstance(e, StepSettled) for e in mesh.events) == settled


def other_world() -> World:
    """Another cluster."""
    world = World(controllers=False, seed=7)
    world.local().create(
        "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system"}}
    )
    return world


def test_another_cluster_behind_the_same_name_is_noticed(
    mesh: Journey, one_hop: Plan, small: Journey
) -> None:
    with pytest.raises(UpgradeError, match="UPG-0402"):
        same_cluster(one_hop, ReadOnly(RestCluster(other_world().transport())))
    same_cluster(one_hop, small.connection().reader)


def test_a_run_that_is_over_stays_as_it_is(mesh: Journey, one_hop: Plan) -> None:
    mesh.begin(one_hop)
    run, before = only_run(mesh), len(writes(mesh))
    assert mesh.resume(run) == "done"
    assert len(writes(mesh)) == before
    with pytest.raises(UpgradeError, match="UPG-0801"):
        mesh.roll_back(run)
    assert sum(isinstance(e, RunClosed) for e in mesh.events) == 1


def test_every_halt_is_in_the_journal_under_its_code(mesh: Journey, one_hop: Plan) -> None:
    def revoke() -> None:
        mesh.world.api.rbac.deny("admin", verbs=["patch"], resources=["namespaces"])

    with pytest.raises(UpgradeError, match="UPG-0602"):
        mesh.begin(one_hop, observers=[after(mesh, 1, revoke)])
    assert [e.code for e in mesh.events if isinstance(e, StepHalted)] == ["UPG-0602"]
    assert only_run(mesh).record().status == "halted"
    assert [e.phase for e in mesh.events if isinstance(e, PhaseEntered)][-1] == "shifting"
