"""A snapshot that somebody stored, instead of a cluster: none is asked, and no kubeconfig is looked for."""

from __future__ import annotations

import gc
from pathlib import Path

import click
import msgspec

from upgrader.cli.input.options import Globals
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.snapshot import Snapshot, read_snapshot

SNAPSHOT = "snapshot.json"
_REACHING = ("context", "kubeconfig", "as_user", "as_group")


def stored_mesh(said: Globals, path: Path) -> Snapshot:
    """The snapshot in a file, or in a run directory.

    Raises:
        click.UsageError: a cluster was named as well.
        UpgradeError: UPG-0020.
    """
    named = next((name for name in _REACHING if name in said.given), "")
    if named:
        option = "as" if named == "as_user" else named.replace("_", "-")
        raise click.UsageError(f"--from asks no cluster, so --{option} means nothing; leave one of them out")
    place = path / SNAPSHOT if path.is_dir() else path
    try:
        found = read_snapshot(place.read_bytes())
    except OSError as error:
        raise _unusable(place, error.strerror or "it cannot be read") from error
    except msgspec.DecodeError as error:
        raise _unusable(place, " ".join(str(error).split())) from error
    gc.freeze()  # a snapshot stays until the process ends: a collector that walks all of it would find nothing
    gc.set_threshold(100_000, 20, 100)  # and so does the plan that is made from it
    return found


def _unusable(place: Path, reason: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0020",
        f"{place} is not a snapshot that can be read",
        what=(reason,),
        why="findings from half a snapshot would be silent about the other half",
        do=(
            "upgrade check -o snapshot=snapshot.json      # writes one, where the cluster can be reached",
            "upgrade check --from RUN/snapshot.json      # every run directory has one",
        ),
        exit_code=Exit.BAD_DATA,
    )
