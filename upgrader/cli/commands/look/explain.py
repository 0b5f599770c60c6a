"""``upgrade explain``."""

from __future__ import annotations

import difflib

import click

from upgrader.catalog import codes, page
from upgrader.cli.input.options import Spoken, global_options, said
from upgrader.cli.output.screen import show, style_of
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.report.page import page_text


@click.command("explain", cls=Spoken)
@click.argument("code", required=False)
@global_options
def explain(code: str | None) -> int:
    """Explain a code. Works offline.

    \b
    upgrade explain UPG-0201
    upgrade explain            # every code, a line each
    """
    if code is None:
        rows = [(one, (page(one) or "").splitlines()[0].lstrip("# ")) for one in codes()]
        show(
            said(),
            {
                "text": lambda: "\n".join(f"{c}  {t}" for c, t in rows),
                "json": lambda: pretty(dict(rows)).rstrip(),
            },
        )
        return Exit.OK
    text = page(code)
    if text is None:
        near = difflib.get_close_matches(code.upper(), codes(), 3, 0.6)
        raise UpgradeError(
            "UPG-0018",
            f"there is no page for {code}",
            what=(f"near: {', '.join(near)}",) if near else (),
            do=("upgrade explain      # every code",),
            exit_code=Exit.USAGE,
        )
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
