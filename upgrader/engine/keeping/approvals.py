"""Approvals that another terminal leaves in the run directory; the process that drives the run journals them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import msgspec

from upgrader.host.files import atomic_write, private_directory
from upgrader.model.codec import decode, pretty
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.event import Approved
from upgrader.planning.plan import Gate, Planned
from upgrader.planning.record import Progress

FOLDER = "approvals"


def leave_approval(
    folder: Path, progress: Progress, step: str, *, by: str, confirm: str, at: datetime
) -> Planned:
    """Write the approval of a manual gate down; returns the gate.

    Raises:
        UpgradeError: UPG-0702: there is no such gate, it is over, or the typed name is not the one it asks for.
    """
    item = next((i for _, _, i in progress.plan.items() if i.id == step), None)
    gates = [i.id for _, _, i in progress.left() if isinstance(i.action, Gate) and i.action.approval]
    if item is None or not isinstance(item.action, Gate) or not item.action.approval:
        raise _refused(f"{step} is no manual gate of this run", gates)
    if progress.is_settled(item):
        raise _refused(f"gate {step} is passed already", gates)
    wanted = item.action.approval
    if wanted not in {"yes", confirm}:
        raise _refused(
            f"gate {step} needs the name {wanted} typed",
            gates,
            f"upgrade approve RUN {step} --confirm {wanted}",
        )
    place = private_directory(folder / FOLDER) / f"{item.id}.json"
    atomic_write(place, pretty(Approved(at=at, step=step, by=by, confirm=confirm)).encode())
    return item


def find_approval(folder: Path, item: Planned, gate: Gate) -> Approved | None:
    """The approval that was left for this gate, if it says what the gate asks for."""
    try:
        found = decode((folder / FOLDER / f"{item.id}.json").read_bytes(), Approved)
    except (OSError, msgspec.ValidationError, msgspec.DecodeError):
        return None
    return found if found.step == item.id and gate.approval in {"yes", found.confirm} else None


def _refused(headline: str, gates: list[str], do: str = "") -> UpgradeError:
    return UpgradeError(
        "UPG-0702",
        headline,
        what=(f"manual gates still ahead: {', '.join(gates) or 'none'}",),
        why="a consent is for one gate, and for what it says",
        do=(do,) if do else ("upgrade status RUN",),
        exit_code=Exit.USAGE,
    )
