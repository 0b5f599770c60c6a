"""``upgrade sandbox``: a cluster with a mesh in memory, served until it is stopped."""

from __future__ import annotations

from pathlib import Path

import click

from upgrader.cli.input.options import SpokenGroup, global_options, said, showing_options
from upgrader.cli.input.signals import listening
from upgrader.cli.output.screen import show
from upgrader.host.clock import SystemClock
from upgrader.model.codec import pretty
from upgrader.model.errors import Exit, UpgradeError


@click.group("sandbox", cls=SpokenGroup)
@global_options
def sandbox() -> None:
    """A Kubernetes API server with workloads and a mesh, in memory."""


@sandbox.command("list")
@global_options
def list_() -> int:
    """Show the scenarios."""
    from upgrader.cli.wiring import scenarios

    rows = scenarios()
    show(
        said(),
        {
            "text": lambda: "\n".join(f"{name:14} {about}" for name, about, _ in rows),
            "json": lambda: pretty([{"name": n, "about": a, "target": t} for n, a, t in rows]).rstrip(),
        },
    )
    return Exit.OK


@sandbox.command("start")
@click.argument("scenario", default="shop")
@click.option(
    "--listen",
    default="127.0.0.1:0",
    metavar="HOST:PORT",
    help="Where to serve; port 0 picks a free one.",
    show_default=True,
)
@click.option(
    "--kubeconfig",
    "place",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Appears when the cluster is ready.  [./sandbox/kubeconfig]",
)
@click.option(
    "--kubernetes", metavar="MINOR", help="Kubernetes minor such as 1.33; the scenario's own otherwise."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0.01, max=10_000),
    default=1.0,
    help="How much faster than real time the cluster lives.",
    show_default=True,
)
@click.option(
    "--audit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every request to this file as JSON Lines.",
)
@click.option("--rbac", is_flag=True, help="Users other than admin (try --as) may do what roles allow.")
@showing_options
def start(  # noqa: PLR0917  click hands over what the user said
    scenario: str,
    listen: str,
    place: Path | None,
    kubernetes: str | None,
    speed: float,
    audit: Path | None,
    rbac: bool,
) -> int:
    """Serve a scenario until stopped with Ctrl-C.

    \b
    upgrade sandbox start shop --speed 20
    upgrade sandbox start empty --kubernetes 1.34 --listen 127.0.0.1:8001
    """
    from upgrader.cli.wiring import Sandbox, scenarios

    known = {name: target for name, _, target in scenarios()}
    if scenario not in known:
        raise UpgradeError(
            "UPG-0017", f"there is no scenario {scenario!r}", what=(f"there are: {', '.join(known)}",),
            do=("upgrade sandbox list",), exit_code=Exit.USAGE,
        )  # fmt: skip
    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise click.UsageError(f"--listen {listen}: HOST:PORT is needed, such as 127.0.0.1:8001")
    path = (place or Path("sandbox/kubeconfig")).absolute()
    path.parent.mkdir(parents=True, exist_ok=True)
    with listening(SystemClock().boottime, quiet=True) as stop:
        clock = SystemClock(lambda: bool(stop.wanted()))
        box = Sandbox(scenario, kubernetes or "", speed, rbac=rbac)
        with box.serve(host, int(port), path, audit):
            click.echo(_welcome(path, scenario, known[scenario]))
            while not stop.wanted():
                clock.sleep(3600.0)
    return Exit.OK


def _welcome(path: Path, scenario: str, target: str) -> str:
    told = f"--kubeconfig {path}"
    lines = [f"Serving {scenario}. Kubeconfig: {path}", "", "Try    kubectl " + told + " get pods -A"]
    if target:
        lines.append(f"       upgrade plan --to {target} --out plan.json {told}")
        lines.append(f"       upgrade apply plan.json {told}")
    else:
        lines.append(f"       kubectl {told} create namespace shop")
        lines.append(f"       upgrade check {told}")
    return "\n".join([*lines, "", "Stop with Ctrl-C; nothing is kept."])
