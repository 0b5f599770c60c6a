"""``upgrade verify``."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import click

from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.output.screen import show, style_of
from upgrader.cli.wiring import connect, survey
from upgrader.cluster.clean import clean_line
from upgrader.engine.driving.wait import looked
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit
from upgrader.model.step import Reading, Verdict
from upgrader.planning.expect import expectations
from upgrader.report.fitting import hung
from upgrader.report.style import Style


@click.command("verify", cls=Spoken)
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NS",
    help="Show only what concerns this namespace.",
)
@global_options
def verify(namespaces: tuple[str, ...]) -> int:
    """Ask the cluster whether the mesh is as it should be. Changes nothing.

    Control planes, webhooks, who injects a new pod, whether configuration is checked, which revision and image every
    workload runs, which istiod its proxies are connected to. By dry run where something would be created.

    \b
    upgrade verify
    upgrade verify -n shop -o json
    """
    options = said()
    connection = connect(options)
    probes = expectations(survey(connection), namespaces)
    rows = [(probe.title(), looked(partial(probe.look, connection.reader))) for probe in probes]
    style = style_of(options)
    show(
        options,
        {
            "text": lambda: _text(rows, style),
            "json": lambda: pretty(
                {"schema": "upgrader.verify/v1", "probes": [_plain(*row) for row in rows]}
            ).rstrip(),
        },
    )
    return Exit.OK if all(r.verdict is Verdict.HOLDS for _, r in rows) else Exit.GATE_FAILED


def _text(rows: Sequence[tuple[str, Reading]], style: Style) -> str:
    words = {
        Verdict.HOLDS: ("ok", "ok"),
        Verdict.BROKEN: ("bad", "BROKEN"),
        Verdict.PENDING: ("later", "not yet"),
    }
    lines = []
    for title, reading in rows:
        mark, word = words[reading.verdict]
        told = clean_line(reading.summary)
        text = told if reading.verdict is Verdict.HOLDS else f"{title}: {told}"
        lines += hung(f"  {style.mark(mark)} {word:7}  ", text, style.width)
    held = sum(r.verdict is Verdict.HOLDS for _, r in rows)
    return "\n".join([*lines, "", f"Verified: {held} of {len(rows)} hold"])


def _plain(title: str, reading: Reading) -> dict[str, object]:
    return {
        "probe": title,
        "verdict": reading.verdict.value,
        "summary": reading.summary,
        "facts": dict(reading.facts),
    }
