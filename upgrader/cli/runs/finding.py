"""Which run the user means."""

from __future__ import annotations

import difflib
from pathlib import Path

from upgrader.cli.wiring import Connection
from upgrader.engine.keeping.folder import RunFolder, runs_in
from upgrader.engine.keeping.mirror import bring, mirrored
from upgrader.model.errors import Exit, UpgradeError


def local_run(runs: Path, named: str | None) -> RunFolder | None:
    """The run called *named*, or the latest one, of the folder; None when it is not here."""
    if named and (Path(named) / "plan.json").is_file():
        return RunFolder(Path(named).resolve())
    found = runs_in(runs)
    if named:
        return next((one for one in found if one.run == named), None)
    return found[-1] if found else None


def open_run(connection: Connection, runs: Path, named: str | None) -> RunFolder:
    """The run called *named*, or the latest of this cluster that is not over; from here, or from the cluster's copy.

    Raises:
        UpgradeError: UPG-0504: there is none; UPG-0402: it is of another cluster.
    """
    here = local_run(runs, named) if named else _latest_open(connection, runs)
    if here is not None:
        _same_cluster(connection, here)
        return here
    copies = mirrored(connection.reader)
    if named and named in copies:
        return bring(connection.reader, named, runs)
    away = None if named else next((run for run in reversed(copies) if not (runs / run).exists()), None)
    if away is not None:
        return bring(connection.reader, away, runs)
    raise no_run(named, runs, [f.run for f in runs_in(runs)] + copies)


def latest_here(connection: Connection, runs: Path) -> RunFolder | None:
    """The latest readable run of this cluster, over or not."""
    for one in reversed(runs_in(runs)):
        try:
            if one.plan().cluster.uid == connection.id.uid:
                return one
        except UpgradeError:
            continue
    return None


def _latest_open(connection: Connection, runs: Path) -> RunFolder | None:
    """The latest open run of this cluster. One that cannot be read only counts when there is no other."""
    unreadable: UpgradeError | None = None
    for one in reversed(runs_in(runs)):
        try:
            if one.plan().cluster.uid == connection.id.uid and one.record().closed is None:
                return one
        except UpgradeError as error:
            unreadable = unreadable or error
    if unreadable is not None:
        raise unreadable
    return None


def _same_cluster(connection: Connection, folder: RunFolder) -> None:
    plan = folder.plan()
    if plan.cluster.uid != connection.id.uid:
        raise UpgradeError(
            "UPG-0402",
            f"run {folder.run} is of another cluster",
            what=(
                f"it began on context {plan.cluster.context} (cluster {plan.cluster.uid[:8]})",
                f"the current context {connection.id.context} is cluster {connection.id.uid[:8]}",
            ),
            why="a run goes on where it began",
            do=(f"upgrade resume {folder.run} --context {plan.cluster.context}",),
            exit_code=Exit.STALE,
        )


def no_run(named: str | None, runs: Path, known: list[str]) -> UpgradeError:
    """UPG-0504: nothing to go on with."""
    shown = ", ".join(sorted(set(known))[-5:])
    near = difflib.get_close_matches(named or "", known, 1)
    return UpgradeError(
        "UPG-0504",
        f"there is no run {named}" if named else "there is no open run",
        what=(
            f"looked in {runs} and in the cluster",
            *((f"known: {shown}",) if shown else ()),
            *((f"did you mean {near[0]}?",) if near else ()),
        ),
        why="a run begins with apply",
        do=("upgrade plan --out plan.json && upgrade apply plan.json",),
        exit_code=Exit.USAGE,
    )
