"""``upgrade plan``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from upgrader.cli.input.configuration import context_settings, setting
from upgrader.cli.input.options import Duration, Globals, Spoken, global_options, said
from upgrader.cli.input.stored import stored_mesh
from upgrader.cli.output.screen import hints, show, style_of, tell, typed, write
from upgrader.cli.runs.choosing import Wish
from upgrader.cli.runs.making import Made, make, make_stored
from upgrader.cli.wiring import connect
from upgrader.cluster.clean import clean_line
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit
from upgrader.model.finding import Severity
from upgrader.report.plan.document import plan_document, plan_yaml
from upgrader.report.plan.markdown import plan_markdown
from upgrader.report.plan.text import plan_text, saved_text


def wish_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say what to plan; ``apply`` without a plan takes them too."""
    options = [
        click.option("--to", metavar="VERSION", help="1.29, 1.29.6 or next.  [next]"),
        click.option("--path", metavar="V,V", help="Every version on the way, in order."),
        click.option(
            "--only",
            multiple=True,
            metavar="NS[/WORKLOAD]",
            help="Move nothing else; the old revision stays.",
        ),
        click.option(
            "--exclude",
            multiple=True,
            metavar="NS[/WORKLOAD]",
            help="Leave it behind; the old revision stays.",
        ),
        click.option("--playbook", metavar="NAME|PATH", help="Waves, pace, gates and words.  [canary]"),
        click.option("--manifests", metavar="DIR", help="One sub-folder of rendered YAML per version."),
        click.option(
            "--istioctl",
            multiple=True,
            metavar="PATH",
            help="An istioctl, or a folder of several: they render each hop.",
        ),
        click.option("--catalog", metavar="DIR", help="Your own entries about releases, laid over ours."),
        click.option(
            "--allow", multiple=True, metavar="CODE[:OBJECT]", help="Excuse a finding; needs --reason."
        ),
        click.option("--reason", metavar="TEXT", help="Why; kept in plan, review and report."),
        click.option(
            "--answer",
            multiple=True,
            metavar="ID=yes|no[:TEXT]",
            help="Answer the question of an advisory; kept in the plan.",
        ),
        click.option("--valid-for", type=Duration(), help="How long the plan may be applied.  [24h]"),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def from_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """``--from``: a stored snapshot instead of the cluster, as argument ``stored``."""
    about = "A stored snapshot, or a run directory; asks no cluster."
    return click.option("--from", "stored", type=click.Path(path_type=Path), metavar="FILE", help=about)(
        function
    )


def made_of(options: Globals, wish: Wish, stored: Path | None, *, steps: bool = False) -> Made:
    """From the cluster, or from *stored*.

    Args:
        options: Of the whole call.
        wish: What was asked for.
        stored: A snapshot; None for the cluster.
        steps: Findings alone are not enough.

    Raises:
        click.UsageError: *steps* were asked for, and nothing says what is to be installed.
        UpgradeError: as ``making.make`` and ``stored.stored_mesh``.
    """
    if stored is None:
        return make(connect(options), options, wish)
    mesh = stored_mesh(options, stored)
    made = make_stored(options, wish, mesh)
    if steps and made.plan.path[1:] and not made.releases:
        raise click.UsageError("steps from a snapshot need manifests: name their folder with --manifests")
    tell(
        options, f"From a snapshot of {clean_line(mesh.cluster.context)}, taken {mesh.at:%Y-%m-%d %H:%M} UTC."
    )
    return made


def wish_of(given: dict[str, Any]) -> Wish:
    """What the options of ``wish_options`` come to.

    Raises:
        click.UsageError: two of them contradict each other.
    """
    if given.get("to") and given.get("path"):
        raise click.UsageError("--to and --path say the same thing twice; use one")
    valid_for: timedelta | None = given.get("valid_for")
    options = said()
    return Wish(
        to=given.get("to") or setting(options, "target") or "next",
        path=tuple(one.strip() for one in (given.get("path") or "").split(",") if one.strip()),
        only=given.get("only") or (),
        exclude=given.get("exclude") or (),
        playbook=given.get("playbook") or setting(options, "playbook") or "canary",
        manifests=given.get("manifests") or ("" if given.get("istioctl") else setting(options, "manifests")),
        istioctl=given.get("istioctl") or (),
        catalog=given.get("catalog") or "",
        allow=given.get("allow") or (),
        reason=given.get("reason") or "",
        answer=given.get("answer") or (),
        valid_for=valid_for,
    )


@click.command("plan", cls=Spoken)
@wish_options
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), help="Save the plan; a saved plan is binding."
)
@click.option("--detailed-exitcode", is_flag=True, help="0 nothing to do, 2 steps to do, 3 blocked.")
@click.option("--fail-on", type=click.Choice(["advisory"]), help="Advisories block too.")
@from_option
@global_options
def plan(
    out: Path | None, detailed_exitcode: bool, fail_on: str | None, stored: Path | None, **given: Any
) -> int:
    """Say what stands in the way and exactly what would happen. Changes nothing.

    \b
    upgrade plan --to 1.29 --out plan.json
    upgrade plan --to 1.29 -o markdown
    """
    options = said()
    keep = out.with_suffix(".manifests") if out is not None else None
    made = made_of(options, replace(wish_of(given), keep=keep), stored, steps=True)
    if out is not None:
        write(out, pretty(made.plan))
    show_plan(made, options_out=str(out or ""))
    if made.plan.blocked or (fail_on and any(f.severity is Severity.ADVISORY for f in made.plan.findings)):
        return Exit.BLOCKED
    return Exit.CHANGES if detailed_exitcode and not made.plan.empty else Exit.OK


def show_plan(made: Made, *, options_out: str = "") -> None:
    """The plan in the format that was asked for."""
    options, found = said(), made.plan
    style = style_of(options)
    banner = context_settings(options, found.cluster.context).banner

    words = typed(options)

    def text(*, wide: bool = False) -> str:
        wide = wide or options.verbose > 0
        screen = plan_text(found, style, wide=wide, banner=banner, typed=words)
        if not options_out or (found.empty and not found.blocked):
            return screen
        return f"{screen}\n{saved_text(found, options_out, style, words, next_commands=hints(options))}"

    show(
        options,
        {
            "text": text,
            "wide": lambda: text(wide=True),
            "json": lambda: plan_document(found),
            "yaml": lambda: plan_yaml(found),
            "markdown": lambda: plan_markdown(found, made_file=options_out, banner=banner),
            "snapshot": lambda: pretty(made.mesh),
        },
    )
