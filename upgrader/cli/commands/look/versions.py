"""``upgrade versions``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from upgrader.catalog import Catalog, load_catalog
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.input.places import manifests_folder
from upgrader.cli.output.screen import show
from upgrader.cli.runs.choosing import available_in
from upgrader.host.clock import SystemClock
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit


@click.command("versions", cls=Spoken)
@click.option("--manifests", default="", metavar="DIR", help="One sub-folder of rendered YAML per version.")
@global_options
def versions(manifests: str) -> int:
    """Show every minor that is known, its end of life, and which releases could be installed from here."""
    options = said()
    folder = manifests_folder(manifests, "", options.access)
    have: dict[str, list[str]] = {}
    for one in available_in(folder):
        have.setdefault(one.series, []).append(str(one))
    catalog = load_catalog()
    today = SystemClock().now().date()
    show(
        options,
        {
            "text": lambda: _text(catalog, have, today, folder),
            "json": lambda: pretty(
                {"schema": "upgrader.versions/v1", "releases": catalog.releases, "manifests": have}
            ).rstrip(),
        },
    )
    return Exit.OK


def _text(catalog: Catalog, have: dict[str, list[str]], today: date, folder: Path | None) -> str:
    lines = [f"{'MINOR':8}{'RELEASED':13}{'END OF LIFE':24}{'KUBERNETES':13}MANIFESTS HERE"]
    for one in map(catalog.releases.__getitem__, catalog.minors()):
        over = (
            " (over)" if catalog.ended(one.minor, today) else " (expected)" if one.end == "expected" else ""
        )
        end = f"{one.end_of_life}{over}"
        span = f"{one.kubernetes.supported[0]}-{one.kubernetes.supported[-1]}"
        lines.append(
            f"{one.minor:8}{one.released!s:13}{end:24}{span:13}{', '.join(have.get(one.minor, [])) or '-'}"
        )
    return "\n".join(
        [*lines, "", f"Manifests from: {folder or 'nowhere; name a folder with --manifests DIR'}"]
    )
