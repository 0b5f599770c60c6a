"""Reading and writing of conditions, and what they make of a pod."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from upgrader.sandbox.controllers.cluster import after
from upgrader.sandbox.store import Obj

ENDED = frozenset({"Succeeded", "Failed"})


def condition(obj: Obj, kind: str) -> Obj | None:
    """A condition of an object's status, or None."""
    for each in (obj.get("status") or {}).get("conditions") or ():
        if each["type"] == kind:
            found: Obj = each
            return found
    return None


def holds(obj: Obj, kind: str) -> bool:
    """Whether a condition is there and True."""
    found = condition(obj, kind)
    return found is not None and found["status"] == "True"


def is_deleted(obj: Obj) -> bool:
    """Whether the object is on its way out."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def phase(pod: Obj) -> str:
    """The pod's phase; Pending while nobody said anything."""
    return (pod.get("status") or {}).get("phase") or "Pending"


def is_active(pod: Obj) -> bool:
    """Whether a pod neither ended nor is being deleted."""
    return not is_deleted(pod) and phase(pod) not in ENDED


def is_ready(pod: Obj) -> bool:
    """Whether the pod's Ready condition holds."""
    return holds(pod, "Ready")


def available_from(pod: Obj, min_ready: int) -> datetime | None:
    """The moment a ready pod counts as available; None while it is not ready."""
    found = condition(pod, "Ready")
    if found is None or found["status"] != "True":
        return None
    return after(found["lastTransitionTime"], min_ready)


def with_condition(conditions: Iterable[Obj], wanted: Obj, now: str, *, updated: bool = False) -> list[Obj]:
    """Conditions in which one is as wanted; its time of transition moves with its status only.

    Args:
        conditions: What there was; not changed.
        wanted: type, status and whatever else the kind of object carries.
        now: The moment as objects carry it.
        updated: The kind has lastUpdateTime too; it moves whenever this is called.
    """
    found = list(conditions)
    old = next((each for each in found if each["type"] == wanted["type"]), None)
    moved = old is None or old["status"] != wanted["status"]
    times = {"lastTransitionTime": now if old is None or moved else old["lastTransitionTime"]}
    made = wanted | ({"lastUpdateTime": now} if updated else {}) | times
    if old is None:
        return [*found, made]
    return [made if each is old else each for each in found]


def without_condition(conditions: Iterable[Obj], kind: str) -> list[Obj]:
    """Conditions but one."""
    return [each for each in conditions if each["type"] != kind]


def counters(numbers: dict[str, int]) -> Obj:
    """Numbers as Go writes them with omitempty: without zeros."""
    return {word: number for word, number in numbers.items() if number}
