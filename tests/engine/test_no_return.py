"""Before what cannot be taken back."""

from __future__ import annotations

import pytest

from upgrader.engine.driving.wait import Patience
from upgrader.engine.no_return import kept
from upgrader.sandbox.world import World, WorldClock


@pytest.mark.parametrize(
    ("answers", "tries", "trouble"),
    [
        pytest.param([""], 1, "", id="at once"),
        pytest.param(["lost", "lost", ""], 3, "", id="after two lost answers"),
        pytest.param(["lost", "lost", "lost", "away", ""], 4, "away", id="not for ever"),
    ],
)
def test_a_copy_that_fails_is_tried_again_some_times(answers: list[str], tries: int, trouble: str) -> None:
    clock, left = WorldClock(World(controllers=False)), [*answers]
    began = clock.boottime()
    patience = Patience(clock, stop=lambda: "", tick=lambda: None)
    assert kept(lambda: left.pop(0), patience) == trouble
    assert len(answers) - len(left) == tries
    assert clock.boottime() - began == pytest.approx(5.0 * (tries - 1))
