"""``upgrade apply``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from upgrader.cli.commands.look.plan import wish_of, wish_options
from upgrader.cli.input.configuration import context_settings
from upgrader.cli.input.consent import ask_to_start, parse_approvals
from upgrader.cli.input.options import Duration, Spoken, global_options, said
from upgrader.cli.input.places import runs_folder
from upgrader.cli.input.signals import EXITS
from upgrader.cli.output.screen import style_of, tell, typed
from upgrader.cli.runs.acting import Acting, Manner, acting
from upgrader.cli.runs.applying import admit, check_fit, manifests_of, run_files
from upgrader.cli.runs.making import make
from upgrader.cli.runs.rehearsing import rehearsal
from upgrader.cli.wiring import survey
from upgrader.engine.keeping.folder import RunFolder, new_run_id, read_plan
from upgrader.engine.looking.preview import Depth
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.step import counted
from upgrader.planning.outlook.estimate import estimate
from upgrader.planning.plan import Plan
from upgrader.report.plan.text import plan_text


def manner_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Options of everything that acts."""
    options = [
        click.option(
            "--approve", multiple=True, metavar="GATE[=NAME]", help="Pass this manual gate: h1.18=1-27-9."
        ),
        click.option(
            "--gate-wait",
            type=Duration(),
            help="How long a manual gate waits.  [30m on a terminal, 0 otherwise]",
        ),
        click.option("--until", metavar="STEP|WAVE|hop", help="Stop, at a safe point, after this."),
        click.option("--events", metavar="PATH", help="As -o jsonl=PATH."),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def manner_of(
    approve: tuple[str, ...],
    gate_wait: timedelta | None,
    until: str | None,
    events: str | None,
    *command: str,
) -> Manner:
    """What those options come to; ``--events`` joins the outputs of the call."""
    if events:
        options = said()
        options.output = (*options.output, f"jsonl={events}")
    return Manner(parse_approvals(approve), gate_wait, until or "", command)


@click.command("apply", cls=Spoken)
@click.argument("plan_file", metavar="[PLAN]", required=False, type=click.Path(path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Start without asking. Passes no gate, no blocker, no drift.")
@click.option("--ask", is_flag=True, help="Ask even for a saved plan.")
@click.option(
    "--dry-run",
    type=click.Choice(["server", "client"]),
    is_flag=False,
    flag_value="server",
    help="Rehearse; nothing is stored.",
)
@wish_options
@manner_options
@global_options
def apply(  # noqa: PLR0917  click hands over what the user said
    plan_file: Path | None,
    yes: bool,
    ask: bool,
    dry_run: str | None,
    approve: tuple[str, ...],
    gate_wait: timedelta | None,
    until: str | None,
    events: str | None,
    **given: Any,
) -> int:
    """Carry out a saved plan, or plan, ask and carry out.

    \b
    upgrade apply plan.json
    upgrade apply plan.json --dry-run=server
    upgrade apply --to 1.29 --yes
    """
    wished = sorted(name for name, value in given.items() if value)
    if plan_file is not None and wished:
        raise click.UsageError(
            f"--{wished[0].replace('_', '-')} is an option of planning; {plan_file} is planned already"
        )
    options = said()
    manner = manner_of(approve, gate_wait, until, events, "apply", str(plan_file or ""))
    with acting(options) as ready:
        plan = (
            read_plan(plan_file)
            if plan_file is not None
            else make(ready.connection, options, wish_of(given)).plan
        )
        if dry_run:
            depth: Depth = "server" if dry_run == "server" else "client"
            return rehearsal(ready, plan, depth, manifests_of(plan, plan_file))
        return _apply(ready, plan, manner, plan_file, ask=ask or (plan_file is None and not yes))


def _apply(ready: Acting, plan: Plan, manner: Manner, plan_file: Path | None, *, ask: bool) -> int:
    options, shown = ready.said, plan_file is None
    here = context_settings(options, plan.cluster.context)
    if shown and here.require_saved_plan:
        raise _needs_a_saved_plan(plan)
    if shown:
        screen = plan_text(plan, style_of(options, error=True), banner=here.banner, typed=typed(options))
        tell(options, screen + "\n")
    runs = runs_folder(options)
    mesh = admit(ready.connection, plan, runs, manner.until)
    if plan.empty:
        click.echo(f"Nothing to do: the mesh is at {plan.path[0] if plan.path else 'no version'}.")
        return Exit.OK
    if ask:
        ask_to_start(options, plan.cluster.context, _facts(plan), f"Upgrade this mesh to {plan.path[-1]}?")
        mesh = survey(ready.connection)
        check_fit(plan, mesh)
    if ready.stop.wanted():
        tell(options, "Stopped before anything was begun. Nothing was changed.")
        return EXITS[ready.stop.wanted()]
    run = new_run_id(ready.connection.clock.now())
    folder = RunFolder.create(runs, run, plan, run_files(plan, mesh, plan_file))
    tell(options, f"run {run}: records in {folder.path}")
    return ready.drive(folder, manner, new=True)


def _facts(plan: Plan) -> str:
    """What a yes means."""
    steps = counted(sum(1 for _ in plan.items()), "step")
    last = next((item.id for _, _, item in plan.items() if item.mark == "-"), "")
    back = f"until {last}; from then on going back is a reinstall" if last else "at any time"
    return "\n".join(
        [
            f"Path       {' -> '.join(plan.path)}: {steps}, about {estimate(plan)}",
            f"Way back   upgrade rollback, {back}",
        ]
    )


def _needs_a_saved_plan(plan: Plan) -> UpgradeError:
    return UpgradeError(
        "UPG-0019",
        f"context {plan.cluster.context} takes saved plans only",
        what=("its setting require_saved_plan is true",),
        why="what is changed there is reviewed first",
        do=("upgrade plan --out plan.json && upgrade apply plan.json",),
        exit_code=Exit.BLOCKED,
    )
