"""The row of a pod: readiness, the one word for its state, restarts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from upgrader.sandbox.api.tables.words import NONE, Cells, age, name, since, spec, status
from upgrader.sandbox.store import Obj

COLUMNS = "Name Ready Status Restarts Age IP+ Node+ Nominated_Node+ Readiness_Gates+"


def row(pod: Obj, now: datetime) -> Cells:
    """Cells in the order of ``COLUMNS``."""
    state = status(pod)
    sidecars = {
        c["name"] for c in spec(pod).get("initContainers") or () if c.get("restartPolicy") == "Always"
    }
    statuses = state.get("containerStatuses") or []
    inits = state.get("initContainerStatuses") or []
    counted = [*statuses, *(s for s in inits if s["name"] in sidecars)]
    total = len(spec(pod).get("containers") or ()) + len(sidecars)
    ready = sum(1 for s in counted if s.get("ready"))
    word = _word(pod, inits, statuses, sidecars)
    ips = state.get("podIPs") or [{"ip": state.get("podIP")}]
    return [
        name(pod),
        f"{ready}/{total}",
        word,
        _restarts(inits if word.startswith("Init:") else counted, now),
        age(pod, now),
        ips[0].get("ip") or NONE,
        spec(pod).get("nodeName") or NONE,
        state.get("nominatedNodeName") or NONE,
        _gates(pod),
    ]


def finished(pod: Obj) -> bool:
    """Whether the pod has ended, so that its row is greyed out."""
    return status(pod).get("phase") in {"Succeeded", "Failed"}


def _word(pod: Obj, inits: list[Obj], statuses: list[Obj], sidecars: set[str]) -> str:
    state = status(pod)
    word = state.get("reason") or state.get("phase") or "Unknown"
    gated = (c.get("reason") for c in state.get("conditions") or () if c.get("type") == "PodScheduled")
    word = "SchedulingGated" if "SchedulingGated" in gated else word
    starting = _starting(inits, sidecars, len(spec(pod).get("initContainers") or ()))
    word = starting if starting and not _initialized(state) else _running(statuses, word, state)
    if pod["metadata"].get("deletionTimestamp") and state.get("phase") not in {"Succeeded", "Failed"}:
        return "Unknown" if state.get("reason") == "NodeLost" else "Terminating"
    return word


def _initialized(state: Obj) -> bool:
    found = [c.get("status") for c in state.get("conditions") or () if c.get("type") == "Initialized"]
    return found == ["True"]


def _starting(inits: list[Obj], sidecars: set[str], total: int) -> str:
    """The word of the first init container that is not through; empty when all are."""
    for number, one in enumerate(inits):
        state = one.get("state") or {}
        ended, waiting = state.get("terminated"), state.get("waiting")
        if ended and not ended.get("exitCode"):
            continue
        if one["name"] in sidecars and one.get("started"):
            continue
        if ended:
            return f"Init:{ended.get('reason') or _exit(ended)}"
        if waiting and waiting.get("reason") not in {None, "", "PodInitializing"}:
            return f"Init:{waiting['reason']}"
        return f"Init:{number}/{total}"
    return ""


def _running(statuses: list[Obj], word: str, state: Obj) -> str:
    alive = False
    for one in reversed(statuses):
        found = one.get("state") or {}
        ended, waiting = found.get("terminated"), found.get("waiting")
        if waiting and waiting.get("reason"):
            word = waiting["reason"]
        elif ended:
            word = ended.get("reason") or _exit(ended)
        elif one.get("ready") and found.get("running"):
            alive = True
    if word == "Completed" and alive:
        conditions = state.get("conditions") or ()
        return (
            "Running"
            if any((c.get("type"), c.get("status")) == ("Ready", "True") for c in conditions)
            else "NotReady"
        )
    return str(word)


def _exit(ended: Obj) -> str:
    return f"Signal:{ended['signal']}" if ended.get("signal") else f"ExitCode:{ended.get('exitCode', 0)}"


def _restarts(statuses: Iterable[Obj], now: datetime) -> str:
    listed = list(statuses)
    total = sum(s.get("restartCount", 0) for s in listed)
    ends = [((s.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for s in listed]
    last = max((end for end in ends if end), default=None)
    return f"{total} ({since(last, now)} ago)" if total and last else str(total)


def _gates(pod: Obj) -> str:
    gates = [gate["conditionType"] for gate in spec(pod).get("readinessGates") or ()]
    true = {c["type"] for c in status(pod).get("conditions") or () if c.get("status") == "True"}
    return f"{sum(gate in true for gate in gates)}/{len(gates)}" if gates else NONE
