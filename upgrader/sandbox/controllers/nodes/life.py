"""A pod's life as a function of the moment: nothing is remembered but what the pod's status says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from upgrader.sandbox.clock import parse_stamp, stamp
from upgrader.sandbox.controllers.nodes import containers as rows
from upgrader.sandbox.store import Obj

_BACKOFF, _LONGEST = 10.0, 300.0
"""Seconds the kubelet waits before the first restart, doubled each time, and at most."""


@dataclass(frozen=True, slots=True)
class Plan:
    """When what happens to a pod, if nothing else comes between.

    Attributes:
        up: Containers run; None when an image cannot be pulled.
        ready: All are ready; None when they never are.
        done: The work ends; None when it goes on for ever.
        crashes: The workers end with an error as soon as they run.
    """

    born: datetime
    up: datetime | None
    ready: datetime | None
    done: datetime | None = None
    crashes: bool = False
    broken: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """What a kubelet sees of a pod at a moment, and when it has to look again."""

    phase: str
    init: list[Obj]
    containers: list[Obj]
    initialized: bool
    again: datetime | None = None

    @property
    def ready(self) -> bool:
        """Whether the containers are, native sidecars included."""
        return self.phase == "Running" and all(row["ready"] for row in [*self.init, *self.containers])


def look(pod: Obj, plan: Plan, now: datetime) -> Look:
    """The pod at a moment."""
    if plan.up is None or now < plan.up:
        return _before(pod, plan, now)
    if plan.crashes:
        return _crash(pod, plan, now)
    if plan.done is not None and now >= plan.done:
        return _after(pod, plan)
    ready = plan.ready is not None and now >= plan.ready
    again = _earliest(now, plan.ready, plan.done)
    up, uid = stamp(plan.up), pod["metadata"]["uid"]
    known = _restarts(pod)
    shown = [
        rows.running(uid, c, up, ready=ready, restarts=known.get(c["name"], 0))
        for c in pod["spec"]["containers"]
    ]
    return Look("Running", list(_init(pod, plan, ready=ready)), shown, initialized=True, again=again)


def _before(pod: Obj, plan: Plan, now: datetime) -> Look:
    spec = pod["spec"]
    begun = spec.get("initContainers") or []
    reason = "PodInitializing" if begun else "ContainerCreating"
    shown = [rows.waiting(each, reason) for each in spec["containers"]]
    init = [rows.waiting(each, "PodInitializing") for each in begun]
    if plan.up is None:
        shown = [rows.waiting(each, *_pull(each, plan)) for each in spec["containers"]]
    return Look("Pending", init, shown, initialized=not begun, again=_earliest(now, plan.up))


def _pull(container: Obj, plan: Plan) -> tuple[str, str]:
    image = container.get("image", "")
    if plan.broken and image != plan.broken:
        return "ContainerCreating", ""
    return "ImagePullBackOff", f'Back-off pulling image "{image}"'


def _init(pod: Obj, plan: Plan, *, ready: bool) -> Iterator[Obj]:
    uid, since, until = pod["metadata"]["uid"], stamp(plan.born), stamp(plan.up or plan.born)
    known = _restarts(pod)
    for each in pod["spec"].get("initContainers") or ():
        if rows.is_native(each):
            yield rows.running(uid, each, until, ready=ready, restarts=known.get(each["name"], 0))
        else:
            yield rows.ended(uid, each, since, until) | {"ready": True}


def _after(pod: Obj, plan: Plan) -> Look:
    """The work is done; a proxy that is an ordinary container goes on, so that such a pod never ends."""
    uid, up, done = pod["metadata"]["uid"], stamp(plan.up or plan.born), stamp(plan.done or plan.born)
    spec = pod["spec"]
    busy = {each["name"] for each in rows.workers(spec)}
    shown = [
        rows.ended(uid, each, up, done) if each["name"] in busy else rows.running(uid, each, up, ready=True)
        for each in spec["containers"]
    ]
    if len(busy) < len(spec["containers"]):
        return Look("Running", list(_init(pod, plan, ready=True)), shown, initialized=True)
    init = [rows.ended(uid, each, stamp(plan.born), done) for each in spec.get("initContainers") or ()]
    return Look("Succeeded", [row | {"ready": True} for row in init], shown, initialized=True)


def _crash(pod: Obj, plan: Plan, now: datetime) -> Look:
    uid, up = pod["metadata"]["uid"], stamp(plan.up or plan.born)
    busy = {each["name"] for each in rows.workers(pod["spec"])}
    if pod["spec"].get("restartPolicy") == "Never":
        shown = [
            rows.ended(uid, each, up, up, code=1) if each["name"] in busy else rows.ended(uid, each, up, up)
            for each in pod["spec"]["containers"]
        ]
        return Look("Failed", list(_init(pod, plan, ready=False)), shown, initialized=True)
    shown, again = [], None
    for each in pod["spec"]["containers"]:
        if each["name"] not in busy:
            shown.append(
                rows.running(uid, each, up, ready=True, restarts=_restarts(pod).get(each["name"], 0))
            )
            continue
        row, again = _fallen(pod, each, now)
        shown.append(row)
    return Look("Running", list(_init(pod, plan, ready=True)), shown, initialized=True, again=again)


def _fallen(pod: Obj, container: Obj, now: datetime) -> tuple[Obj, datetime]:
    """The row of a container that crashed, and when it is started next; each start ends at once."""
    uid, text = pod["metadata"]["uid"], stamp(now)
    old = _rows(pod).get(container["name"]) or {}
    count = old.get("restartCount", 0)
    last = (old.get("lastState") or {}).get("terminated")
    if "waiting" not in (old.get("state") or {}) or last is None:
        told = rows.terminated(uid, container, text, text, code=1, restarts=count)
        return rows.crashing(uid, container, told, count), _next(now, count)
    due = _next(parse_stamp(last["finishedAt"]), count)
    if now < due:
        return old, due
    told = rows.terminated(uid, container, text, text, code=1, restarts=count + 1)
    return rows.crashing(uid, container, told, count + 1), _next(now, count + 1)


def _next(moment: datetime, restarts: int) -> datetime:
    whole = moment.replace(microsecond=0)
    return whole + timedelta(seconds=min(_LONGEST, _BACKOFF * 2 ** min(restarts, 8)))


def _rows(pod: Obj) -> dict[str, Obj]:
    status = pod.get("status") or {}
    both = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    return {row["name"]: row for row in both}


def _restarts(pod: Obj) -> dict[str, int]:
    return {name: row.get("restartCount", 0) for name, row in _rows(pod).items()}


def _earliest(now: datetime, *moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None and moment > now), default=None)


def broken_by(plan: Plan, image: str = "") -> Plan:
    """The same life, but an image cannot be pulled: one, or with an empty text all."""
    return replace(plan, up=None, ready=None, done=None, broken=image)
