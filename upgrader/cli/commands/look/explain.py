"""``upgrade explain``."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import click

from upgrader.catalog import codes, page, site_digests
from upgrader.catalog.advisories import advisories_of, advisory, minors_with_advisories, near_ids
from upgrader.checks.advisories.choosing import known
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.output.screen import show, style_of
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.report.advisory import advisory_page, counts
from upgrader.report.page import page_text

_ADVISORY = re.compile(r"^\d+\.\d+-")


@click.command("explain", cls=Spoken)
@click.argument("code", required=False)
@click.option("--catalog", default="", metavar="DIR", help="Your own entries about releases, laid over ours.")
@global_options
def explain(code: str | None, catalog: str) -> int:
    """Explain a code, or an advisory of the releases on the way. Works offline.

    \b
    upgrade explain UPG-0201
    upgrade explain 1.13-tcp-probes
    upgrade explain            # every code, a line each
    """
    site = Path(catalog) if catalog else None
    if site is not None:
        site_digests(site)
    if code is None:
        return _every(site)
    text = _page(code, site)
    options = said()
    show(
        options,
        {
            "text": lambda: page_text(text, style_of(options).width),
            "markdown": text.rstrip,
            "json": lambda: pretty({"code": code, "text": text}).rstrip(),
        },
    )
    return Exit.OK


def _every(site: Path | None) -> int:
    """A line for each code, and how many advisories there are for each minor."""
    rows = [(one, (page(one) or "").splitlines()[0].lstrip("# ")) for one in codes()]
    told_of = {minor: counts(known(minor, site)) for minor in minors_with_advisories(site)}

    def text() -> str:
        lines = [f"{one}  {title}" for one, title in rows]
        lines += (
            ["", "Advisories: what changes with a minor, explained by their ids as a plan names them"]
            if told_of
            else []
        )
        for minor, found in told_of.items():
            told = ", ".join(
                f"{number} {word}{'' if number == 1 or word == 'explained' else 's'}"
                for word, number in found.items()
            )
            lines.append(f"{minor}  {told}")
        return "\n".join(lines)

    show(
        said(),
        {
            "text": text,
            "json": lambda: pretty(dict(rows) | ({"advisories": told_of} if told_of else {})).rstrip(),
        },
    )
    return Exit.OK


def _page(code: str, site: Path | None) -> str:
    """The page of a code or an advisory.

    Raises:
        UpgradeError: UPG-0018 there is none; UPG-0003 the site's catalog is not usable.
    """
    found = advisory(code, site) if _ADVISORY.match(code) else None
    text = advisory_page(found) if found else page(code)
    if text is not None:
        return text
    if _ADVISORY.match(code):
        every = [a.id for minor in minors_with_advisories(site) for a in advisories_of(minor, site)]
        near = [*near_ids(code.lower(), every)]
    else:
        near = difflib.get_close_matches(code.upper(), codes(), 3, 0.6)
    raise UpgradeError(
        "UPG-0018",
        f"there is no page for {code}",
        what=(f"near: {', '.join(near)}",) if near else (),
        do=(
            "upgrade explain      # every code",
            *(
                ("upgrade explain ID --catalog DIR      # one of your own",)
                if _ADVISORY.match(code) and not site
                else ()
            ),
        ),
        exit_code=Exit.USAGE,
    )
