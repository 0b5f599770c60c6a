"""Before a run goes on: what the record says is done must still be so."""

from __future__ import annotations

from typing import Any

from upgrader.engine.driving.wait import looked
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure
from upgrader.model.step import Reader, Verdict, missing
from upgrader.planning.plan import Gate, Planned
from upgrader.planning.record import Progress, Standing
from upgrader.steps import AnyStep, BackUp, RemoveObjects, ScalePlane


def recheck(progress: Progress, reader: Reader) -> Standing:
    """Look at every step of the current hop."""
    hop = progress.current_hop()
    items = list(hop.items()) if hop is not None else []
    settled = [i for i in items if progress.is_settled(i)]
    retiring = hop is not None and progress.retire_begun(hop)
    still: list[Planned] = []
    broken: list[tuple[Planned, str]] = []
    for item in _latest(progress, items):
        if isinstance(item.action, Gate) or (retiring and isinstance(item.action, ScalePlane | BackUp)):
            continue
        if isinstance(item.action, BackUp) and not _is_here(item.action, reader):
            continue
        reading = looked(lambda a=item.action: a.verify(reader))  # type: ignore[misc]
        if reading.verdict is Verdict.BROKEN:
            broken.append((item, reading.summary))
    still = [i for i in settled if i not in [b for b, _ in broken]]
    todo = [i for i in items if not progress.is_settled(i)]
    true_now = {i.id for i in todo if _is_true(i, reader)}
    begun = progress.record.started
    return Standing(
        still=tuple(still),
        finished=tuple(i for i in todo if i.id in true_now and i.id in begun),
        elsewhere=tuple(i for i in todo if i.id in true_now and i.id not in begun),
        left=tuple(i for i in (x for _, _, x in progress.left()) if i.id not in true_now),
        broken=tuple(broken),
    )


def without_backup(progress: Progress, reader: Reader) -> list[str]:
    """Backups of the current hop that were made on another machine: the cluster's copy of a run does not hold them."""
    hop = progress.current_hop()
    made = [i.action for i in hop.items() if progress.is_settled(i)] if hop is not None else []
    return [step.folder for step in made if isinstance(step, BackUp) and not _is_here(step, reader)]


def _is_here(step: BackUp, reader: Reader) -> bool:
    return reader.saved(f"{step.folder}/index.json") is not None


def refuse_drift(standing: Standing, run: str) -> None:
    """Go on only if nothing that was done was undone.

    Raises:
        UpgradeError: UPG-0404: a step recorded as done is not true any more.
    """
    if not standing.broken:
        return
    raise UpgradeError(
        "UPG-0404",
        "the cluster no longer fits the record of this run",
        what=tuple(f"{item.id} {item.title}: {found}" for item, found in standing.broken),
        why="somebody changed what this run had done; going on would build on something that is not there",
        do=("put it back, then: " + f"upgrade resume {run}", f"or go back: upgrade rollback {run}"),
        exit_code=Exit.STALE,
        left="Resume changed nothing.",
    )


def _is_true(item: Planned, reader: Reader) -> bool:
    """Whether a step still to do has nothing missing and holds."""
    action = item.action
    if isinstance(action, Gate | BackUp | RemoveObjects | ScalePlane):
        return False
    try:
        if missing(action, reader):
            return False
        return action.verify(reader).verdict is Verdict.HOLDS
    except (ClusterFailure, UpgradeError):
        return False


def _latest(progress: Progress, items: list[Planned]) -> list[Planned]:
    """Steps that are done and meant to be true now: of several about the same thing only the last that was begun.

    Where that one is still under way it may have been carried out already, and none of them is asked.
    """
    last: dict[Any, Planned] = {}
    for item in items:
        if progress.is_settled(item) or item.id in progress.record.started:
            last[item.id if isinstance(item.action, Gate) else _about(item.action)] = item
    return [item for item in last.values() if progress.is_settled(item)]


def _about(step: AnyStep) -> tuple[Any, ...]:
    fields = ("ref", "namespace", "tag", "part", "folder", "objects")
    return type(step), *(getattr(step, name, None) for name in fields)
