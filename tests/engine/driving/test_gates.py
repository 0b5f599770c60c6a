"""Gates: what holds, what keeps holding, and who says yes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.engine.desk import Desk, Told, gate, hop, item, plan, wave
from upgrader.engine.driving.gates import Gates, Parked
from upgrader.engine.driving.wait import Patience, Stopped
from upgrader.engine.keeping.approvals import FOLDER, find_approval, leave_approval
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import (
    ApprovalAwaited,
    Approved,
    Looked,
    StepHalted,
    StepProgress,
    StepSettled,
    StepStarted,
)
from upgrader.model.kinds import DEPLOYMENT, Ref
from upgrader.model.step import Reader, Reading, Verdict
from upgrader.planning.plan import Gate, Planned
from upgrader.probes import NextPodsOn

MINUTE = 60.0


class Person:
    """Answers, or does not."""

    def __init__(self, confirm: str | None, step: str = "h1.01") -> None:
        self.confirm = confirm
        self.step = step
        self.asked = 0

    def answer(self, item: Planned, gate: Gate, patience: Patience) -> Approved | None:
        self.asked += 1
        if self.confirm is None:
            return None
        return Approved(at=patience.clock.now(), step=self.step, by="ana", confirm=self.confirm)


@pytest.fixture
def desk(desk: Desk) -> Desk:
    """With something that is healthy."""
    desk.put("health", "holds")
    return desk


def passes(desk: Desk, one: Gate, person: Any = None) -> None:
    """Go through one gate."""
    step = item("h1.01", one, mark="?")
    gates = Gates(desk.cluster, desk.patience, desk.emit, desk.progress, person or Person(None))
    gates.pass_through(hop(1), wave("namespaces"), step, one)


def refusal(desk: Desk, one: Gate) -> UpgradeError:
    """How the gate says no."""
    with pytest.raises(UpgradeError) as told:
        passes(desk, one)
    return told.value


def now_says(desk: Desk, word: str) -> Any:
    return lambda: desk.put("health", word)


def test_what_holds_lets_through_and_leaves_its_evidence(desk: Desk) -> None:
    passes(desk, gate())
    assert [type(e) for e in desk.events] == [StepStarted, Looked, StepSettled]
    assert desk.of(Looked)[0].probe == "told: health holds"
    assert desk.of(Looked)[0].reading == Reading.holds("health is holds")


def test_what_is_broken_stops_at_once(desk: Desk) -> None:
    desk.put("health", "broken")
    error = refusal(desk, gate())
    assert (error.code, error.exit_code) == ("UPG-0701", Exit.GATE_FAILED)
    assert "said no" in error.headline
    assert desk.of(Looked)[0].reading.verdict is Verdict.BROKEN
    assert desk.of(StepSettled) == []
    assert desk.record.status == "halted"


def test_what_is_pending_is_waited_for_and_is_never_a_pass(desk: Desk) -> None:
    desk.put("health", "pending")
    began = desk.clock.boottime()
    error = refusal(desk, gate(patience=timedelta(minutes=10)))
    assert "got no answer" in error.headline
    assert error.why == "no data is not healthy"
    assert desk.clock.boottime() - began == 10 * MINUTE


def test_what_comes_true_in_time_is_enough(desk: Desk) -> None:
    desk.put("health", "pending")
    desk.clock.after(5 * MINUTE, now_says(desk, "holds"))
    passes(desk, gate(patience=timedelta(minutes=10)))


def test_one_probe_that_cannot_be_read_is_not_outvoted_by_those_that_hold(desk: Desk) -> None:
    desk.put("other", "pending")
    error = refusal(desk, gate(probes=(Told(), Told(name="other"), Told())))
    assert error.what == ("other is pending",)
    assert [e.reading.verdict.value for e in desk.of(Looked)] == ["holds", "pending", "holds"]


def test_what_comes_of_a_dry_run_otherwise_than_expected_has_a_code_of_its_own_and_what_is_unread_has_not(
    desk: Desk,
) -> None:
    ref = Ref(DEPLOYMENT, "cart", "default")
    place = "/apis/apps/v1/namespaces/default/deployments"
    template = {
        "metadata": {"labels": {"app": "cart"}},
        "spec": {"containers": [{"name": "a", "image": "a"}]},
    }
    spec = {"selector": {"matchLabels": {"app": "cart"}}, "template": template}
    desk.local.create(place, {"metadata": {"name": "cart"}, "spec": spec})
    one = gate(probes=(NextPodsOn(workloads=(ref,), asked=(ref,), revision="1-28-10"), Told()))
    error = refusal(desk, one)
    assert (error.code, error.exit_code) == ("UPG-0703", Exit.GATE_FAILED)
    assert {"workload: default/cart", "expected: 1-28-10", "injectors: 0"} < set(error.what)
    assert desk.of(StepHalted)[0].code == "UPG-0703"

    desk.world.api.rbac.deny("admin", verbs=["get"], resources=["deployments"])
    assert refusal(desk, gate(probes=one.probes, patience=timedelta(minutes=1))).code == "UPG-0701"


def test_a_forbidden_read_is_no_pass(desk: Desk) -> None:
    desk.world.api.rbac.deny("admin", verbs=["get"], resources=["configmaps"])
    error = refusal(desk, gate(patience=timedelta(minutes=1)))
    assert "could not read" in error.what[0]


def test_the_evidence_is_the_look_that_decided_and_not_a_later_one(desk: Desk) -> None:
    looks = list[str]()

    class Flicker(Told, frozen=True, kw_only=True):
        def look(self, cluster: Reader) -> Reading:
            looks.append("x")
            return Reading.holds("yes") if len(looks) == 1 else Reading.broken("no")

    passes(desk, gate(probes=(Flicker(),)))
    assert desk.of(Looked)[0].reading == Reading.holds("yes")
    assert looks == ["x"]


def test_a_soak_lasts_as_long_as_it_says(desk: Desk) -> None:
    began = desk.clock.boottime()
    passes(desk, gate(soak=timedelta(minutes=30)))
    assert 30 * MINUTE <= desk.clock.boottime() - began < 31 * MINUTE
    assert desk.of(StepSettled)[0].reading.summary == "soaked 30 min, 1 of 1 probes hold"
    assert desk.of(StepProgress)[0].summary == "soaking, about 31 min left"


def test_what_breaks_during_a_soak_stops_the_run_within_one_look(desk: Desk) -> None:
    began = desk.clock.boottime()
    desk.clock.after(10 * MINUTE, now_says(desk, "broken"))
    refusal(desk, gate(soak=timedelta(minutes=30)))
    assert desk.clock.boottime() - began <= 10 * MINUTE + 20


def test_a_probe_that_falls_silent_during_a_soak_fails_it_after_the_gates_patience(desk: Desk) -> None:
    began = desk.clock.boottime()
    desk.clock.after(10 * MINUTE, now_says(desk, "pending"))
    error = refusal(desk, gate(soak=timedelta(hours=12), patience=timedelta(minutes=5)))
    assert "got no answer" in error.headline
    assert 15 * MINUTE <= desk.clock.boottime() - began <= 16 * MINUTE


def test_time_in_which_nobody_knew_does_not_count_as_soaked(desk: Desk) -> None:
    began = desk.clock.boottime()
    desk.clock.after(10 * MINUTE, now_says(desk, "pending"))
    desk.clock.after(14 * MINUTE, now_says(desk, "holds"))
    passes(desk, gate(soak=timedelta(minutes=30), patience=timedelta(minutes=5)))
    assert desk.clock.boottime() - began >= 34 * MINUTE


def test_a_machine_that_sleeps_through_a_soak_has_not_watched(desk: Desk) -> None:
    """A closed lid: the clock goes on, nobody looks."""
    began = desk.clock.boottime()
    desk.clock.after(5 * MINUTE, lambda: desk.world.advance(8 * 60 * MINUTE))
    passes(desk, gate(soak=timedelta(minutes=30)))
    watched = desk.clock.boottime() - began - 8 * 60 * MINUTE
    assert 28 * MINUTE <= watched <= 31 * MINUTE


def test_the_first_look_after_a_sleep_may_say_nothing_yet(desk: Desk) -> None:
    def sleep_and_wake() -> None:
        desk.world.advance(8 * 60 * MINUTE)
        desk.put("health", "pending")
        desk.clock.after(MINUTE, now_says(desk, "holds"))

    desk.clock.after(5 * MINUTE, sleep_and_wake)
    passes(desk, gate(soak=timedelta(minutes=30), patience=timedelta(minutes=5)))


def test_a_soak_begins_anew_when_the_run_is_resumed(desk: Desk) -> None:
    desk.clock.after(20 * MINUTE, lambda: setattr(desk, "signal", "SIGTERM"))
    with pytest.raises(Stopped):
        passes(desk, gate(soak=timedelta(minutes=30)))
    desk.signal = ""
    began = desk.clock.boottime()
    passes(desk, gate(soak=timedelta(minutes=30)))
    assert desk.clock.boottime() - began >= 30 * MINUTE


def test_a_gate_that_nobody_answers_parks_the_run(desk: Desk) -> None:
    with pytest.raises(Parked) as parked:
        passes(desk, gate(approval="1-27-0"))
    assert parked.value.item.id == "h1.01"
    assert desk.of(ApprovalAwaited)[0].confirm == "1-27-0"
    assert desk.of(StepSettled) == []
    assert desk.record.status == "waiting"


def test_a_person_is_asked_only_about_what_holds(desk: Desk) -> None:
    desk.put("health", "broken")
    person = Person("yes")
    with pytest.raises(UpgradeError, match="UPG-0701"):
        passes(desk, gate(approval="yes"), person)
    assert person.asked == 0


def test_a_yes_is_written_down_and_passes(desk: Desk) -> None:
    passes(desk, gate(approval="1-27-0"), Person("1-27-0"))
    assert [a.by for a in desk.of(Approved)] == ["ana"]
    assert desk.record.status == "open"


@pytest.mark.parametrize(
    "person", [Person("1-28-0"), Person(""), Person("yes"), Person("1-27-0", step="h1.02")]
)
def test_a_yes_to_something_else_is_none(desk: Desk, person: Person) -> None:
    with pytest.raises(Parked):
        passes(desk, gate(approval="1-27-0"), person)
    assert desk.of(Approved) == []


def test_after_the_yes_everything_is_looked_at_once_more(desk: Desk) -> None:
    class Slow(Person):
        def answer(self, item: Planned, gate: Gate, patience: Patience) -> Approved | None:
            desk.put("health", "broken")
            return super().answer(item, gate, patience)

    with pytest.raises(UpgradeError, match="UPG-0701"):
        passes(desk, gate(approval="yes"), Slow("anything"))
    assert desk.of(Approved)
    assert desk.of(StepHalted)


def test_a_yes_given_to_an_earlier_process_is_not_asked_for_again_but_looked_at(desk: Desk) -> None:
    desk.emit(Approved(at=desk.clock.now(), step="h1.01", by="ana", confirm="1-27-0"))
    person = Person(None)
    passes(desk, gate(approval="1-27-0"), person)
    assert person.asked == 0
    desk.put("health", "broken")
    with pytest.raises(UpgradeError, match="UPG-0701"):
        passes(desk, gate(approval="1-27-0"), person)


MANUAL = item("h1.02", gate(approval="1-27-0"), mark="?")
AUTOMATIC = item("h1.01", gate(), mark="?")


@pytest.fixture
def waiting(desk: Desk) -> Desk:
    """A run before its manual gate."""
    desk.plan = plan(hop(1, wave("namespaces", AUTOMATIC, MANUAL)))
    return desk


def leave(desk: Desk, step: str = "h1.02", confirm: str = "1-27-0") -> Planned:
    """Approve from another terminal."""
    return leave_approval(
        desk.folder, desk.progress(), step, by="ben@two", confirm=confirm, at=desk.clock.now()
    )


def test_an_approval_left_by_another_terminal_is_found(waiting: Desk) -> None:
    assert leave(waiting) is MANUAL
    assert isinstance(MANUAL.action, Gate)
    found = find_approval(waiting.folder, MANUAL, MANUAL.action)
    assert found is not None
    assert (found.by, found.confirm) == ("ben@two", "1-27-0")


@pytest.mark.parametrize(
    ("step", "confirm", "words"),
    [
        ("h1.02", "1-28-0", "typed"),
        ("h1.02", "", "typed"),
        ("h1.01", "", "no manual gate"),
        ("h9.99", "", "no manual gate"),
    ],
)
def test_an_approval_of_something_else_is_refused_when_it_is_given(
    waiting: Desk, step: str, confirm: str, words: str
) -> None:
    with pytest.raises(UpgradeError, match="UPG-0702") as told:
        leave(waiting, step, confirm)
    assert words in told.value.headline
    assert "h1.02" in told.value.what[0]
    assert not (waiting.folder / FOLDER).exists()


def test_a_gate_that_was_passed_takes_no_approval_any_more(waiting: Desk) -> None:
    waiting.emit(StepSettled(at=waiting.clock.now(), step="h1.02", result="done", reading=Reading.holds("")))
    with pytest.raises(UpgradeError, match="passed already"):
        leave(waiting)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"\xff",
        b'{"type":"approved","at":"2026-01-05T09:00:00Z","step":"h1.01","by":"x","confirm":"1-27-0"}',
        b'{"type":"approved","at":"2026-01-05T09:00:00Z","step":"h1.02","by":"x","confirm":"no"}',
    ],
)
def test_a_file_that_is_no_approval_of_this_gate_is_none(waiting: Desk, text: bytes) -> None:
    place: Path = waiting.folder / FOLDER
    place.mkdir()
    (place / "h1.02.json").write_bytes(text)
    assert isinstance(MANUAL.action, Gate)
    assert find_approval(waiting.folder, MANUAL, MANUAL.action) is None
