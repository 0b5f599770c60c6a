"""What a run needs to be allowed is asked of the API server before anything is written, and the lock is the first write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from upgrader.cli.wiring import Connection
from upgrader.cluster.identity import may
from upgrader.cluster.read import webhooks_of
from upgrader.engine.keeping.folder import RunFolder
from upgrader.engine.no_return import undoing
from upgrader.model.change import HOME
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.failures import ClusterFailure
from upgrader.model.kinds import MUTATING_WEBHOOK, NAMESPACE, VALIDATING_WEBHOOK, Ref
from upgrader.model.snapshot import Webhook
from upgrader.planning.permissions import Ground, Permission, is_dispensable, needed
from upgrader.planning.permissions.ground import called_by
from upgrader.planning.plan import Plan
from upgrader.planning.record import Progress

_SHOWN = 12


def check_permissions(connection: Connection, plan: Plan, ground: Ground, until: str) -> None:
    """The API server would let us do every step up to *until*; all of them, and go back, where that is empty.

    Raises:
        UpgradeError: UPG-0302 naming what is missing.
    """
    _check(connection, plan, needed(plan, ground, until=until))


def check_left(connection: Connection, folder: RunFolder, until: str) -> None:
    """The same for what is left of a run, forward or back.

    Raises:
        UpgradeError: UPG-0302.
    """
    record = folder.record()
    plan = folder.plan_of(record)
    progress = Progress(plan, record)
    settled = {item.id for _, _, item in plan.items() if progress.is_settled(item)}
    ground, former = _ground(connection, plan), folder.plan() if record.going_back else None
    _check(connection, plan, needed(plan, ground, until=until, settled=settled, taking_back=former))


def check_way_back(connection: Connection, folder: RunFolder, until: str) -> None:
    """The same for taking back what a run began.

    Raises:
        UpgradeError: UPG-0302; as ``engine.no_return.undoing``.
    """
    plan = folder.plan()
    back = undoing(Progress(plan, folder.record()), folder)
    _check(connection, back, needed(back, _ground(connection, back), until=until, taking_back=plan))


def _ground(connection: Connection, plan: Plan) -> Ground:
    """What rights depend on, without a survey. What may not be read here is among the rights that are asked for."""
    reader = connection.reader
    try:
        webhooks = tuple(_webhooks(connection))
        homeless = reader.get(Ref(NAMESPACE, HOME)) is None
    except ClusterFailure:
        webhooks, homeless = (), False
    return Ground(
        served=tuple(reader.kinds()), called=called_by(webhooks, plan.root_namespace), homeless=homeless
    )


def _webhooks(connection: Connection) -> Iterator[Webhook]:
    for kind in (MUTATING_WEBHOOK, VALIDATING_WEBHOOK):
        yield from webhooks_of(connection.reader.list(kind))


def _check(connection: Connection, plan: Plan, wanted: Sequence[Permission]) -> None:
    missing = list(_missing(connection, wanted))
    if not missing:
        return
    raise UpgradeError(
        "UPG-0302",
        f"not allowed to do {len(missing)} of the {len(wanted)} things that are to be done",
        what=_grouped(missing),
        why="asked the API server before starting, so that the run does not stop half-way",
        do=(
            f"upgrade check --rbac --to {plan.path[-1]}      # the smallest roles, phase by phase",
            "kubectl auth can-i --list",
        ),
        exit_code=Exit.NO_PERMISSION,
    )


def _missing(connection: Connection, wanted: Sequence[Permission]) -> Iterator[Permission]:
    """What the API server does not allow, and no run can do without. Of many names of one kind it is asked first whether all are allowed."""
    insisted_on = (right for right in wanted if not is_dispensable(right))
    for (verb, kind, namespace), found in groupby(insisted_on, lambda p: (p.verb, p.kind, p.namespace)):
        rights = list(found)
        if len(rights) > 1 and may(connection.cluster, verb, kind, namespace=namespace):
            continue
        for one in rights:
            if not may(connection.cluster, verb, kind, namespace=namespace, name=one.name):
                yield one


def _grouped(missing: Sequence[Permission]) -> tuple[str, ...]:
    places = {(p.verb, p.kind.resource, p.namespace) for p in missing}
    lines = sorted(f"{verb} {plural}" + (f" in {space}" if space else "") for verb, plural, space in places)
    return tuple(lines[:_SHOWN]) + ((f"and {len(lines) - _SHOWN} more",) if len(lines) > _SHOWN else ())
