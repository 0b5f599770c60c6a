"""``upgrade help``: topics that are longer than one command."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import Any

import click

from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.output.screen import show
from upgrader.model.errors import Exit
from upgrader.report.plan.document import as_text

_PAGES = Path(__file__).parents[2] / "topics"


def topics() -> list[str]:
    """Every topic."""
    return sorted(page.stem for page in _PAGES.glob("*.txt"))


@click.command("help", cls=Spoken)
@click.argument("topic", required=False)
@global_options
def help_(topic: str | None) -> int:
    """Print a topic, or the list of topics.

    \b
    upgrade help exit-codes
    upgrade help events -o json      # the schema of the event stream
    """
    if topic is None:
        return _told("Topics: " + ", ".join(topics()) + "\nupgrade help TOPIC", {"topics": topics()})
    if topic not in topics():
        near = difflib.get_close_matches(topic, topics(), 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(topics())}"
        raise click.UsageError(f"no topic {topic!r}; {hint}")
    text = (_PAGES / f"{topic}.txt").read_text(encoding="utf-8").rstrip()
    return _told(text, schema() if topic == "events" else {"topic": topic, "text": text})


def _told(text: str, document: Any) -> int:
    show(said(), {"text": lambda: text, "json": lambda: as_text(document, "json")})
    return Exit.OK


def schema() -> Any:
    """The JSON Schema of one line of the event stream."""
    from upgrader.report import run

    place = Path(run.__file__).with_name("events.v1.json")
    return json.loads(place.read_text(encoding="utf-8"))
