"""``upgrade version``."""

from __future__ import annotations

import platform

import click

from upgrader import __version__
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.output.screen import show
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit


@click.command("version", cls=Spoken)
@global_options
def version() -> int:
    """Print the version of this program and of its formats."""
    found = {
        "tool": __version__,
        "plan": "upgrader.plan/v1",
        "events": "upgrader.events/v1",
        "journal": "1",
        "python": platform.python_version(),
    }
    show(
        said(),
        {
            "text": lambda: "\n".join(f"{k:8} {v}" for k, v in found.items()),
            "json": lambda: pretty(found).rstrip(),
        },
    )
    return Exit.OK
