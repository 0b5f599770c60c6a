"""What a restart of one workload means."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from upgrader.checks.restarts.restart import Impact, Range, Restart
from upgrader.checks.restarts.surroundings import Surroundings
from upgrader.checks.restarts.times import PULL, Template, start_of, stop_of, template_of
from upgrader.model.rolling import Rolling, rolling
from upgrader.model.snapshot import Workload


class Pace(NamedTuple):
    """How one replacement of all pods goes.

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
    rolls = rolling(workload)
    surge = rolls.extra
    room = around.room(workload, revision) if surge else None
    if room is not None and room < surge:
        rolls = msgspec.structs.replace(rolls, extra=room)
    template = template_of(workload)
    start, seen = start_of(workload, live, template.delay)
    stop = stop_of(template, around.drain(revision))
    length = _length(rolls, (start, stop), timedelta(seconds=workload.min_ready))
    return Pace(rolls, surge, room, template, start, seen, stop, length)


def outlook(workload: Workload, around: Surroundings, **how: Any) -> Restart:
    """What a restart of *workload* means; *how* it comes about and in which hops, where that is known."""
    pace = pace_of(workload, around)
    rolls, probed, served = pace.rolls, pace.template.probed, around.served(workload)
    impact = impact_of(rolls, workload.replicas, probed=probed, served=served)
    return Restart(
        workload=workload.key,
        gateway=workload.gateway_owner,
        impact=impact,
        strategy=workload.strategy,
        replicas=workload.replicas,
        lowest=rolls.lowest,
        surge=pace.surge,
        extra=rolls.extra,
        batches=rolls.batches,
        length=pace.length,
        gap=(pace.start + pace.stop if rolls.ends_first else pace.start) if impact == "outage" else None,
        start=pace.start,
        seen=pace.seen,
        stop=pace.stop,
        min_ready=timedelta(seconds=workload.min_ready),
        probed=probed,
        served=served,
        budget=around.budget(workload),
        scaler=around.scaler(workload.ref),
        room=pace.room,
        **how,
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


@lru_cache(maxsize=4096)
def _length(rolls: Rolling, pod: tuple[Range, Range], waits: timedelta) -> Range:
    """All batches, and the end of the last old pods; where old ones end first, their end in every batch."""
    start, stop = pod
    pulled = Range(start.shortest + waits, start.longest + waits + timedelta(seconds=PULL))
    if rolls.ends_first:
        return (stop + pulled) * rolls.batches
    return pulled * rolls.batches + (stop if rolls.batches else Range())
