"""``upgrade config``."""

from __future__ import annotations

import click

from upgrader.cli.input.configuration import view
from upgrader.cli.input.options import SpokenGroup, global_options, said
from upgrader.cli.output.screen import show
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit


@click.group("config", cls=SpokenGroup)
@global_options
def config() -> None:
    """View the configuration."""


@config.command("view")
@click.option("--origin", is_flag=True, help="Say where each value comes from.")
@global_options
def view_(origin: bool) -> int:
    """Show every setting as it is in effect.

    Flags beat the environment, the environment beats --config FILE, then ./.upgrader.yaml,
    then the user's file, then the defaults.
    """
    rows = view(said())
    show(
        said(),
        {
            "text": lambda: "\n".join(
                f"{k:16} {v or '-'}" + (f"      ({o})" if origin else "") for k, v, o in rows
            ),
            "json": lambda: pretty({k: {"value": v, "origin": o} for k, v, o in rows}).rstrip(),
        },
    )
    return Exit.OK


@config.command("path")
@global_options
def path() -> int:
    """Show the files that are read, in order of precedence."""
    from upgrader.cli.input.configuration import places

    for place in places(said()):
        click.echo(f"{place}{'' if place.is_file() else '   (not there)'}")
    return Exit.OK
