"""``upgrade explain``."""

from __future__ import annotations

import difflib
import re

import click

from upgrader.catalog import codes, page
from upgrader.catalog.advisories import advisories_of, advisory, minors_with_advisories, near_ids
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.output.screen import show, style_of
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.report.advisory import advisory_page, counts
from upgrader.report.page import page_text

_ADVISORY = re.compile(r"^\d+\.\d+-")


@click.command("explain", cls=Spoken)
@click.argument("code", required=False)
@global_options
def explain(code: str | None) -> int:
    """Explain a code, or an advisory of the releases on the way. Works offline.

    \b
    upgrade explain UPG-0201
    upgrade explain 1.13-tcp-probes
    upgrade explain            # every code, a line each
    """
    if code is None:
        return _every()
    text = _page(code)
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


def _every() -> int:
    """A line for each code, and how many advisories there are for each minor."""
    rows = [(one, (page(one) or "").splitlines()[0].lstrip("# ")) for one in codes()]
    known = {minor: counts(advisories_of(minor)) for minor in minors_with_advisories()}

    def text() -> str:
        lines = [f"{one}  {title}" for one, title in rows]
        lines += (
            ["", "Advisories: what changes with a minor, explained by their ids as a plan names them"]
            if known
            else []
        )
        for minor, found in known.items():
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
            "json": lambda: pretty(dict(rows) | ({"advisories": known} if known else {})).rstrip(),
        },
    )
    return Exit.OK


def _page(code: str) -> str:
    """The page of a code or an advisory.

    Raises:
        UpgradeError: UPG-0018 there is none.
    """
    found = advisory(code) if _ADVISORY.match(code) else None
    text = advisory_page(found) if found else page(code)
    if text is not None:
        return text
    if _ADVISORY.match(code):
        near = [
            *near_ids(
                code.lower(), [a.id for minor in minors_with_advisories() for a in advisories_of(minor)]
            )
        ]
    else:
        near = difflib.get_close_matches(code.upper(), codes(), 3, 0.6)
    raise UpgradeError(
        "UPG-0018",
        f"there is no page for {code}",
        what=(f"near: {', '.join(near)}",) if near else (),
        do=("upgrade explain      # every code",),
        exit_code=Exit.USAGE,
    )
