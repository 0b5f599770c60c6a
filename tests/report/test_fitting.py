"""Nothing of ours is wider than the terminal, torn, or said by colour and marks alone."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator

import pytest

from upgrader.cli.main import NAMES
from upgrader.model.errors import Exit, UpgradeError
from upgrader.planning.plan import Plan
from upgrader.report.errors import error_text
from upgrader.report.fitting import Typed, advice, fitted, is_command, middle, some
from upgrader.report.plan.text import plan_text, saved_text
from upgrader.report.style import MARKS, Style, style_for

WIDTHS = (60, 80, 100, 160)
WORDS = Typed("upgrade", " --context prod-eu1 --kubeconfig '/etc/kube/eu 1'")
ERROR = UpgradeError(
    "UPG-0201",
    "sidecar images do not match their revision in shop/search and in eleven other workloads of this mesh",
    what=("4 of 6 pods run proxyv2:1.27.7, 2 run 1.27.9; revision 1-27-9 injects 1.27.9 " * 2, "  deep fact " * 9),
    why="a restart keeps a pinned image: these pods would not move, and would be two minor versions behind",
    do=("kubectl -n shop edit deployment search      # remove that annotation", "upgrade plan --exclude shop/search"),
    exit_code=Exit.BLOCKED,
)  # fmt: skip


def prose(text: str) -> Iterator[str]:
    """Lines that are not to be copied."""
    for line in text.splitlines():
        if not is_command(re.sub(r"^.*?(?=\b(?:upgrade|kubectl|istioctl) )", "", line)):
            yield line


def screens(planned: Callable[..., Plan], style: Style) -> Iterator[str]:
    for plan in (planned(to="1.29"), planned("hostile"), planned("legacy"), planned("empty")):
        for wide in (False, True):
            told = plan_text(plan, style, wide=wide, typed=WORDS, banner="PRODUCTION")
            yield f"{told}\n{saved_text(plan, 'plan.json', style, WORDS)}"
    yield error_text(ERROR, WORDS, style.width)


@pytest.mark.slow
@pytest.mark.parametrize("width", WIDTHS)
def test_no_line_is_wider_than_the_terminal(planned: Callable[..., Plan], width: int) -> None:
    for text in screens(planned, Style(width=width)):
        assert [line for line in prose(text) if len(line) > width] == []


def sentence(line: str) -> bool:
    """Whether a broken line begins with the word upgrade without being a command."""
    words = [*line.split(), ""]
    return words[0] == "upgrade" and words[1] not in NAMES


@pytest.mark.slow
def test_commands_codes_and_counts_are_the_same_at_every_width(planned: Callable[..., Plan]) -> None:
    def kept(width: int) -> list[list[str]]:
        found = []
        for text in screens(planned, Style(width=width)):
            lines = {
                line.strip() for line in text.splitlines() if is_command(line.strip()) and not sentence(line)
            }
            words = re.findall(
                r"UPG-\d{4}|\bh\d\.\d\d\b|\b\d+ pods?\b|\b\d+ BLOCKED", re.sub(r"\s+", " ", text)
            )
            found.append(sorted(line.partition("  #")[0].rstrip() for line in lines) + sorted(words))
        return found

    assert kept(60) == kept(160)


@pytest.mark.slow
def test_only_four_marks_are_beyond_ascii_and_none_in_ascii(planned: Callable[..., Plan]) -> None:
    allowed = set(MARKS.values())
    for text in screens(planned, Style()):
        assert {c for c in text if ord(c) > 126} <= allowed
    for text in screens(planned, Style(ascii=True)):
        assert text.isascii()


@pytest.mark.slow
def test_colour_and_marks_say_nothing_alone(planned: Callable[..., Plan]) -> None:
    coloured = [re.sub(r"\x1b\[\d+m|\W", "", text) for text in screens(planned, Style(color=True))]
    bare = [text.replace("x BLOCKED", "BLOCKED") for text in screens(planned, Style(ascii=True))]
    assert [re.sub(r"\W", "", text) for text in bare] == coloured


@pytest.mark.parametrize(
    ("color", "environment", "painted"),
    [
        ("auto", {}, False),
        ("auto", {"FORCE_COLOR": "1"}, True),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ("auto", {"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
        ("always", {"NO_COLOR": "1"}, True),
        ("never", {"FORCE_COLOR": "1"}, False),
    ],
)
def test_a_flag_beats_no_color_which_beats_force_color(
    color: str, environment: dict[str, str], painted: bool
) -> None:
    assert style_for(io.StringIO(), environment, color=color).color is painted


@pytest.mark.parametrize("encoding", ["latin-1", "ascii"])
def test_a_terminal_that_has_no_marks_gets_ascii(encoding: str) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert style_for(stream, {}).ascii


def test_a_voice_gets_whole_lines() -> None:
    assert style_for(io.StringIO(), {"ACCESSIBLE": "1"}).width > 1000


def test_an_error_has_its_parts_in_one_order() -> None:
    lines = error_text(ERROR, WORDS).splitlines()
    heads = [line.split()[0] for line in lines if not line.startswith("   ")]
    assert lines[0].startswith("error UPG-0201: ")
    assert [head for head in heads if head in {"error", "what", "why", "do", "more"}] == [
        "error", "what", "why", "do", "more",
    ]  # fmt: skip
    assert lines[-1] == "Nothing was changed. (exit 3)"


def test_printed_commands_reach_the_same_cluster() -> None:
    typed = Typed("kubectl istio-upgrade", " --context a --state s")
    assert typed.command("upgrade resume r-1") == "kubectl istio-upgrade resume r-1 --context a --state s"
    assert typed.command("kubectl -n shop get pods") == "kubectl --context a -n shop get pods"
    assert typed.command("upgrade explain UPG-0101") == "kubectl istio-upgrade explain UPG-0101"
    assert typed.command("or: upgrade check --context b").endswith("check --context b --state s")


def test_both_halves_of_a_chained_command_are_told_the_cluster() -> None:
    told = Typed("upgrade", " --context a").command(
        "upgrade plan --out p.json && upgrade apply p.json      # both"
    )
    assert told.startswith("upgrade plan --out p.json --context a && upgrade apply p.json --context a")
    assert told.endswith("# both")


def test_a_remark_that_does_not_fit_stands_below_its_command() -> None:
    command = "kubectl -n shop patch deployment/search --type=json"
    assert advice([f"{command}      # short"], Typed(), 80) == [f"{command}      # short"]
    assert advice([f"{command}      # short"], Typed(), 55) == [command, "  # short"]


def test_what_comes_from_a_cluster_cannot_move_the_cursor() -> None:
    told = error_text(
        UpgradeError("UPG-0601", "a\x1b[2Jb", what=("c\x1b]0;t\x07d",), do=("e\x1bf",), exit_code=Exit.ERROR)
    )
    assert "\x1b" not in told
    assert "\x07" not in told


def test_names_are_cut_in_the_middle_and_lists_are_counted() -> None:
    assert middle("a-very-long-namespace-name", 12) == "a-ver..-name"
    assert middle("short", 12) == "short"
    assert some(["one", "two", "three"], 100) == "one, two, three"
    assert some([f"namespace-{n}" for n in range(500)], 60).endswith(" more")
    assert fitted("", 60) == [""]
