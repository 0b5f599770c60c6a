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
from upgrader.cli.runs.istioctl import found_here
from upgrader.host.clock import SystemClock
from upgrader.host.istioctl import Found
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit
from upgrader.model.version import Version


@click.command("versions", cls=Spoken)
@click.option("--manifests", default="", metavar="DIR", help="One sub-folder of rendered YAML per version.")
@click.option("--istioctl", multiple=True, metavar="PATH", help="An istioctl, or a folder of several.")
@global_options
def versions(manifests: str, istioctl: tuple[str, ...]) -> int:
    """Show every minor that is known, its end of life, and which releases could be installed from here."""
    options = said()
    folder = manifests_folder(manifests, "", options.access)
    have = _by_minor(available_in(folder))
    found = found_here(options, istioctl)
    catalog = load_catalog()
    today = SystemClock().now().date()
    document = {
        "schema": "upgrader.versions/v1",
        "releases": catalog.releases,
        "manifests": have,
        "istioctl": found.binaries,
    }
    show(
        options,
        {
            "text": lambda: _text(catalog, have, found, today, folder),
            "json": lambda: pretty(document).rstrip(),
        },
    )
    return Exit.OK


def _by_minor(versions: list[Version]) -> dict[str, list[str]]:
    have: dict[str, list[str]] = {}
    for one in versions:
        have.setdefault(one.series, []).append(str(one))
    return have


def _text(
    catalog: Catalog, have: dict[str, list[str]], found: Found, today: date, folder: Path | None
) -> str:
    programs = _by_minor(list(found.versions))
    lines = [
        f"{'MINOR':8}{'RELEASED':13}{'END OF LIFE':24}{'KUBERNETES':13}{'MANIFESTS HERE':16}ISTIOCTL HERE"
    ]
    for one in map(catalog.releases.__getitem__, catalog.minors()):
        over = (
            " (over)" if catalog.ended(one.minor, today) else " (expected)" if one.end == "expected" else ""
        )
        end = f"{one.end_of_life}{over}"
        span = f"{one.kubernetes.supported[0]}-{one.kubernetes.supported[-1]}"
        folders, programs_here = (", ".join(x.get(one.minor, [])) or "-" for x in (have, programs))
        lines.append(f"{one.minor:8}{one.released!s:13}{end:24}{span:13}{folders:16}{programs_here}")
    lines += ["", f"Manifests from: {folder or 'nowhere; name a folder with --manifests DIR'}"]
    return "\n".join([*lines, *found_lines(found)])


def found_lines(found: Found) -> list[str]:
    """Every istioctl with its place, and what was passed over."""
    named = [f"istioctl {b.version}: {b.path} ({b.origin})" for b in found.binaries]
    named += [f"not used: {one}" for one in found.passed_over]
    return named or ["istioctl: none found; name one with --istioctl PATH"]
