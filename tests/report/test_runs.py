"""How a run is told: while it goes on, when it stops, and afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.journeys.driving import Journey, NoOne
from tests.report.conftest import Scene
from upgrader.engine.driving.gates import Parked
from upgrader.engine.driving.wait import Stopped
from upgrader.engine.keeping.folder import RunFolder
from upgrader.engine.looking.recheck import recheck
from upgrader.engine.looking.safety import safe_to_leave
from upgrader.engine.no_return import undoing
from upgrader.model.event import RunEvent, StepStarted
from upgrader.planning.record import Progress
from upgrader.report.fitting import Typed
from upgrader.report.run.back import rollback_text
from upgrader.report.run.ending import Ending, ending_text
from upgrader.report.run.lines import line_of
from upgrader.report.run.report import run_markdown
from upgrader.report.run.standing import standing_text
from upgrader.report.run.status import Live, Status, status_text
from upgrader.report.style import Style

Golden = Callable[..., None]
Stop = tuple[Journey, RunFolder]
WORDS = Typed("upgrade", " --context sandbox")
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def parked(scene: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory) -> Stop:
    """The shop on its way to 1.29, at the gate where a person is asked and nobody is there."""
    journey = scene().journey.fork(tmp_path_factory.mktemp("parked"))
    with pytest.raises(Parked):
        journey.begin(journey.plan("1.29"), approver=NoOne())
    return journey, RunFolder(journey.place / "runs" / "r-20260105-0001")


@pytest.fixture(scope="module")
def stopped(scene: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory) -> Stop:
    """The same, stopped by a signal while its workloads restart."""
    journey = scene().journey.fork(tmp_path_factory.mktemp("stopped"))

    def signal() -> str:
        begun = any(isinstance(e, StepStarted) and "shop/cart" in e.title for e in journey.events)
        return "SIGINT" if begun else ""

    with pytest.raises(Stopped):
        journey.begin(journey.plan("1.29"), stop=signal)
    return journey, RunFolder(journey.place / "runs" / "r-20260105-0001")


@pytest.fixture
def lines_of(parked: Stop) -> Sequence[RunEvent]:
    """Everything that the parked run's journal holds."""
    return parked[1].events()


def progress_of(folder: RunFolder) -> Progress:
    return Progress(folder.plan(), folder.record())


def status_of(stop: Stop) -> Status:
    journey, folder = stop
    reader, progress = journey.connection().with_files(folder.path), progress_of(folder)
    live = Live(
        at=journey.clock.now(),
        holder="",
        holder_alive=False,
        renewed="",
        standing=recheck(progress, reader),
        safe=safe_to_leave(progress, reader),
        proxies={"shop": {"1-27-9": 9, "1-28-10": 3}, "istio-ingress": {"1-27-9": 3}},
    )
    return Status(folder.run, progress, live)


@pytest.mark.parametrize(
    ("name", "style"),
    [
        ("status-stopped.txt", Style()),
        ("status-stopped-60.txt", Style(ascii=True, width=60)),
        ("status-stopped-accessible.txt", Style(accessible=True, width=10_000)),
    ],
)
def test_the_status_of_a_run_that_was_stopped(stopped: Stop, golden: Golden, name: str, style: Style) -> None:
    golden(name, status_text(status_of(stopped), style, WORDS, next_commands=True, banner="PRODUCTION"))


def test_the_status_of_a_run_that_waits_for_a_person(parked: Stop, golden: Golden) -> None:
    golden("status-parked.txt", status_text(status_of(parked), Style(), WORDS, next_commands=True))


def test_what_happened_line_by_line(lines_of: Sequence[RunEvent], golden: Golden) -> None:
    told = [line for event in lines_of if (line := line_of(event, Style()))]
    golden("lines.txt", "\n".join(told))


def test_what_happened_for_a_voice(lines_of: Sequence[RunEvent], golden: Golden) -> None:
    told = [line for event in lines_of if (line := line_of(event, Style(accessible=True, width=10_000)))]
    golden("lines-accessible.txt", "\n".join(told))


def test_the_last_words_of_a_run_that_was_stopped(stopped: Stop, golden: Golden) -> None:
    journey, folder = stopped
    progress = progress_of(folder)
    ending = Ending(
        "Stopped at a safe point", folder.run, safe_to_leave(progress, journey.connection().reader)
    )
    golden("ending-stopped.txt", ending_text(ending, progress, Style(), WORDS, next_commands=True))


def test_a_gate_that_waits_is_not_in_flight(parked: Stop) -> None:
    ending = Ending("Parked at a safe point", parked[1].run, gate="h1.29", confirm="1-27-9")
    told = ending_text(ending, progress_of(parked[1]), Style(), WORDS, next_commands=True)
    assert "in flight" not in told.lower()
    assert "upgrade approve r-20260105-0001 h1.29 --confirm 1-27-9 --context sandbox" in told


def test_what_a_resumed_run_finds(stopped: Stop, golden: Golden) -> None:
    journey, folder = stopped
    progress = progress_of(folder)
    standing = recheck(progress, journey.connection().with_files(folder.path))
    golden("standing.txt", standing_text(standing, progress, folder.run, Style()))


def test_what_going_back_would_do(stopped: Stop, golden: Golden) -> None:
    _, folder = stopped
    progress = progress_of(folder)
    golden("rollback.txt", rollback_text(undoing(progress, folder), progress, folder.run, Style()))


def test_the_report_of_a_run_that_waits(parked: Stop, golden: Golden) -> None:
    _, folder = parked
    golden("waiting-report.md", run_markdown(folder.plan(), None, folder.events(), folder.run))
