"""Every command that this program tells somebody to type is one that it understands."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import upgrader
from upgrader.cli.input.options import Globals
from upgrader.cli.main import cli

ROOM = Path(upgrader.__file__).parent
PAGES = sorted([*(ROOM / "catalog" / "explain").glob("*.md"), *(ROOM / "cli" / "topics").glob("*.txt")])
GOLDEN = sorted((Path(__file__).parents[1] / "report" / "golden").glob("*.txt"))
_COMMAND = re.compile(r"(?:^|[\s`(])upgrade ((?:[a-z]+|-[-a-z]+)(?: [^`\n]*)?)")
_END = re.compile(r"  +#| &&| \||[;)]|\.(?:\s|$)|, | > | 2>|  +")
_PROSE = {"is", "of", "may", "was", "has", "and", "that", "to", "path", "notes"}


def in_text(text: str) -> Iterator[str]:
    for found in _COMMAND.finditer(text):
        line = _END.split(found[1])[0].strip()
        if line and line.split()[0] not in _PROSE:
            yield line


def of_pages() -> Iterator[tuple[str, str]]:
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        told = [
            *re.findall(r"`(upgrade [^`\n]+)`", text),
            *re.findall(r"^ +(upgrade .+)$", text, re.MULTILINE),
        ]
        for line in (line for one in told for line in in_text(one)):
            yield page.name, line


def of_screens() -> Iterator[tuple[str, str]]:
    for screen in GOLDEN:
        for line in screen.read_text(encoding="utf-8").splitlines():
            if re.search(r"(do:|Next|:|Go on|Go back|Look|Approve|Report| {20}) +upgrade ", line):
                yield from ((screen.name, one) for one in in_text(line))


def of_sources() -> Iterator[tuple[str, str]]:
    """Texts of the source that begin with a command; what is filled in is called X."""
    for module in sorted(ROOM.rglob("*.py")):
        source = module.read_text(encoding="utf-8")
        if "upgrade " not in source:
            continue  # not worth parsing: no text in it names a command
        nodes = [*ast.walk(ast.parse(source))]
        parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in (one for one in nodes if id(one) not in parts):
            if isinstance(node, ast.Constant | ast.JoinedStr) and (text := _filled(node)).startswith(
                "upgrade "
            ):
                for line in in_text(text):
                    yield str(module.relative_to(ROOM)), line


def _filled(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return "".join(str(p.value) if isinstance(p, ast.Constant) else "1.29" for p in node.values)


def parse(line: str) -> None:
    """As far as click goes without doing it.

    Raises:
        click.UsageError: it would be refused.
    """
    words = ["1" if word == "HOP" else word for word in shlex.split(line)]  # filled in like RUN, but a number
    context = cli.make_context("upgrade", words, obj=Globals())
    group: click.Command = cli
    rest = [*context._protected_args, *context.args]
    while isinstance(group, click.Group) and rest:
        name, command, rest = group.resolve_command(context, list(rest))
        assert command is not None
        context = command.make_context(name, list(rest), parent=context)
        group, rest = command, [*context._protected_args, *context.args]


@pytest.mark.parametrize(
    ("place", "line"), sorted({*of_pages(), *of_screens(), *of_sources()}), ids=lambda text: text[:60]
)
def test_a_command_that_is_told_is_understood(place: str, line: str) -> None:
    try:
        parse(line)
    except click.exceptions.Exit as told:
        assert told.exit_code == 0, f"{place}: {line}"  # noqa: PT017  a page that ends here was found
    except click.UsageError as error:
        pytest.fail(f"{place}: upgrade {line}: {error.format_message()}")


def test_a_command_that_does_not_exist_is_found_out() -> None:
    for line in ("aply plan.json", "plan --too 1.29", "approve r-1", "config viw"):
        with pytest.raises(click.UsageError):
            parse(line)


def test_all_kinds_of_places_are_searched() -> None:
    assert len({*of_pages()}) > 30
    assert len({*of_screens()}) > 10
    assert len({*of_sources()}) > 20
