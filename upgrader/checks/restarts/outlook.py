"""What a restart of one workload means."""

from __future__ import annotations

from datetime import timedelta
from functools import lru_cache

import msgspec

from upgrader.checks.restarts.restart import Impact, Range, Restart
from upgrader.checks.restarts.surroundings import Surroundings
from upgrader.checks.restarts.times import PULL, containers, start_of, stop_of
from upgrader.model.rolling import Rolling, rolling
from upgrader.model.snapshot import Workload

PROXY = "istio-proxy"


def outlook(workload: Workload, around: Surroundings) -> Restart:
    """The restart of *workload* (Deployment, StatefulSet or DaemonSet), in no hop yet."""
    key = workload.key
    if key not in around.foreseen:
        around.foreseen[key] = _outlook(workload, around)
    return around.foreseen[key]


def _outlook(workload: Workload, around: Surroundings) -> Restart:
    live = around.live.get(workload.key, ())
    rolls = rolling(workload)
    room = around.room(workload, live[0].revision if live else "") if rolls.extra else None
    surge = rolls.extra
    extra = surge if room is None else min(surge, room)
    rolls = rolls if extra == surge else msgspec.structs.replace(rolls, extra=extra)
    start, seen = start_of(workload, live)
    stop, waits = stop_of(workload, around.drain(workload)), timedelta(seconds=workload.min_ready)
    probed, served = probed_of(workload), around.served(workload)
    impact = impact_of(rolls, workload.replicas, probed=probed, served=served)
    return Restart(
        workload=workload.key,
        gateway=workload.gateway_owner,
        impact=impact,
        strategy=workload.strategy,
        replicas=workload.replicas,
        lowest=rolls.lowest,
        surge=surge,
        extra=extra,
        batches=rolls.batches,
        length=_length(rolls, start, stop, waits),
        gap=(start + stop if rolls.ends_first else start) if impact == "outage" else None,
        start=start,
        seen=seen,
        stop=stop,
        min_ready=waits,
        probed=probed,
        served=served,
        budget=around.budget(workload),
        scaler=around.scaler(workload.ref),
        room=room,
    )


def probed_of(workload: Workload) -> bool | None:
    """Whether one of its containers says when it is ready; the proxy of a gateway does."""
    if workload.gateway:
        return True
    found = containers(workload)
    if any("readinessProbe" in c for c in found if c.get("name") != PROXY):
        return True
    return False if found else None


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
def _length(rolls: Rolling, start: Range, stop: Range, waits: timedelta) -> Range:
    """All batches, and the end of the last old pods; where old ones end first, their end in every batch."""
    pulled = Range(start.shortest + waits, start.longest + waits + timedelta(seconds=PULL))
    if rolls.ends_first:
        return (stop + pulled) * rolls.batches
    return pulled * rolls.batches + (stop if rolls.batches else Range())
