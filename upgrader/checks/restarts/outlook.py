"""What a restart of one workload means."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

import msgspec

from upgrader.checks.restarts.restart import How, Impact, Range, Restart
from upgrader.checks.restarts.surroundings import Surroundings
from upgrader.checks.restarts.times import PULL, Template, start_of, stop_of, template_of
from upgrader.model.rolling import Rolling, rolling
from upgrader.model.snapshot import Workload


class Pace(msgspec.Struct, frozen=True, eq=False):
    """How one replacement of all pods goes. One is made for all that are alike, so it is equal to itself alone.

    Attributes:
        surge: Pods above the wanted number that the strategy allows; quotas may take fewer.
        seen: How many pods told their start.
    """

    rolls: Rolling
    surge: int
    room: int | None
    template: Template
    start: Range
    seen: int
    stop: Range
    length: Range


def pace_of(workload: Workload, around: Surroundings) -> Pace:
    """How a restart of *workload* (Deployment, StatefulSet or DaemonSet) goes, and how long it takes."""
    found = around.paces.get(workload.key)
    if found is None:
        found = around.paces[workload.key] = _pace(workload, around)
    return found


def _pace(workload: Workload, around: Surroundings) -> Pace:
    live = around.live.get(workload.key, ())
    revision = live[0].revision if live else ""
    rolls, template = rolling(workload), template_of(workload)
    start, seen = start_of(workload, live, template.delay)
    room = around.room(workload, revision) if rolls.extra else None
    return _paced(rolls, room, template, start, seen, around.drain(revision), workload.min_ready)


@lru_cache(maxsize=4096)
def _paced(  # noqa: PLR0917  all that decides; of workloads that are alike it is worked out once
    rolls: Rolling,
    room: int | None,
    template: Template,
    start: Range,
    seen: int,
    drain: float,
    min_ready: int,
) -> Pace:
    surge = rolls.extra
    if room is not None and room < surge:
        rolls = msgspec.structs.replace(rolls, extra=room)
    stop = stop_of(template, drain)
    length = _length(rolls, (start, stop), timedelta(seconds=min_ready))
    return Pace(rolls, surge, room, template, start, seen, stop, length)


def outlook(
    workload: Workload, around: Surroundings, how: How = "restart", hops: tuple[int, ...] = ()
) -> Restart:
    """What a restart of *workload* means; *how* it comes about and in which hops, where that is known."""
    found = _restart(
        pace_of(workload, around),
        around.served(workload),
        workload.replicas,
        workload.strategy,
        workload.min_ready,
        how,
        hops,
    )
    return msgspec.structs.replace(
        found,
        workload=workload.key,
        gateway=workload.gateway_owner,
        budget=around.budget(workload),
        scaler=around.scaler(workload.ref),
    )


@lru_cache(maxsize=4096)
def _restart(  # noqa: PLR0917  likewise
    pace: Pace,
    served: bool | None,
    replicas: int,
    strategy: str,
    min_ready: int,
    how: How,
    hops: tuple[int, ...],
) -> Restart:
    """All but what is the workload's own."""
    rolls, probed = pace.rolls, pace.template.probed
    impact = impact_of(rolls, replicas, probed=probed, served=served)
    return Restart(
        workload="",
        how=how,
        hops=hops,
        impact=impact,
        strategy=strategy,
        replicas=replicas,
        lowest=rolls.lowest,
        surge=pace.surge,
        extra=rolls.extra,
        batches=rolls.batches,
        length=pace.length,
        gap=(pace.start + pace.stop if rolls.ends_first else pace.start) if impact == "outage" else None,
        start=pace.start,
        seen=pace.seen,
        stop=pace.stop,
        min_ready=timedelta(seconds=min_ready),
        probed=probed,
        served=served,
        room=pace.room,
    )


def impact_of(rolls: Rolling, replicas: int, *, probed: bool | None, served: bool | None) -> Impact:
    """The worst that holds."""
    if not replicas:
        return "asleep"
    if rolls.per_node:
        return "node" if rolls.down else "steady"
    if not rolls.lowest:
        return "outage"
    if served and probed is False:
        return "unproven"
    return "thin" if rolls.lowest < replicas else "steady"


def _length(rolls: Rolling, pod: tuple[Range, Range], waits: timedelta) -> Range:
    """All batches, and the end of the last old pods; where old ones end first, their end in every batch."""
    start, stop = pod
    pulled = Range(start.shortest + waits, start.longest + waits + timedelta(seconds=PULL))
    if rolls.ends_first:
        return (stop + pulled) * rolls.batches
    return pulled * rolls.batches + (stop if rolls.batches else Range())
