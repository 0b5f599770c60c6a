"""Every change of a whole hop meets every fault once; the mesh ends as if nothing had happened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.engine.faults import AMBIGUOUS, Fault, Faulty, every_first, is_ours
from tests.journeys.comparing import contents, differences
from tests.journeys.driving import Journey, Mortal
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Retrying
from upgrader.engine.keeping.folder import RunFolder, runs_in
from upgrader.engine.keeping.journal import NAME, verified
from upgrader.model.errors import UpgradeError
from upgrader.model.event import Intent, Outcome
from upgrader.model.failures import ClusterFailure
from upgrader.planning.plan import Plan

pytestmark = [pytest.mark.slow, pytest.mark.journey]

HALTS = {Fault.FORBIDDEN}
"""Faults after which a person is needed; all others are ridden out."""


class Line:
    """A bad connection that lasts over all processes of a run, and what is true of it at every request."""

    def __init__(self, journey: Journey, fault: Fault, wanted: Callable[[str, str, int], bool]) -> None:
        self.bad = Faulty(journey.world.transport(), journey.clock, fault, wanted)
        self.journey = journey
        self.unannounced: list[str] = []

    def cluster(self, folder: Path) -> Mortal:
        """What a process is given."""
        return Watching(self, folder)

    def went(self, folder: Path, change: Any) -> None:
        """The intent of what is sent now is the last record on disk."""
        if is_ours(f"/{change.ref.namespace}/{change.ref.name}"):
            return
        path = folder / NAME
        lines, _ = verified(path.read_bytes(), path)
        last = lines[-1].event
        if not isinstance(last, Intent) or last.ref != change.ref:
            self.unannounced.append(str(change.ref))


class Watching(Mortal):
    """Looks at the journal before each write."""

    def __init__(self, line: Line, folder: Path) -> None:
        super().__init__(RestCluster(Retrying(line.bad, line.journey.clock)), folder)
        self._line = line
        self._run = folder

    def perform(self, change: Any) -> Any:
        self._line.went(self._run, change)
        return super().perform(change)


def unlike(undisturbed: Journey, mesh: Journey) -> list[str]:
    """What differs once the last pods are gone."""
    mesh.world.advance(60)
    return differences(contents(undisturbed.world), contents(mesh.world))


def drive(mesh: Journey, plan: Plan, line: Line) -> list[str]:
    """Begin, and resume until it is done; returns the codes of what stopped it on the way."""
    mesh.cluster_of = line.cluster
    stops: list[str] = []
    while True:
        try:
            if not runs_in(mesh.place / "runs"):
                mesh.begin(plan)
                return stops
            if mesh.resume(runs_in(mesh.place / "runs")[-1]) == "done":
                return stops
        except UpgradeError as error:
            stops.append(error.code if error.code != "UPG-0602" else f"UPG-0602 {error.what}")
        except ClusterFailure as failure:
            stops.append(type(failure).__name__)
        assert len(stops) < 150


def wanted_of_plan(method: str, path: str, times: int) -> bool:
    """Every mutation of the plan once, and none of our own bookkeeping."""
    return not is_ours(path) and every_first(method, path, times)


def blind(line: Line) -> list[str]:
    """Writes of unknown outcome whose object was written again before anybody looked."""
    found = []
    for number, one in enumerate(line.bad.seen):
        if one.hit and line.bad._fault in AMBIGUOUS:
            places = {one.path, one.path.rpartition("/")[0]}
            behind = [s for s in line.bad.seen[number + 1 :] if s.path in places]
            if behind and behind[0].method != "GET":
                found.append(one.path)
    return found


@pytest.mark.parametrize("fault", [f for f in Fault if f not in HALTS], ids=lambda f: f.name)
def test_a_fault_at_every_change_is_ridden_out(
    mesh: Journey, one_hop: Plan, undisturbed: Journey, fault: Fault
) -> None:
    line = Line(mesh, fault, wanted_of_plan)

    assert drive(mesh, one_hop, line) == []

    assert unlike(undisturbed, mesh) == []
    assert line.bad.hits > 30
    assert line.unannounced == []
    assert blind(line) == []
    outcomes = {e.op: e.result for e in mesh.events if isinstance(e, Outcome)}
    assert {e.op for e in mesh.events if isinstance(e, Intent)} == outcomes.keys()
    assert "unknown" not in outcomes.values()


@pytest.mark.parametrize(
    "fault", [Fault.RESET_AFTER, Fault.TIMEOUT, Fault.BROKEN_AFTER], ids=lambda f: f.name
)
def test_what_happened_without_an_answer_happened_once(
    mesh: Journey, one_hop: Plan, undisturbed: Journey, fault: Fault
) -> None:
    drive(mesh, one_hop, Line(mesh, fault, wanted_of_plan))
    assert generations(mesh) == generations(undisturbed)


def generations(journey: Journey) -> dict[str, int]:
    """How often each workload's spec was written."""
    found = journey.world.store.list("apps", "deployments")
    return {
        f"{d['metadata']['namespace']}/{d['metadata']['name']}": d["metadata"]["generation"] for d in found
    }


def test_a_permission_that_is_taken_away_before_each_change_and_given_back_stops_the_run_each_time(
    mesh: Journey, one_hop: Plan, undisturbed: Journey
) -> None:
    line = Line(mesh, Fault.FORBIDDEN, wanted_of_plan)

    stops = drive(mesh, one_hop, line)

    assert {stop[:8] for stop in stops} == {"UPG-0602"}
    assert len(stops) == line.bad.hits > 30
    assert unlike(undisturbed, mesh) == []
    assert line.unannounced == []


@pytest.mark.parametrize(
    "fault",
    [Fault.RESET_AFTER, Fault.BROKEN, Fault.CONFLICT, Fault.FORBIDDEN, Fault.REFUSED],
    ids=lambda f: f.name,
)
def test_faults_of_our_own_bookkeeping_stop_the_run_at_most_where_it_can_be_resumed(
    mesh: Journey, one_hop: Plan, undisturbed: Journey, fault: Fault
) -> None:
    """Lock and copies: every third of their writes, nine times."""
    left = list(range(9))

    def wanted(_: str, path: str, times: int) -> bool:
        return "istio-upgrade" in path and times % 3 == 2 and bool(left) and left.pop() >= 0

    line = Line(mesh, fault, wanted)

    stops = drive(mesh, one_hop, line)

    assert set(stops) <= {"UPG-0501", "UPG-0505", "Unreachable", "ServerTrouble", "Forbidden", "Conflict"}
    assert line.bad.hits > 3
    assert unlike(undisturbed, mesh) == []


def test_a_server_that_is_away_for_a_while_in_the_middle_of_the_run_is_waited_for(
    mesh: Journey, one_hop: Plan, undisturbed: Journey
) -> None:
    class Down(Faulty):
        """Reads too."""

        def send(self, *request: Any) -> Any:
            if len(mesh.world.audit.writes(user="admin")) == before + 40 and not down:
                down.append(mesh.clock.boottime())
            if down and mesh.clock.boottime() - down[0] < 180:
                return self._badly(request[0], request[1])
            return super().send(*request)

    down: list[float] = []
    before = len(mesh.world.audit.writes(user="admin"))

    line = Line(mesh, Fault.REFUSED, lambda *_: False)
    line.bad = Down(mesh.world.transport(), mesh.clock, Fault.REFUSED, lambda *_: False)

    assert drive(mesh, one_hop, line) == []
    assert down
    assert unlike(undisturbed, mesh) == []
    assert RunFolder(runs_in(mesh.place / "runs")[0].path).record().status == "done"
