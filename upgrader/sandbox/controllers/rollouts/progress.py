"""The status of a Deployment: counters, availability, progress and its deadline."""

from __future__ import annotations

from datetime import datetime

from upgrader.sandbox.clock import stamp
from upgrader.sandbox.controllers.cluster import after
from upgrader.sandbox.controllers.conditions import condition, counters, with_condition, without_condition
from upgrader.sandbox.controllers.rollouts.rollout import Rollout
from upgrader.sandbox.store import Obj

_FOREVER = 2**31 - 1
_DONE = "NewReplicaSetAvailable"
_LATE = "ProgressDeadlineExceeded"


def status_of(rollout: Rollout, now: datetime) -> Obj:
    """The status as of now."""
    deployment = rollout.deployment
    status = _counted(rollout)
    known = (deployment.get("status") or {}).get("conditions") or []
    conditions = _availability(rollout, status, known, stamp(now))
    if _deadline(deployment) is not None:
        conditions = _progress(rollout, status, conditions, now)
    return status | {"conditions": _failure(rollout, conditions, stamp(now))}


def due(deployment: Obj) -> datetime | None:
    """The moment at which the rollout would be late; None when it is over, paused or may take for ever."""
    seconds, found = _deadline(deployment), condition(deployment, "Progressing")
    if (
        seconds is None
        or found is None
        or found["reason"] in {_DONE, _LATE}
        or deployment["spec"].get("paused")
    ):
        return None
    return after(found["lastUpdateTime"], seconds)


def is_complete(deployment: Obj, status: Obj) -> bool:
    """Whether all pods are new and available and no others are left."""
    wanted = deployment["spec"].get("replicas", 1)
    told = (status.get(word, 0) for word in ("updatedReplicas", "replicas", "availableReplicas"))
    return all(number == wanted for number in told)


def _counted(rollout: Rollout) -> Obj:
    def total(word: str, sets: list[Obj]) -> int:
        return sum((each.get("status") or {}).get(word, 0) for each in sets)

    sets = rollout.sets
    replicas, able = total("replicas", sets), total("availableReplicas", sets)
    wanted = sum(each["spec"].get("replicas", 1) for each in sets)
    collisions = (rollout.deployment.get("status") or {}).get("collisionCount")
    return counters(
        {
            "observedGeneration": rollout.deployment["metadata"].get("generation", 0),
            "replicas": replicas,
            "updatedReplicas": total("replicas", [rollout.new] if rollout.new else []),
            "readyReplicas": total("readyReplicas", sets),
            "availableReplicas": able,
            "unavailableReplicas": max(0, wanted - able),
        }
    ) | ({} if collisions is None else {"collisionCount": collisions})


def _said(kind: str, status: str, reason: str, message: str) -> Obj:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def _put(conditions: list[Obj], wanted: Obj, now: str, *, fresh: bool = False) -> list[Obj]:
    """As with_condition; unless it is news, nothing moves when status and reason are what they were."""
    old = next((each for each in conditions if each["type"] == wanted["type"]), None)
    if old and not fresh and (old["status"], old["reason"]) == (wanted["status"], wanted["reason"]):
        return conditions
    return with_condition(conditions, wanted, now, updated=True)


def _availability(rollout: Rollout, status: Obj, conditions: list[Obj], now: str) -> list[Obj]:
    enough = status.get("availableReplicas", 0) >= rollout.replicas - rollout.unavailable
    if enough:
        told = _said("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
    else:
        message = "Deployment does not have minimum availability."
        told = _said("Available", "False", "MinimumReplicasUnavailable", message)
    return _put(conditions, told, now)


def _progress(rollout: Rollout, status: Obj, conditions: list[Obj], now: datetime) -> list[Obj]:
    deployment, text = rollout.deployment, stamp(now)
    if rollout.created and rollout.new:
        message = f'Created new replica set "{rollout.new["metadata"]["name"]}"'
        conditions = _put(
            conditions, _said("Progressing", "True", "NewReplicaSetCreated", message), text, fresh=True
        )
    known = next((each for each in conditions if each["type"] == "Progressing"), None)
    if deployment["spec"].get("paused") or (known and known["reason"] == "DeploymentPaused"):
        return _pause(deployment, conditions, known, text)
    whole = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    if whole and known is not None and known["reason"] == _DONE:
        return conditions
    name = rollout.new["metadata"]["name"] if rollout.new else deployment["metadata"]["name"]
    what = f'ReplicaSet "{name}"' if rollout.new else f'Deployment "{name}"'
    if is_complete(deployment, status):
        told = _said("Progressing", "True", _DONE, f"{what} has successfully progressed.")
        return _put(conditions, told, text)
    if _moved(deployment.get("status") or {}, status):
        told = _said("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.")
        return _put(conditions, told, text, fresh=True)
    if known is not None and _is_late(deployment, known, now):
        return _put(
            conditions, _said("Progressing", "False", _LATE, f"{what} has timed out progressing."), text
        )
    return conditions


def _pause(deployment: Obj, conditions: list[Obj], known: Obj | None, now: str) -> list[Obj]:
    paused = bool(deployment["spec"].get("paused"))
    if known is not None and known["reason"] == _LATE:
        return conditions
    reason, word = ("DeploymentPaused", "paused") if paused else ("DeploymentResumed", "resumed")
    return _put(conditions, _said("Progressing", "Unknown", reason, f"Deployment is {word}"), now)


def _moved(old: Obj, new: Obj) -> bool:
    def left(status: Obj) -> int:
        found: int = status.get("replicas", 0) - status.get("updatedReplicas", 0)
        return found

    grown = (
        new.get(word, 0) > old.get(word, 0)
        for word in ("updatedReplicas", "readyReplicas", "availableReplicas")
    )
    return any(grown) or left(new) < left(old)


def _is_late(deployment: Obj, known: Obj, now: datetime) -> bool:
    seconds = _deadline(deployment)
    if known["reason"] == _DONE or seconds is None:
        return False
    return known["reason"] == _LATE or after(known["lastUpdateTime"], seconds) <= now


def _failure(rollout: Rollout, conditions: list[Obj], now: str) -> list[Obj]:
    for each in [*([rollout.new] if rollout.new else []), *rollout.old]:
        found = condition(each, "ReplicaFailure")
        if found is not None:
            told = _said("ReplicaFailure", found["status"], found["reason"], found["message"])
            return _put(conditions, told, now)
    return without_condition(conditions, "ReplicaFailure")


def _deadline(deployment: Obj) -> int | None:
    seconds = deployment["spec"].get("progressDeadlineSeconds", 600)
    return None if seconds in {None, _FOREVER} else int(seconds)
