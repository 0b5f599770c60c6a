"""Growth is a decision and not an accident."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
LINES = 300
LONGEST, USUAL = 40, 25
FILES = 12
CROWDED = {
    "upgrader/model": "one noun a file; every room imports from here, and a folder more would be in each of those lines",
}
"""Folders with more files, and why."""
FORBIDDEN = re.compile(r"(^|_)(utils?|helpers?|common|misc|base|managers?)(_|$)")
GRAND = re.compile(r"(Manager|Handler|Helper|Service|Data|Info)$")
NOUNS = {
    "TagService": "the Service object of a tag",
    "Manager": "a field manager, as the API server calls it",
}
"""Kubernetes's own words."""


def sources(*places: str) -> list[Path]:
    """Python files, without caches."""
    return sorted(p for place in places for p in (ROOT / place).rglob("*.py") if "__pycache__" not in p.parts)


@cache
def tree(path: Path) -> ast.Module:
    """A file, parsed once."""
    return ast.parse(path.read_text(encoding="utf-8"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Name and lines of every function, without its decorators and docstring."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            told = (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            )
            start = first.end_lineno if told and len(node.body) > 1 else node.lineno - 1
            yield f"{relative(path)}:{node.lineno} {node.name}", (node.end_lineno or 0) - (start or 0)


def test_no_function_of_the_program_is_longer_than_a_screen_and_nine_of_ten_are_much_shorter() -> None:
    lengths = sorted((length, name) for path in sources("upgrader") for name, length in functions(path))
    assert [f"{name}: {length} lines" for length, name in lengths if length > LONGEST] == []
    assert lengths[len(lengths) * 9 // 10][0] <= USUAL


def test_no_module_of_the_program_is_longer_than_can_be_read_at_once() -> None:
    long = {
        relative(p): n
        for p in sources("upgrader")
        if (n := len(p.read_text(encoding="utf-8").splitlines())) > LINES
    }
    assert long == {}


def test_no_folder_of_the_program_holds_more_than_a_handful_of_files() -> None:
    counts: dict[str, int] = {}
    for path in sources("upgrader"):
        counts[relative(path.parent)] = counts.get(relative(path.parent), 0) + 1
    crowded = {folder: count for folder, count in counts.items() if count > FILES}
    assert crowded.keys() - CROWDED.keys() == set()
    assert CROWDED.keys() - crowded.keys() == set(), "no exception without need"


def test_no_file_or_folder_has_a_name_that_means_anything() -> None:
    named = [
        relative(p)
        for p in sources("upgrader", "tests")
        if any(FORBIDDEN.search(part.removesuffix(".py")) for part in p.relative_to(ROOT).parts)
    ]
    assert named == []


def test_no_class_has_a_name_that_means_anything() -> None:
    found = [
        f"{relative(path)} {node.name}"
        for path in sources("upgrader", "tests")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ClassDef) and GRAND.search(node.name) and node.name not in NOUNS
    ]
    assert found == []


def imported(path: Path) -> Iterator[str]:
    """Everything that a file imports or names with a dot."""
    for node in ast.walk(tree(path)):
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom():
                yield from (f"{node.module}.{alias.name}" for alias in node.names)
            case ast.Attribute(value=ast.Name(id=name)):
                yield f"{name}.{node.attr}"
            case _:
                pass


@pytest.mark.parametrize("word", ["unittest.mock", "unittest.mock.Mock", "time.sleep"])
def test_tests_neither_mock_nor_sleep(word: str) -> None:
    # The bed is the real world, where waiting takes time.
    assert [
        relative(p)
        for p in sources("tests")
        if not relative(p).startswith("tests/bed/")
        and any(name == word or name.startswith(f"{word}.") for name in imported(p))
    ] == []


def test_dry_run_is_a_word_of_the_wire_and_of_the_command_line_alone() -> None:
    """Everywhere else the same code runs, and a wrapper decides whether anything is stored."""
    allowed = ("upgrader/cluster/", "upgrader/sandbox/", "upgrader/cli/commands/")
    found = [
        relative(p) for p in sources("upgrader") if re.search(r"\bdry_run\b", p.read_text(encoding="utf-8"))
    ]
    assert [place for place in found if not place.startswith(allowed)] == []


def test_every_room_says_what_it_is() -> None:
    rooms = [p for p in sources("upgrader") if p.name == "__init__.py"]
    told = {relative(p): ast.get_docstring(tree(p)) or "" for p in rooms}
    assert [place for place, words in told.items() if len(words) < 15] == []
