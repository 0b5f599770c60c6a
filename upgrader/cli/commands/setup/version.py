"""``upgrade version``."""

from __future__ import annotations

import platform

import click

from upgrader import __version__
from upgrader.cli.commands.look.versions import found_lines
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.output.screen import show
from upgrader.cli.runs.istioctl import found_here
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit


@click.command("version", cls=Spoken)
@click.option("--istioctl", multiple=True, metavar="PATH", help="An istioctl, or a folder of several.")
@global_options
def version(istioctl: tuple[str, ...]) -> int:
    """Print the version of this program and of its formats, and every istioctl that a hop could use."""
    options = said()
    programs = found_here(options, istioctl)
    found = {
        "tool": __version__,
        "plan": "upgrader.plan/v1",
        "events": "upgrader.events/v1",
        "journal": "1",
        "python": platform.python_version(),
    }
    show(
        options,
        {
            "text": lambda: "\n".join([*(f"{k:8} {v}" for k, v in found.items()), *found_lines(programs)]),
            "json": lambda: pretty(found | {"istioctl": programs.binaries}).rstrip(),
        },
    )
    return Exit.OK
