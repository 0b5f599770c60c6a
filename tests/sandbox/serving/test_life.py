import threading
from datetime import datetime, timedelta

import pytest

from upgrader.sandbox.api.backend import Backend
from upgrader.sandbox.clock import VirtualClock
from upgrader.sandbox.serving.life import Life, run_world
from upgrader.sandbox.store import Store


class Garden:
    """A world in which something grows when time passes, and which says when it has seen enough."""

    def __init__(self, backend: Backend) -> None:
        assert isinstance(backend.store.clock, VirtualClock)
        self.store, self.clock = backend.store, backend.store.clock
        self.settled = threading.Event()
        self.grown = threading.Event()

    def next_due(self) -> None:
        return None

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        if self.clock.now().minute >= 10:
            self.grown.set()

    def settle(self) -> None:
        if self.store.list("", "pods"):
            self.settled.set()


def test_a_world_lives_while_it_is_run(backend: Backend) -> None:
    garden, before = Garden(backend), threading.active_count()
    life = run_world(garden, speed=36_000)
    garden.store.put(("", "pods", "shop", "a"), {"metadata": {"name": "a"}})
    assert garden.settled.wait(10)
    assert garden.grown.wait(10)
    life.stop()
    assert threading.active_count() == before


def test_a_life_ends_with_its_block(backend: Backend) -> None:
    before = threading.active_count()
    with Life(Garden(backend)):
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


class Patient(Store):
    """A store that notes how long somebody would have waited for news, and lets nobody wait."""

    def __init__(self) -> None:
        super().__init__(VirtualClock())
        self.waits: list[float] = []
        self.enough = threading.Event()

    def wait(self, revision: int, timeout: float) -> bool:
        self.waits.append(timeout)
        if len(self.waits) >= 3:
            self.enough.set()
        return False


class Calm:
    """A world in which something is due some seconds from now, or nothing ever."""

    def __init__(self, due: float | None, stumbles: int = 0) -> None:
        self.store = Patient()
        self.clock = self.store.clock
        self.due, self.stumbles, self.advanced = due, stumbles, 0

    def settle(self) -> None: ...

    def advance(self, seconds: float) -> None:
        self.advanced += 1
        if self.advanced <= self.stumbles:
            raise RuntimeError("a bug")

    def next_due(self) -> datetime | None:
        return None if self.due is None else self.clock.now() + timedelta(seconds=self.due)


def _waits(calm: Calm, speed: float) -> list[float]:
    with Life(calm, speed):
        assert calm.store.enough.wait(10)
    return calm.store.waits[:3]


@pytest.mark.parametrize(
    ("due", "speed", "wait"),
    [
        (None, 1, 0.25),
        (None, 10, 0.05),
        (None, 1000, 0.02),
        (0.1, 1, 0.1),
        (5, 1, 0.25),
        (0.2, 10, 0.02),
        (0, 1, 0.002),
    ],
)
def test_an_idle_world_is_looked_at_rarely_and_a_busy_one_in_time(
    due: float | None, speed: float, wait: float
) -> None:
    assert _waits(Calm(due), speed) == pytest.approx([wait] * 3)


def test_life_goes_on_after_a_controller_stumbled(caplog: pytest.LogCaptureFixture) -> None:
    calm = Calm(None, stumbles=2)
    assert len(_waits(calm, 1)) == 3
    assert calm.advanced >= 3
    assert [record.message for record in caplog.records] == ["the sandbox stumbled"]
