"""What is installed is whole: the program finds its data where a wheel puts it."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from upgrader import __version__

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SHIPPED = {
    "playbooks": ("playbooks/**/*", "upgrader/_shipped/"),
    "schemas": ("state/schema/*", "upgrader/_shipped/"),
    "catalog": ("upgrader/catalog/data/**/*", ""),
    "pages": ("upgrader/catalog/explain/*.md", ""),
    "topics": ("upgrader/cli/topics/*.txt", ""),
    "templates": ("upgrader/**/*.j2", ""),
    "scenarios": ("upgrader/sandbox/scenarios/data/*", ""),
    "program": ("upgrader/**/*.py", ""),
    "data of the sandbox": ("upgrader/sandbox/**/*.yaml", ""),
}
ASK = """
import json, sys
from pathlib import Path
import upgrader
assert str(Path(upgrader.__file__)).startswith(sys.argv[1]), upgrader.__file__
from upgrader.catalog import codes, load, page
from upgrader.cli.main import cli
from upgrader.host.shipped import playbooks, schemas
from upgrader.playbook.load import load_playbook
from upgrader.sandbox.charts.manifests import render
from upgrader.sandbox.charts.release import Release
from upgrader.sandbox.scenarios.scenario import names, read_scenario
print(json.dumps({
    "version": upgrader.__version__,
    "playbooks": sorted(load_playbook(p).name for p in playbooks().iterdir() if p.is_dir()),
    "schemas": sorted(p.name for p in schemas().iterdir()),
    "codes": len(codes()),
    "page": bool(page("UPG-0101")),
    "scenarios": sorted(read_scenario(name).about and name for name in names()),
    "manifests": sorted(render(Release("1.28.10", "1-28-10", kubernetes="1.33"))),
    "topics": len(list((Path(upgrader.__file__).parent / "cli/topics").iterdir())),
    "inside": all(str(place).startswith(sys.argv[1]) for place in (playbooks(), schemas())),
}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from this tree."""
    place = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--no-deps",
        "--no-build-isolation",
        "--quiet",
        "--wheel-dir",
        str(place),
        str(ROOT),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (built,) = place.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def contents(wheel: Path) -> frozenset[str]:
    with zipfile.ZipFile(wheel) as archive:
        return frozenset(archive.namelist())


def test_it_has_the_version_of_the_program(wheel: Path) -> None:
    assert f"-{__version__}-" in wheel.name


@pytest.mark.parametrize("what", SHIPPED)
def test_everything_that_the_program_needs_is_inside(contents: frozenset[str], what: str) -> None:
    pattern, prefix = SHIPPED[what]
    wanted = [
        p
        for p in ROOT.glob(pattern)
        if p.is_file() and "__pycache__" not in p.parts and p.name != "README.md"
    ]
    assert wanted
    assert [
        str(p.relative_to(ROOT)) for p in wanted if prefix + str(p.relative_to(ROOT)) not in contents
    ] == []


def test_nothing_else_is_inside(contents: frozenset[str]) -> None:
    strange = [name for name in contents if not name.startswith("upgrader/") and ".dist-info/" not in name]
    assert strange == []
    assert [name for name in contents if name.endswith((".pyc", ".jsonl")) or "/tests/" in name] == []


@pytest.fixture(scope="module")
def answer(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What the program says of itself, unpacked far from this tree."""
    place = tmp_path_factory.mktemp("site")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(place)
    code = f"import sys; sys.path.insert(0, {str(place)!r}); sys.argv = ['ask', {str(place)!r}]\n{ASK}"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=place, check=True, capture_output=True, text=True
    )
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize(
    ("what", "right"),
    [
        ("version", lambda found: found == __version__),
        ("inside", lambda found: found is True),
        ("playbooks", lambda found: found == ["canary", "quick"]),
        ("schemas", lambda found: "plan.v1.json" in found and "journal.v1.json" in found),
        ("codes", lambda found: found > 60),
        ("page", lambda found: found is True),
        ("scenarios", lambda found: {"shop", "legacy", "hostile"} <= set(found)),
        ("manifests", lambda found: "istiod.yaml" in found),
        ("topics", lambda found: found >= 6),
    ],
)
def test_the_installed_program_finds_its_data(
    answer: dict[str, object], what: str, right: Callable[[object], bool]
) -> None:
    assert right(answer[what]), answer[what]
