"""Record a run for ``state/samples``: ``python -m tests.house.recording``, once for each release.

Later releases load and fold it, so that what is on somebody's disk today can still be read then.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.journeys.driving import Journey
from upgrader import __version__
from upgrader.cli.runs.applying import admit, run_files
from upgrader.engine.keeping.folder import PLAN, RunFolder
from upgrader.engine.keeping.journal import HEAD, NAME
from upgrader.planning.plan import named
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.world import World

SAMPLES = Path(__file__).parents[2] / "state/samples"
KEPT = (PLAN, NAME, HEAD)


def record(place: Path) -> RunFolder:
    """One hop of the shop on the virtual clock, with everything that would tell this machine left out."""
    world = World(kubernetes="1.33")
    load(world, "shop")
    journey = Journey.of(world, place, "shop")
    made = journey.plan("1.28")
    mesh = admit(journey.connection(), made, place / "runs")
    plan = named(msgspec.structs.replace(made, made_by="ana@bastion-2", manifests="manifests"))
    folder = RunFolder.create(place / "runs", "r-20260105-smpl", plan, run_files(made, mesh))
    journey.hold(folder, new=True)
    return folder


def main() -> None:
    """Record the sample of this release."""
    with tempfile.TemporaryDirectory() as place:
        folder = record(Path(place))
        kept = SAMPLES / __version__
        kept.mkdir(parents=True, exist_ok=True)
        for name in KEPT:
            shutil.copyfile(folder.path / name, kept / name)
    sys.stdout.write(f"{kept}\n")


if __name__ == "__main__":
    main()
