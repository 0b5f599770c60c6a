"""One shop and one whole run of it, to be shown in every form; and texts that are compared with what was agreed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.journeys.driving import Journey, Killed
from upgrader.engine.keeping.folder import RunFolder
from upgrader.model.event import RunEvent
from upgrader.planning.plan import Plan
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import read_scenario
from upgrader.sandbox.world import World

GOLDEN = Path(__file__).with_name("golden")
_CHANCE = (
    (r"\bpl-[0-9a-f]{8}\b", "pl-ID"),
    (r"\bsha256 [0-9a-f]{10}", "sha256 DIGEST"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "UID"),
    (r"\bcluster [0-9a-f]{8}\b", "cluster UID"),
    (r"\b(\d+-\d+-\d+)\.[0-9a-f]{8}\b", r"\1.DIGEST"),
    (r"\b[0-9a-f]{12,64}\b", "DIGEST"),
    (r"[\w.-]+@[\w.-]+(?=[`\",\s/])", "ana@desk"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "AT"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "AT UTC"),
    (r"(?<=\()(\d+h)?(\d+m)?\d+[ms]+(?=[);])|(?<=\| )(\d+m)?\d+s(?= \|)", "TIME"),
    (r'"manifests": "/[^"]*"', '"manifests": "manifests"'),
    (r"\b\d+ (run|checks): \d+ ok", r"N \1: N ok"),
    (r'"checks": \d+', '"checks": 0'),
)
"""What differs from run to run, and what stands for it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--regold", action="store_true", help="Write the agreed texts anew, from what is shown now."
    )


def agreed(text: str) -> str:
    """*text* without what differs from run to run."""
    for pattern, word in _CHANCE:
        text = re.sub(pattern, word, text)
    return text.rstrip("\n") + "\n"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the file of that name."""

    def compare(name: str, text: str) -> None:
        path, now = GOLDEN / name, agreed(text)
        if request.config.getoption("regold", default=False):
            path.write_text(now, encoding="utf-8")
        assert now == path.read_text(encoding="utf-8"), (
            f"to agree to it: pytest tests/report --regold ({name})"
        )

    return compare


@dataclass(frozen=True)
class Scene:
    """A loaded scenario, and its plan."""

    journey: Journey
    plan: Plan


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Scene]:
    """Each scenario is loaded once, and planned for once for each target."""
    journeys: dict[str, Journey] = {}
    made: dict[tuple[str, str], Scene] = {}

    def get(name: str = "shop", to: str = "next") -> Scene:
        if name not in journeys:
            world = World(kubernetes=read_scenario(name).kubernetes)
            load(world, name)
            world.settle()
            journeys[name] = Journey.of(world, tmp_path_factory.mktemp(name), name)
        if (name, to) not in made:
            made[name, to] = Scene(journeys[name], journeys[name].plan(to, playbook="canary"))
        return made[name, to]

    return get


@pytest.fixture
def planned(scene: Callable[..., Scene]) -> Callable[..., Plan]:
    """The plan of a scenario."""

    def get(name: str = "shop", to: str = "next") -> Plan:
        return scene(name, to).plan

    return get


@pytest.fixture
def shop(planned: Callable[..., Plan]) -> Plan:
    """Two hops of the healthy shop."""
    return planned(to="1.29")


@pytest.fixture
def hostile(planned: Callable[..., Plan]) -> Plan:
    """A plan with much in its way."""
    return planned("hostile")


@dataclass
class Run:
    """A run that died once, was taken up again and reached its end."""

    journey: Journey
    folder: RunFolder
    dead: Journey
    events: list[RunEvent] = field(default_factory=list)


@pytest.fixture(scope="session")
def run(scene: Callable[..., Scene], tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One hop of the shop: killed at a restart, resumed, done."""
    journey = scene().journey.fork(tmp_path_factory.mktemp("run") / "here")
    plan = journey.plan("next")
    with pytest.raises(Killed):
        journey.begin(plan, at=50, after=True)
    dead = journey.fork_with_runs("dead")
    folder = RunFolder(journey.place / "runs" / "r-20260105-0001")
    journey.world.advance(90)
    journey.resume(folder)
    return Run(journey, folder, dead, list(folder.events()))
