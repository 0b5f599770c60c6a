"""One step from what is to what should be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.engine.desk import Desk, Note, Notes, hop, item, plan, playbook, wave
from tests.engine.faults import AMBIGUOUS, Fault, Faulty
from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Retrying, WithFiles
from upgrader.engine.driving.hands import Hands
from upgrader.engine.driving.settling import CONFLICTS, Settling
from upgrader.engine.driving.wait import Stopped
from upgrader.model.change import Change
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Intent, Outcome, StepHalted, StepProgress, StepSettled, StepStarted
from upgrader.model.kinds import Obj
from upgrader.model.playbook import Patience as Limits
from upgrader.model.step import Reader, Reading
from upgrader.steps.drift import drift

STEP = item("h1.01", Note())
WAVE = wave("namespaces", STEP)
HOP = hop(1, WAVE)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """With a note that says something old."""
    desk.put("note", "old")
    desk.plan = plan(HOP, playbook=playbook(Limits(step=timedelta(minutes=10), api=timedelta(minutes=5))))
    return desk


def behind(desk: Desk, fault: Fault, wanted: Any) -> tuple[Settling, Faulty]:
    """The same desk with a bad connection."""
    bad = Faulty(desk.world.transport(), desk.clock, fault, wanted)
    cluster = WithFiles(RestCluster(Retrying(bad, desk.clock)), desk.folder)
    hands = Hands(cluster, desk.folder, desk.emit, desk.clock, desk.fence)
    return Settling(cluster, hands, desk.patience, desk.emit, desk.progress), bad


def carry_out(settling: Settling, step: Any = STEP.action) -> None:
    """Do the one step."""
    settling.carry_out(HOP, WAVE, STEP, step)


def refusal(settling: Settling, step: Any = STEP.action) -> UpgradeError:
    """How it is refused."""
    with pytest.raises(UpgradeError) as told:
        carry_out(settling, step)
    return told.value


def results(desk: Desk) -> list[str]:
    return [o.result for o in desk.of(Outcome)]


def test_a_gap_is_closed_and_its_end_written_down(desk: Desk) -> None:
    carry_out(desk.settling)
    assert desk.said("note") == "new"
    assert [type(e) for e in desk.events] == [StepStarted, Intent, Outcome, StepSettled]
    assert desk.events[-1].result == "done"  # type: ignore[union-attr]


def test_what_is_so_already_is_not_written_again(desk: Desk) -> None:
    desk.put("note", "new")
    carry_out(desk.settling)
    assert desk.of(Intent) == []
    assert desk.of(StepSettled)[0].result == "already"


def test_what_an_earlier_process_began_and_is_so_now_is_done(desk: Desk) -> None:
    desk.emit(StepStarted(at=desk.clock.now(), step="h1.01", title=""))
    desk.put("note", "new")
    carry_out(desk.settling)
    assert desk.of(StepSettled)[0].result == "done"


@pytest.mark.parametrize(
    "fault", sorted(AMBIGUOUS | {Fault.CONFLICT, Fault.BUSY, Fault.REFUSED}, key=str), ids=lambda f: f.name
)
def test_after_one_fault_it_looks_first_and_then_goes_on(desk: Desk, fault: Fault) -> None:
    settling, bad = behind(desk, fault, lambda _, __, times: times == 1)
    carry_out(settling)
    assert desk.said("note") == "new"
    assert desk.record.open_intents == {}
    hit = next(n for n, one in enumerate(bad.seen) if one.hit)
    if fault in AMBIGUOUS:
        assert bad.seen[hit + 1].method == "GET"
        assert bad.seen[hit + 1].path == bad.seen[hit].path
    assert results(desk)[-1] == "committed"


@pytest.mark.parametrize(
    "fault", [Fault.RESET_AFTER, Fault.TIMEOUT, Fault.BROKEN_AFTER], ids=lambda f: f.name
)
def test_what_happened_although_no_answer_came_is_not_sent_again(desk: Desk, fault: Fault) -> None:
    settling, _ = behind(desk, fault, lambda _, __, times: times == 1)
    carry_out(settling)
    patches = [e for e in desk.world.audit.entries if e.verb == "patch" and e.agent == "upgrade"]
    assert len(patches) == 1
    assert desk.of(StepSettled)[0].result == "done"
    assert results(desk) == ["unknown", "committed"]


def test_a_refusal_halts_the_run_and_names_the_request(desk: Desk) -> None:
    settling, bad = behind(desk, Fault.FORBIDDEN, lambda *_: True)
    error = refusal(settling)
    assert (error.code, error.exit_code) == ("UPG-0602", Exit.STEP_FAILED)
    assert "PATCH /api/v1/namespaces/default/configmaps/note" in error.what[0]
    assert bad.hits == 1
    assert desk.record.halted is not None


def test_somebody_who_writes_all_the_time_is_not_raced_for_ever(desk: Desk) -> None:
    settling, bad = behind(desk, Fault.CONFLICT, lambda *_: True)
    assert refusal(settling).code == "UPG-0602"
    assert bad.hits == CONFLICTS + 1


def test_conflicts_that_come_now_and_then_do_not_add_up(desk: Desk) -> None:
    for number in range(20):
        desk.put(f"note-{number}", "old")
    settling, bad = behind(desk, Fault.CONFLICT, lambda _, __, times: times == 1)
    carry_out(settling, Notes(names=tuple(f"note-{number}" for number in range(20))))
    assert bad.hits == 20 > CONFLICTS


@pytest.mark.parametrize(
    "fault", [Fault.RESET_BEFORE, Fault.BROKEN, Fault.AWAY, Fault.BUSY, Fault.REFUSED], ids=lambda f: f.name
)
def test_a_server_that_takes_no_writes_is_waited_for_and_given_up_in_the_end(
    desk: Desk, fault: Fault
) -> None:
    """Although it can be read all the while."""
    settling, _ = behind(desk, fault, lambda *_: True)
    began = desk.clock.boottime()
    error = refusal(settling)
    assert error.code == "UPG-0602"
    assert 300 <= desk.clock.boottime() - began < 400
    assert desk.of(StepProgress)


@pytest.mark.parametrize("fault", [Fault.REFUSED, Fault.AWAY], ids=lambda f: f.name)
def test_a_server_that_comes_back_in_time_is_no_failure(desk: Desk, fault: Fault) -> None:
    away = [1]
    desk.clock.after(240, away.clear)
    settling, _ = behind(desk, fault, lambda *_: bool(away))
    carry_out(settling)
    assert desk.said("note") == "new"


class Drifted(Note, frozen=True, kw_only=True):
    """Somebody else's."""

    def diff(self, seen: Obj) -> tuple[Change, ...]:
        raise drift("note", found=seen["data"]["value"], expected="older")


