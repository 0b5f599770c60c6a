"""One plan from a stored snapshot, timed: ``python -m tests.stored SNAPSHOT MANIFESTS TARGET`` prints seconds as JSON.

A process of its own, as ``upgrade plan --from`` is one: what else is in memory slows the reading down.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import perf_counter

import msgspec

from upgrader.catalog import load_catalog
from upgrader.checks import CHECKS, Context, run_checks
from upgrader.checks.advisories.choosing import advisories_along
from upgrader.cli.input.options import Globals
from upgrader.cli.input.places import playbook_path
from upgrader.cli.input.stored import stored_mesh
from upgrader.cli.runs.choosing import Way, Wish, from_folder
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version
from upgrader.planning.planner import Request, make_plan
from upgrader.planning.route import running
from upgrader.playbook.load import load_playbook


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds.

    Attributes:
        other: Reading catalog, playbook and manifests: the same for every mesh.
        dearest: Name of each check to what it takes alone.
    """

    hops: int
    read: float
    other: float
    checks: float
    plan: float
    dearest: dict[str, float]


def main(snapshot: Path, manifests: Path, target: str) -> None:
    """Read, look, plan, and say how long each took."""
    start = perf_counter()
    mesh = stored_mesh(Globals(), snapshot)
    read = perf_counter()
    context, request = _ground(mesh, manifests, target)
    ready = perf_counter()
    report = run_checks(mesh, context)
    checked = perf_counter()
    plan = make_plan(msgspec.structs.replace(request, findings=report.findings, checks=report.ran))
    planned = perf_counter()
    spent = Spent(
        hops=len(plan.hops),
        read=read - start,
        other=ready - read,
        checks=checked - ready,
        plan=planned - checked,
        dearest=_each(stored_mesh(Globals(), snapshot), context),
    )
    sys.stdout.write(msgspec.json.encode(spent).decode())


def _ground(mesh: Snapshot, manifests: Path, target: str) -> tuple[Context, Request]:
    plane, catalog = running(mesh), load_catalog(None)
    assert plane is not None
    way = Way(Wish(to=target), Version.parse(plane.version), mesh, catalog)
    found = from_folder(manifests, way)
    path = (way.here, *found.targets)
    playbook = load_playbook(playbook_path("quick"))
    request = Request(mesh=mesh, path=found.targets, releases=found.releases, playbook=playbook, made=mesh.at)
    return Context(path=path, catalog=catalog, advisories=advisories_along(path)), request


def _each(mesh: Snapshot, context: Context) -> dict[str, float]:
    found: dict[str, float] = {}
    for check in CHECKS:
        began = perf_counter()
        for _ in check(mesh, context):
            pass
        found[check.__name__] = perf_counter() - began
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
