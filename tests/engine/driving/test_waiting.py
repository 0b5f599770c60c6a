"""Patience, deadlines, and the ear for the wish to stop."""

from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from tests.engine.desk import Desk
from upgrader.engine.driving.wait import PAUSES, Looking, Patience, Stopped, looked, settle
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import Forbidden, Unreachable
from upgrader.model.step import Reading, Verdict


def waits(
    desk: Desk, readings: list[Reading], patience: timedelta = timedelta(minutes=5)
) -> tuple[Reading, list[float]]:
    """The last reading, and when each look was made."""
    at: list[float] = []

    def look() -> Reading:
        at.append(desk.clock.boottime())
        return readings.pop(0) if len(readings) > 1 else readings[0]

    began = desk.clock.boottime()
    reading = settle(Looking.begin(look, desk.clock, patience), desk.patience, lambda _: None)
    return reading, [moment - began for moment in at]


PENDING, HOLDS, BROKEN = Reading.pending("wait"), Reading.holds("so"), Reading.broken("never")


def test_it_looks_at_once_and_then_less_and_less_often(desk: Desk) -> None:
    reading, at = waits(desk, [*[PENDING] * 7, HOLDS])
    assert reading is HOLDS
    assert [b - a for a, b in itertools.pairwise(at)] == [*PAUSES, PAUSES[-1], PAUSES[-1]]


def test_what_is_broken_is_not_waited_for(desk: Desk) -> None:
    assert waits(desk, [PENDING, BROKEN]) == (BROKEN, [0, 1])


def test_what_is_pending_at_the_deadline_is_still_pending_and_was_looked_at_then(desk: Desk) -> None:
    reading, at = waits(desk, [PENDING], timedelta(seconds=100))
    assert reading.verdict is Verdict.PENDING
    assert at[-1] == 100


def test_no_patience_means_one_look(desk: Desk) -> None:
    assert waits(desk, [PENDING], timedelta(0)) == (PENDING, [0])


def test_a_wait_of_eight_minutes_takes_eight_minutes_on_the_clock_of_the_world(desk: Desk) -> None:
    desk.put("health", "pending")
    desk.clock.after(480, lambda: desk.put("health", "holds"))
    began = desk.clock.boottime()
    look = lambda: Reading.holds("so") if desk.said("health") == "holds" else PENDING  # noqa: E731
    settle(Looking.begin(look, desk.clock, timedelta(minutes=10)), desk.patience, lambda _: None)
    assert 480 <= desk.clock.boottime() - began < 500


@pytest.mark.parametrize(
    "failure", [Unreachable("gone", request="GET /x"), Forbidden("no", request="GET /x")]
)
def test_what_could_not_be_read_is_pending_with_the_request_in_its_words(failure: Exception) -> None:
    def look() -> Reading:
        raise failure

    reading = looked(look)
    assert reading.verdict is Verdict.PENDING
    assert "GET /x" in reading.summary


def test_a_refusal_of_our_own_is_broken_and_keeps_its_code() -> None:
    def look() -> Reading:
        raise UpgradeError("UPG-0604", "somebody else's", what=("label x",), exit_code=Exit.STALE)

    assert looked(look) == Reading.broken("UPG-0604: somebody else's; label x")


def test_a_signal_ends_a_pause_within_one_piece_of_it(desk: Desk) -> None:
    desk.clock.after(3, lambda: setattr(desk, "signal", "SIGTERM"))
    began = desk.clock.boottime()
    with pytest.raises(Stopped, match="SIGTERM"):
        desk.patience.pause(3600)
    assert desk.clock.boottime() - began <= 5


def test_a_signal_that_is_there_already_starts_no_pause(desk: Desk) -> None:
    desk.signal = "SIGINT"
    began = desk.clock.boottime()
    with pytest.raises(Stopped):
        desk.patience.pause(10)
    assert desk.clock.boottime() == began


def test_the_lock_is_kept_alive_during_a_long_pause(desk: Desk) -> None:
    ticks: list[float] = []
    Patience(desk.clock, lambda: "", lambda: ticks.append(desk.clock.boottime())).pause(60)
    assert max(b - a for a, b in itertools.pairwise(ticks)) <= 5
    assert len(ticks) == 12
