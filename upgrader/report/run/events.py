"""The event stream for machines (``upgrader.events/v1``): one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from upgrader import __version__
from upgrader.cluster.clean import clean_line
from upgrader.model.duration import took
from upgrader.model.errors import UpgradeError
from upgrader.model.event import (
    ApprovalAwaited,
    Approved,
    DriftSeen,
    Interrupted,
    LockLeft,
    LockTaken,
    Looked,
    PhaseEntered,
    RunClosed,
    RunEvent,
    RunOpened,
    StepHalted,
    StepProgress,
    StepSettled,
    StepStarted,
)
from upgrader.planning.plan import Gate, Plan

SCHEMA = "upgrader.events/v1"
Fields = dict[str, Any]


class Stream:
    """Numbers and writes the lines of one run.

    Args:
        first: Number of the first line; goes on after a resume.
    """

    def __init__(self, plan: Plan, run: str, first: int = 1) -> None:
        self._run = run
        self._plan = plan
        self._items = {item.id: (hop, wave, item) for hop, wave, item in plan.items()}
        self._next = first

    def start(self, at: datetime, command: list[str]) -> str:
        """First line: who writes, what was asked, which cluster."""
        data = {
            "tool": __version__,
            "schema_version": "1.0",
            "command": command,
            "cluster_uid": self._plan.cluster.uid,
            "context": self._plan.cluster.context,
        }
        text = f"upgrade {__version__}: {' '.join(command)} on {self._plan.cluster.context}"
        return self._line(at, "stream.start", text, data=data, plan=self._plan.id)

    def end(
        self,
        at: datetime,
        *,
        exit_code: int,
        result: str,
        safe: bool | None,
        following: list[str],
        changed: bool = True,
    ) -> str:
        """Last line: how it ended; a stream without it means that the writer died."""
        data = {
            "exit_code": exit_code,
            "result": result,
            "cluster_changed": changed,
            "safe_to_leave": safe,
            "next": following,
        }
        level = "info" if exit_code == 0 else "warn"
        return self._line(at, "stream.end", f"ended: {result}", level=level, data=data)

    def refusal(self, at: datetime, error: UpgradeError) -> Iterator[str]:
        """The last lines of a stream whose call ended before it could drive the run."""
        for row in _refusal(error, changed=False):
            words = {k: v for k, v in row.items() if k not in {"type", "msg"}}
            yield self._line(at, row["type"], row["msg"], **words)

    def lines(self, event: RunEvent) -> Iterator[str]:
        """The lines for one event; none for what only the journal needs."""
        found = self._fields(event)
        if found is not None:
            kind, text, more = found
            yield self._line(event.at, kind, text, **more)

    def _fields(self, event: RunEvent) -> tuple[str, str, Fields] | None:
        match event:
            case StepStarted() | StepProgress() | StepSettled() | StepHalted() | Looked():
                return self._of_step(event)
            case ApprovalAwaited():
                return (
                    "approval.wait",
                    event.message,
                    {"scope": self._scope(event.step), "data": {"confirm": event.confirm}},
                )
            case Approved():
                return (
                    "approval.given",
                    f"approved by {event.by}",
                    {"scope": self._scope(event.step), "data": {"by": event.by}},
                )
            case RunOpened() | LockTaken() | LockLeft():
                return self._of_run(event)
            case PhaseEntered():
                return "run.state", f"phase {event.phase}", {"data": {"phase": event.phase, "hop": event.hop}}
            case DriftSeen():
                return (
                    "drift",
                    f"{event.subject}: {event.found}",
                    {"level": "warn", "data": {"expected": event.expected}},
                )
            case Interrupted():
                return (
                    "interrupt",
                    f"stopped by {event.signal}",
                    {"level": "warn", "data": {"signal": event.signal, "in_flight": list(event.in_flight)}},
                )
            case RunClosed():
                return "run.state", event.result, {"data": {"phase": event.result}}
            case _:
                return None

    def _of_run(self, event: RunOpened | LockTaken | LockLeft) -> tuple[str, str, Fields]:
        match event:
            case RunOpened():
                return (
                    "run.start",
                    f"applying plan {event.plan}",
                    {"data": {"holder": event.holder, "plan_digest": event.plan_digest}},
                )
            case LockTaken():
                return (
                    "lock",
                    f"lock taken by {event.holder}",
                    {"data": {"op": "acquire", "holder": event.holder, "epoch": event.epoch}},
                )
            case LockLeft():
                return "lock", "lock released", {"data": {"op": "release", "holder": event.holder}}

    def _of_step(
        self, event: StepStarted | StepProgress | StepSettled | StepHalted | Looked
    ) -> tuple[str, str, Fields]:
        row = self._items.get(event.step)
        gate = row is not None and isinstance(row[2].action, Gate)
        word, scope = ("gate" if gate else "step"), self._scope(event.step)
        match event:
            case StepStarted():
                return f"{word}.start", event.title, {"scope": scope, "data": {}}
            case StepProgress():
                return (
                    ("gate.sample" if gate else "step.progress"),
                    event.summary,
                    {"scope": scope, "data": {}},
                )
            case Looked():
                reading = event.reading
                data = {"probe": event.probe, "verdict": reading.verdict.value, "facts": dict(reading.facts)}
                return "gate.sample", reading.summary, {"scope": scope, "data": data}
            case StepHalted():
                fix = [f"upgrade resume {self._run}"]
                facts = {"what": "; ".join(event.what), "why": "", "fix": fix}
                return (
                    "diagnostic",
                    event.headline,
                    {"scope": scope, "level": "error", "code": event.code, "data": facts},
                )
            case StepSettled():
                text = f"{event.reading.summary} after {took(event.seconds)}"
                return (
                    f"{word}.end",
                    text,
                    {"scope": scope, "data": {"result": event.result, "elapsed_s": event.seconds}},
                )

    def _scope(self, step: str) -> Fields:
        row = self._items.get(step)
        if row is None:
            return {"step": step}
        hop, wave, item = row
        scope: Fields = {"hop": hop.number, "wave": wave.name, "step": step}
        ref = getattr(item.action, "ref", None)
        if ref is not None and ref.namespace:
            scope |= {"namespace": ref.namespace, "workload": f"{ref.kind.kind}/{ref.name}"}
        return scope

    def _line(self, at: datetime, kind: str, text: str, **more: Any) -> str:
        found = {
            "schema": SCHEMA,
            "seq": self._next,
            "ts": _stamp(at),
            "type": kind,
            "level": "info",
            "msg": clean_line(text) or kind,
            "run": self._run,
        } | more
        self._next += 1
        return json.dumps(found, ensure_ascii=False)


def following(plan: Plan, run: str, events: Iterable[RunEvent]) -> int:
    """Number of the first line of a process that goes on with a run whose journal has *events*.

    Every earlier process wrote a first line before it took the lock, and a last one after it gave it back.
    """
    stream, count = Stream(plan, run), 0
    for event in events:
        count += len(list(stream.lines(event))) + isinstance(event, LockTaken | LockLeft)
    return count + 1


def refused(error: UpgradeError, at: datetime) -> list[str]:
    """The whole stream of a call that ended before there was a run: what was wrong, and the end."""
    return [_plain({"seq": n} | row, at) for n, row in enumerate(_refusal(error, changed=False), 1)]


def _refusal(error: UpgradeError, *, changed: bool) -> list[Fields]:
    facts = {"what": "; ".join(error.what), "why": error.why, "fix": list(error.do)}
    ending = {
        "exit_code": int(error.exit_code),
        "result": "refused",
        "cluster_changed": changed,
        "next": list(error.do),
    }
    return [
        {"type": "diagnostic", "level": "error", "msg": error.headline, "code": error.code, "data": facts},
        {"type": "stream.end", "level": "error", "msg": f"ended: {error.code}", "data": ending},
    ]


def _plain(row: Fields, at: datetime) -> str:
    head = {"schema": SCHEMA, "ts": _stamp(at)}
    return json.dumps(head | row | {"msg": clean_line(row["msg"])}, ensure_ascii=False)


def _stamp(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z"
