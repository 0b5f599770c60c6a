"""Where a run may still turn back, and what must hold before it no longer can."""

from __future__ import annotations

from collections.abc import Callable

from upgrader.engine.driving.wait import Patience
from upgrader.engine.keeping.folder import RunFolder
from upgrader.model.change import HOME
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.kinds import NAMESPACE, Ref
from upgrader.model.step import Reader
from upgrader.planning.inverse import undo
from upgrader.planning.plan import Gate, Plan
from upgrader.planning.record import Progress

_AGAIN, _PAUSE = 3, 5.0
"""How often the record is copied again before what cannot be taken back, and how many seconds apart."""


def undoing(progress: Progress, folder: RunFolder) -> Plan:
    """The plan that takes back what was begun of the current hop.

    Raises:
        UpgradeError: UPG-0803: the old revision's removal has begun; UPG-0801: there is nothing to take back.
    """
    if progress.record.going_back and progress.record.closed is None:
        return folder.plan_of(progress.record)
    hop = progress.hop_of(progress.record.hop)
    if hop is None or progress.record.closed is not None:
        raise _nothing_to_take_back(folder.run)
    if progress.retire_begun(hop):
        raise _retired(folder.run, hop.old)
    begun = progress.record.started
    items = frozenset(i.id for i in hop.items() if i.id in begun and not isinstance(i.action, Gate))
    return undo(progress.plan, hop.number, items)


def same_cluster(plan: Plan, reader: Reader) -> None:
    """The cluster that answers is the one that the plan was made for, by the uid of ``kube-system``.

    Raises:
        UpgradeError: UPG-0402.
    """
    home = reader.get(Ref(NAMESPACE, "kube-system"))
    found = str(home["metadata"]["uid"]) if home is not None else "without kube-system"
    if found == plan.cluster.uid:
        return
    raise UpgradeError(
        "UPG-0402",
        "what answers is another cluster than the one of the plan",
        what=(f"the plan is for cluster {plan.cluster.uid[:8]}, this one is {found[:20]}",),
        why="a plan names the objects of one cluster and was reviewed for it",
        do=("kubectl config get-contexts",),
        exit_code=Exit.STALE,
        left="Nothing more was sent.",
    )


def kept(keep: Callable[[], str], patience: Patience) -> str:
    """Why the record could not be copied, after some tries; empty when it was.

    One lost answer is no reason to stop a run that has come this far.

    Args:
        keep: Copies what is new; returns why it could not.
        patience: How the engine waits.
    """
    trouble = keep()
    for _ in range(_AGAIN):
        if not trouble:
            break
        patience.pause(_PAUSE)
        trouble = keep()
    return trouble


def no_copy(run: str, trouble: str) -> UpgradeError:
    """UPG-0505: the record would be on this machine alone."""
    return UpgradeError(
        "UPG-0505",
        "the old revision is not removed while the cluster has no copy of the record",
        what=(trouble,),
        why="from here on there is no way back, so the record must outlive this machine",
        do=(f"kubectl auth can-i create configmaps -n {HOME}", f"upgrade resume {run}"),
        exit_code=Exit.STEP_FAILED,
        left="The old revision is untouched. The run stays open.",
    )


def _nothing_to_take_back(run: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0801",
        f"run {run} has nothing to take back",
        why="it is over, or nothing of it was begun",
        do=(f"upgrade status {run}",),
        exit_code=Exit.BLOCKED,
    )


def _retired(run: str, old: str) -> UpgradeError:
    return UpgradeError(
        "UPG-0803",
        f"rollback needs revision {old}, whose removal has begun",
        what=(f"run {run} is past the point where the old revision still serves",),
        why="going back now means installing the old version again: that is an upgrade of its own, with its own plan",
        do=(f"upgrade resume {run}      # finish this hop",),
        exit_code=Exit.BLOCKED,
    )
