"""Rows of what owns pods, and of what bounds or scales it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from upgrader.sandbox.api.tables.words import (
    NONE,
    UNKNOWN,
    Cells,
    age,
    containers,
    count,
    duration,
    labels,
    name,
    selector,
    since,
    spec,
    status,
)
from upgrader.sandbox.clock import parse_stamp
from upgrader.sandbox.store import Obj

DEPLOYMENT = "Name Ready Up-to-date Available Age Containers+ Images+ Selector+"
REPLICA_SET = "Name Desired# Current# Ready# Age Containers+ Images+ Selector+"
STATEFUL_SET = "Name Ready Age Containers+ Images+"
DAEMON_SET = (
    "Name Desired# Current# Ready# Up-to-date# Available# Node_Selector Age Containers+ Images+ Selector+"
)
JOB = "Name Status Completions Duration Age Containers+ Images+ Selector+"
CRON_JOB = "Name Schedule Timezone Suspend Active# Last_Schedule Age Containers+ Images+ Selector+"
BUDGET = "Name Min_Available Max_Unavailable Allowed_Disruptions# Age"
SCALER = "Name Reference Targets MinPods MaxPods Replicas Age"
REVISION = "Name Controller Revision Age"


def deployment(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``DEPLOYMENT``."""
    state = status(obj)
    ready = f"{count(state.get('readyReplicas'))}/{count(spec(obj).get('replicas'))}"
    counts = [count(state.get("updatedReplicas")), count(state.get("availableReplicas"))]
    return [name(obj), ready, *counts, age(obj, now), *_template(obj), selector(spec(obj).get("selector"))]


def replica_set(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``REPLICA_SET``."""
    state = status(obj)
    counts = [
        count(spec(obj).get("replicas")),
        count(state.get("replicas")),
        count(state.get("readyReplicas")),
    ]
    return [name(obj), *counts, age(obj, now), *_template(obj), _any_selector(spec(obj).get("selector"))]


def _any_selector(found: Obj | None) -> str:
    """A ReplicationController selects by plain labels."""
    return (
        labels(found) if found and not found.keys() & {"matchLabels", "matchExpressions"} else selector(found)
    )


def stateful_set(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``STATEFUL_SET``."""
    ready = f"{count(status(obj).get('readyReplicas'))}/{count(spec(obj).get('replicas'))}"
    return [name(obj), ready, age(obj, now), *_template(obj)]


def daemon_set(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``DAEMON_SET``."""
    words = (
        "desiredNumberScheduled",
        "currentNumberScheduled",
        "numberReady",
        "updatedNumberScheduled",
        "numberAvailable",
    )
    counts = [count(status(obj).get(word)) for word in words]
    nodes = labels(spec(spec(obj).get("template") or {}).get("nodeSelector"))
    return [name(obj), *counts, nodes, age(obj, now), *_template(obj), selector(spec(obj).get("selector"))]


def job(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``JOB``."""
    state, wanted = status(obj), spec(obj)
    done, parallel = count(state.get("succeeded")), count(wanted.get("parallelism"))
    total = wanted.get("completions")
    if total is not None:
        through = f"{done}/{total}"
    else:
        through = f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"
    started = state.get("startTime")
    end = parse_stamp(state["completionTime"]) if state.get("completionTime") else now
    took = duration((end - parse_stamp(started)).total_seconds()) if started else ""
    return [
        name(obj),
        _job_word(obj),
        through,
        took,
        age(obj, now),
        *_template(obj),
        selector(wanted.get("selector")),
    ]


def _job_word(obj: Obj) -> str:
    true = {c["type"] for c in status(obj).get("conditions") or () if c.get("status") == "True"}
    for word in ("Complete", "Failed"):
        if word in true:
            return word
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return next(
        (word for word in ("Suspended", "FailureTarget", "SuccessCriteriaMet") if word in true), "Running"
    )


def cron_job(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``CRON_JOB``."""
    wanted, last = spec(obj), status(obj).get("lastScheduleTime")
    job_spec = spec(wanted.get("jobTemplate") or {})
    return [
        name(obj),
        wanted.get("schedule", ""),
        wanted.get("timeZone") or NONE,
        str(bool(wanted.get("suspend"))).title(),
        len(status(obj).get("active") or ()),
        since(last, now) if last else NONE,
        age(obj, now),
        *containers(job_spec.get("template")),
        selector(job_spec.get("selector")),
    ]


def budget(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``BUDGET``."""
    bounds = [_or(spec(obj).get(word), "N/A") for word in ("minAvailable", "maxUnavailable")]
    return [name(obj), *bounds, count(status(obj).get("disruptionsAllowed")), age(obj, now)]


def scaler(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``SCALER``, of every version of HorizontalPodAutoscaler."""
    wanted, state = spec(obj), status(obj)
    target = wanted.get("scaleTargetRef") or {}
    return [
        name(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _targets(wanted, state),
        _or(wanted.get("minReplicas"), "<unset>"),
        count(wanted.get("maxReplicas")),
        count(state.get("currentReplicas")),
        age(obj, now),
    ]


def _targets(wanted: Obj, state: Obj) -> str:
    percent = wanted.get("targetCPUUtilizationPercentage")
    if percent is not None:
        now = state.get("currentCPUUtilizationPercentage")
        return f"cpu: {UNKNOWN if now is None else f'{now}%'}/{percent}%"
    metrics, current = wanted.get("metrics") or [], state.get("currentMetrics") or []
    words = [_metric(metric, current[at] if at < len(current) else {}) for at, metric in enumerate(metrics)]
    shown = ", ".join(words[:2]) + (f" + {len(words) - 2} more..." if len(words) > 2 else "")
    return shown or NONE


def _metric(metric: Obj, seen: Obj) -> str:
    kind = str(metric.get("type", ""))
    key = kind[:1].lower() + kind[1:]
    of, now = metric.get(key) or {}, (seen.get(key) or {}).get("current") or {}
    target = of.get("target") or {}
    label = f"{of['name']}: " if "name" in of else ""
    if target.get("averageUtilization") is not None:
        seen_now = now.get("averageUtilization")
        return f"{label}{UNKNOWN if seen_now is None else f'{seen_now}%'}/{target['averageUtilization']}%"
    value = target.get("averageValue") or target.get("value") or UNKNOWN
    return f"{label}{now.get('averageValue') or now.get('value') or UNKNOWN}/{value}"


def revision(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``REVISION``."""
    owner = next((o for o in obj["metadata"].get("ownerReferences") or () if o.get("controller")), None)
    shown = NONE
    if owner is not None:
        group = owner["apiVersion"].partition("/")[0] if "/" in owner["apiVersion"] else ""
        shown = f"{owner['kind'].lower()}{f'.{group}' if group else ''}/{owner['name']}"
    return [name(obj), shown, obj.get("revision", 0), age(obj, now)]


def _template(obj: Obj) -> tuple[str, str]:
    return containers(spec(obj).get("template"))


def _or(value: Any, word: str) -> str:
    return word if value is None else str(value)
