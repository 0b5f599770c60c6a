"""``upgrade help``: topics that are longer than one command."""

from __future__ import annotations

from pathlib import Path

import click

from upgrader.cli.input.options import Spoken, global_options
from upgrader.model.errors import Exit

_PAGES = Path(__file__).parents[2] / "topics"


def topics() -> list[str]:
    """Every topic."""
    return sorted(page.stem for page in _PAGES.glob("*.txt"))


@click.command("help", cls=Spoken)
@click.argument("topic", required=False)
@global_options
def help_(topic: str | None) -> int:
    """Print a topic, or the list of topics."""
    if topic is None:
        click.echo("Topics: " + ", ".join(topics()) + "\nupgrade help TOPIC")
        return Exit.OK
    if topic not in topics():
        raise click.UsageError(f"no topic {topic!r}; there are {', '.join(topics())}")
    click.echo((_PAGES / f"{topic}.txt").read_text(encoding="utf-8").rstrip())
    return Exit.OK