def test_drift_before_anything_was_sent_promises_that_nothing_was_changed(desk: Desk) -> None:
    error = refusal(desk.settling, Drifted())
    assert (error.code, error.exit_code) == ("UPG-0604", Exit.STALE)
    assert [h.code for h in desk.of(StepHalted)] == ["UPG-0604"]


def test_drift_after_something_was_sent_promises_nothing(desk: Desk) -> None:
    carry_out(desk.settling)
    assert refusal(desk.settling, Drifted()).exit_code is Exit.STEP_FAILED


def test_a_gap_that_opens_again_and_again_is_left_to_its_owner(desk: Desk) -> None:
    perform = desk.cluster.perform

    def undone(change: Any) -> Obj | None:
        answer = perform(change)
        desk.put("note", "theirs")
        return answer

    desk.cluster.perform = undone  # type: ignore[method-assign]
    error = refusal(desk.settling)
    assert (error.code, error.exit_code) == ("UPG-0604", Exit.STEP_FAILED)
    assert len(desk.of(Intent)) == 12
    assert len(desk.of(StepHalted)) == 1


def test_a_step_that_does_not_come_true_in_its_time_fails(desk: Desk) -> None:
    class Never(Note, frozen=True, kw_only=True):
        def verify(self, cluster: Reader) -> Reading:
            return Reading.pending("1 of 2 pods", wanted="2")

    error = refusal(desk.settling, Never())
    assert error.code == "UPG-0601"
    assert error.what == ("1 of 2 pods", "wanted: 2", "after 10m00s; the limit of a step is 10m00s")
    assert [p.summary for p in desk.of(StepProgress)] == ["1 of 2 pods"]


def test_a_step_that_failed_is_not_waited_for(desk: Desk) -> None:
    class Broken(Note, frozen=True, kw_only=True):
        def verify(self, cluster: Reader) -> Reading:
            return Reading.broken("CrashLoopBackOff")

    began = desk.clock.boottime()
    assert refusal(desk.settling, Broken()).headline == "step h1.01 failed: title of h1.01"
    assert desk.clock.boottime() == began


def test_after_a_signal_no_change_is_sent(desk: Desk) -> None:
    desk.signal = "SIGINT"
    with pytest.raises(Stopped):
        carry_out(desk.settling)
    assert desk.events == []


def test_a_signal_between_two_changes_of_a_step_leaves_the_second_for_later(desk: Desk) -> None:
    desk.put("more", "old")
    perform = desk.cluster.perform

    def then_signal(change: Any) -> Obj | None:
        desk.signal = "SIGHUP"
        return perform(change)

    desk.cluster.perform = then_signal  # type: ignore[method-assign]
    with pytest.raises(Stopped):
        carry_out(desk.settling, Notes(names=("note", "more")))
    assert (desk.said("note"), desk.said("more")) == ("new", "old")
    assert results(desk) == ["committed"]


def test_labels_that_were_put_back_stop_what_counts_on_them(desk: Desk) -> None:
    before = item("h1.00", Note())
    with pytest.raises(UpgradeError) as told:
        desk.settling.still_bound(STEP, [before])
    assert told.value.code == "UPG-0604"
    assert "h1.00" in told.value.headline
    desk.put("note", "new")
    desk.settling.still_bound(STEP, [before])


def test_a_journal_that_cannot_be_written_ends_it_before_anything_is_sent(desk: Desk) -> None:
    desk.full = True
    with pytest.raises(OSError, match="No space"):
        carry_out(desk.settling)
    assert desk.said("note") == "old"
