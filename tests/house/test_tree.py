"""What is in the tree is of this project, and what its pages tell a stranger to type exists."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import click
import pytest

from upgrader import __version__
from upgrader.cli.main import NAMES, cli

ROOT = Path(__file__).parents[2]
CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
SECTIONS = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("*/README.md")])
ELSEWHERE = re.compile(r"/work/|shared/design|/root/|/home/\w+/")


@cache
def tracked() -> tuple[Path, ...]:
    """Every text file of the tree; what git ignores is not of it."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, check=True
    )
    return tuple(
        ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()
    )


def texts() -> Iterator[tuple[str, str]]:
    for path in tracked():
        try:
            yield str(path.relative_to(ROOT)), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


@pytest.fixture(autouse=True)
def _in_a_checkout() -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    here = str(Path(__file__).relative_to(ROOT))
    samples = {here, "tests/house/test_state.py"}
    found = {
        name: match[0] for name, text in texts() if name not in samples and (match := ELSEWHERE.search(text))
    }
    assert found == {}


def test_no_file_is_left_half_merged_or_unfinished() -> None:
    found = [
        name
        for name, text in texts()
        if re.search(r"^(<{7} |>{7} )|\bTBD\b(?!\\b)|\bFIXME\b(?!\\b)", text, re.MULTILINE)
        and not name.startswith("tests/house/")
    ]
    assert found == []


def test_the_top_of_the_tree_holds_what_a_stranger_expects_and_nothing_else() -> None:
    tops = {p.relative_to(ROOT).parts[0] for p in tracked()}
    known = {
        "README.md",
        "CHANGELOG.md",
        "LICENSE",
        "Makefile",
        "pyproject.toml",
        "playbooks",
        "state",
        "tests",
        "upgrader",
    }
    assert known <= tops
    assert {top for top in tops - known if not top.startswith(".")} <= {"uv.lock"}


def headings() -> list[tuple[str, str]]:
    return re.findall(r"^## \[([^\]]+)\](?: - (\S+))?$", CHANGELOG, re.MULTILINE)


def test_the_changelog_has_the_form_it_says_it_has() -> None:
    assert CHANGELOG.startswith("# Changelog\n")
    names = headings()
    assert names[0] == ("Unreleased", "")
    assert len(re.findall(r"^## ", CHANGELOG, re.MULTILINE)) == len(names)
    dates = [date.fromisoformat(day) for _, day in names[1:]]
    assert dates == sorted(dates, reverse=True)
    versions = [tuple(map(int, version.split("."))) for version, _ in names[1:]]
    assert versions == sorted(set(versions), reverse=True)
    assert set(re.findall(r"^### (.+)$", CHANGELOG, re.MULTILINE)) <= set(SECTIONS)


def test_the_changelog_and_the_program_agree_on_the_version() -> None:
    released = [version for version, _ in headings()[1:]]
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)
    assert not released or released[0] == __version__


def commands(text: str) -> Iterator[str]:
    """Lines of code blocks and code in sentences that call this program."""
    blocks = re.findall(r"^ *```(?:shell|sh|bash|console)?\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"^    (upgrade .*)$", text, re.MULTILINE)
    lines = (
        [line.strip() for block in blocks for line in block.splitlines()]
        + indented
        + re.findall(r"`([^`\n]+)`", text)
    )
    for line in lines:
        plain = line.removeprefix("$ ").split("  #")[0].removeprefix(".venv/bin/")
        if re.match(r"upgrade( |$)", plain):
            yield plain


def shown() -> list[tuple[str, str]]:
    return sorted(
        {
            (str(page.relative_to(ROOT)), command)
            for page in PAGES
            for command in commands(page.read_text(encoding="utf-8"))
        }
    )


def test_the_pages_show_commands() -> None:
    assert len(shown()) > 10


@pytest.mark.parametrize(("page", "line"), shown())
def test_a_command_on_a_page_exists_with_its_options(page: str, line: str) -> None:
    words = [w for w in shlex.split(line)[1:] if w not in {"|", "&&"}]
    found: click.Command = cli
    context = click.Context(cli, info_name="upgrade")
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        following = found.get_command(context, words.pop(0))
        assert following is not None, f"{page}: {line}"
        found = following
    known = {
        option
        for one in (found, cli)
        for parameter in one.params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }
    given = {word.split("=")[0] for word in words if word.startswith("-")}
    assert given - known == set(), f"{page}: {line}"


def test_every_command_is_on_some_page_or_in_the_help() -> None:
    assert set(NAMES) == set(cli.list_commands(click.Context(cli)))


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_every_make_target_on_a_page_exists() -> None:
    named = {
        target
        for page in PAGES
        for target in re.findall(r"\bmake ([a-z]+)\b(?=[`\s])", page.read_text(encoding="utf-8"))
        if f"`make {target}" in page.read_text(encoding="utf-8")
        or f"make {target} " in page.read_text(encoding="utf-8")
    }
    assert named - targets() == set()
    assert {"demo", "test", "lint", "bench"} <= targets()


def test_every_link_on_a_page_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in PAGES
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        if not link.startswith("http") and not (page.parent / link).exists()
    ]
    assert broken == []
