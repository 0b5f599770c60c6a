"""Help is short, complete, and there whatever else is on the line; starting costs little."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from upgrader.cli.entry import run
from upgrader.cli.main import NAMES

HEAVY = {"kubernetes", "rich", "urllib3", "transitions", "yaml", "jinja2", "msgspec"}
LOOKED = (
    "import json, sys; from upgrader.cli.entry import run; run(['--help']); print(json.dumps([*sys.modules]))"
)


@pytest.mark.parametrize("command", NAMES)
def test_every_command_tells_its_own_options_first_in_eighty_columns(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([command, "-h"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: upgrade {command}")
    assert max(map(len, shown.splitlines())) <= 80
    assert "--request-timeout" not in shown
    assert shown.rstrip().endswith(("upgrade --help", "listed above")) or "Commands:" in shown


def test_the_help_of_the_program_tells_the_options_that_every_command_takes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    before, _, after = shown.partition("Global options, before or after the command:")
    assert all(f"  {name} " in before for name in NAMES)
    for option in ("--context", "--kubeconfig", "--output", "--state", "--no-input"):
        assert option in after
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize(
    "words",
    [["plan", "--bogus", "-h"], ["-h", "plan"], ["plan", "-o", "bogus", "--help"], ["approve", "r-1", "-h"]],
)
def test_help_is_shown_whatever_else_is_on_the_line(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("Usage: upgrade")
    assert shown.err == ""


@pytest.mark.parametrize(
    ("words", "near"),
    [(["aply"], "apply"), (["config", "veiw"], "view"), (["plan", "--manifest", "x"], "--manifests"), (["--contxt", "x"], "--context")],
)  # fmt: skip
def test_a_word_that_is_nearly_right_is_answered_with_the_right_one(
    words: list[str], near: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words) == 64
    assert near in capsys.readouterr().err.splitlines()[0]


def test_a_line_that_cannot_be_parsed_is_refused_in_the_format_it_asks_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words in (
        ["plan", "-o", "json", "--tu", "1"],
        ["plan", "--tu", "1", "-ojson"],
        ["-o", "json", "aply"],
    ):
        assert run(words) == 64
        shown = capsys.readouterr()
        assert json.loads(shown.out)["exit_code"] == 64
        assert shown.err.startswith("error UPG-0001")


@pytest.mark.slow
def test_help_does_not_import_what_only_a_cluster_needs() -> None:
    done = subprocess.run([sys.executable, "-c", LOOKED], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in json.loads(done.stdout.splitlines()[-1])}
    assert loaded & HEAVY == set()
