"""What a command writes: results to stdout, everything else to stderr, in the format that was asked for."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click
import msgspec

from upgrader.cli.input.options import Globals, program
from upgrader.host.files import atomic_write
from upgrader.report.fitting import Typed
from upgrader.report.plan.document import as_text
from upgrader.report.style import Style, style_for

Renderer = Callable[[], str]


def style_of(said: Globals, *, error: bool = False) -> Style:
    """How text on stdout (or stderr) may look."""
    stream = sys.stderr if error else sys.stdout
    color = "never" if said.plain else said.color
    return style_for(
        stream, os.environ, color=color, ascii_only=said.ascii or said.plain, accessible=said.accessible
    )


def typed(said: Globals) -> Typed:
    """How commands that are printed begin and end."""
    return Typed(program(), said.flags())


def show(said: Globals, renderers: Mapping[str, Renderer]) -> None:
    """Print what *renderers* has for the format of stdout, and write the files of ``-o FORMAT=PATH``.

    What there is as JSON there is as YAML.

    Raises:
        click.UsageError: the command has no such format.
    """
    known = dict(renderers)
    if "json" in known:
        known.setdefault("yaml", lambda: as_text(msgspec.json.decode(known["json"]()), "yaml"))
    for name in (said.format, *said.files):
        if name not in known:
            raise click.UsageError(f"this command has no format {name!r}; it has {', '.join(known)}")
    for name, path in said.files.items():
        write(path, known[name]())
    text = known[said.format]()
    if text:
        click.echo(text, color=True)


def write(path: Path, text: str) -> None:
    """A file of ours, whole or not at all, with a final newline."""
    atomic_write(path, (text.rstrip("\n") + "\n").encode())


def tell(said: Globals, text: str) -> None:
    """Words for people that are not the result."""
    if not said.quiet:
        click.echo(text, err=True)


def interactive(said: Globals) -> bool:
    """Whether somebody is there to be asked."""
    asked_not_to = said.no_input or bool(os.environ.get("CI")) or said.format in {"json", "yaml", "jsonl"}
    return not asked_not_to and sys.stdin.isatty() and sys.stderr.isatty()


def hints(said: Globals) -> bool:
    """Whether next commands are worth printing."""
    return not said.quiet and not os.environ.get("UPGRADER_IN_AUTOMATION")
