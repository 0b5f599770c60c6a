"""What is stored can be read: today by its schema and its page, tomorrow by later releases."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.house.recording import KEPT, SAMPLES, record
from upgrader import __version__
from upgrader.engine.keeping.folder import PLAN, RunFolder
from upgrader.engine.keeping.journal import NAME, read_events
from upgrader.engine.lifecycle import EDGES, Phase, diagram
from upgrader.host.shipped import schemas
from upgrader.model.event import Intent, Outcome, RunClosed, RunEvent
from upgrader.planning.record import Progress
from upgrader.planning.schema import STORED, schema_text

STATE = Path(__file__).parents[2] / "state"
LARGEST = 300_000
RELEASES = sorted(p.name for p in SAMPLES.iterdir() if p.is_dir())
README = (STATE / "README.md").read_text(encoding="utf-8")


def test_the_diagram_on_the_page_is_that_of_the_machine() -> None:
    shown = re.search(
        r"<!-- phases: .*? -->\n```mermaid\n(.*?)```\n<!-- end of phases -->", README, re.DOTALL
    )
    assert shown is not None
    assert shown[1] == diagram(), "put what upgrader.engine.lifecycle.diagram() says between the markers"


def test_the_diagram_shows_every_phase_and_every_edge() -> None:
    drawn = set(re.findall(r"^    (\w+) --> (\w+): (\w+)", diagram(), re.MULTILINE))
    edges = set()
    for edge in EDGES:
        sources = edge["source"] if isinstance(edge["source"], list) else [edge["source"]]
        edges |= {
            (s.value.replace("-", "_"), edge["dest"].value.replace("-", "_"), edge["trigger"])
            for s in sources
        }
    assert drawn == edges
    assert {name for a, b, _ in drawn for name in (a, b)} == {
        phase.value.replace("-", "_") for phase in Phase
    }


@pytest.mark.parametrize("name", STORED)
def test_each_schema_is_that_of_its_type(name: str) -> None:
    written = (STATE / "schema" / f"{name}.json").read_text(encoding="utf-8")
    assert written == schema_text(name), "write them again: upgrader.planning.schema.write"


def test_there_is_no_schema_of_something_that_is_not_stored() -> None:
    assert {p.stem for p in (STATE / "schema").iterdir()} == set(STORED)
    assert schemas() == STATE / "schema"


def test_this_release_has_left_a_sample() -> None:
    assert __version__ in RELEASES


@pytest.mark.parametrize("release", RELEASES)
def test_a_run_that_a_release_recorded_is_still_read_and_folded(release: str) -> None:
    folder = RunFolder(SAMPLES / release)
    record_, plan = folder.record(), folder.plan()
    assert record_.opened is not None
    assert record_.opened.plan == plan.id
    assert folder.plan_of(record_) == plan
    progress = Progress(plan, record_)
    assert (record_.status, record_.phase) == ("done", "done")
    assert progress.left() == []
    assert progress.done() == progress.total() > 25
    assert record_.open_intents == {}


@pytest.mark.parametrize("release", RELEASES)
def test_a_sample_holds_every_kind_of_event_of_a_run_that_goes_well(release: str) -> None:
    events = read_events(SAMPLES / release)
    kinds = {type(event).__struct_config__.tag for event in events}
    seldom = {"drift-seen", "interrupted", "step-halted"}
    assert {each.__struct_config__.tag for each in RunEvent.__args__} - kinds <= seldom
    assert sum(isinstance(e, Intent) for e in events) == sum(isinstance(e, Outcome) for e in events) > 80
    assert isinstance(events[-2], RunClosed)


@pytest.mark.parametrize("release", RELEASES)
def test_a_sample_is_small_and_tells_nothing_of_where_it_was_made(release: str) -> None:
    files = list((SAMPLES / release).iterdir())
    assert {p.name for p in files} == set(KEPT)
    assert sum(p.stat().st_size for p in files) < LARGEST
    text = "".join(p.read_text(encoding="utf-8") for p in files)
    assert re.findall(r'"[^"]*(?:/home/|/root/|/tmp/|/work/)[^"]*"', text) == []


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of today."""
    return record(tmp_path_factory.mktemp("recorded"))


@pytest.mark.slow
@pytest.mark.journey
def test_the_same_world_gives_the_same_run_to_the_byte(recorded: RunFolder, tmp_path: Path) -> None:
    once, twice = recorded, record(tmp_path)
    for name in (NAME, PLAN):
        assert (once.path / name).read_bytes() == (twice.path / name).read_bytes()


@pytest.mark.slow
@pytest.mark.journey
def test_the_page_names_every_file_that_a_run_leaves(recorded: RunFolder) -> None:
    names = {p.relative_to(recorded.path).parts[0] for p in recorded.path.rglob("*")}
    assert [name for name in sorted(names) if name not in README] == []
