"""The event stream for machines (``upgrader.events/v1``): one JSON object per line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from upgrader import __version__
from upgrader.cluster.clean import clean_line
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
from upgrader.report.run_lines import took

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
        self, at: datetime, *, exit_code: int, result: str, safe: bool | None, following: list[str]
    ) -> str:
        """Last line: how it ended; a stream without it means that the writer died."""
        data = {
            "exit_code": exit_code,
            "result": result,
            "cluster_changed": True,
            "safe_to_leave": safe,
            "next": following,
        }
        level = "info" if exit_code == 0 else "warn"
        return self._line(at, "stream.end", f"ended: {result}", level=level, data=data)

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
                facts = {"what": list(event.what), "why": "", "fix": fix, "url": ""}
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
            "ts": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            "type": kind,
            "level": "info",
            "msg": clean_line(text) or kind,
            "run": self._run,
        } | more
        self._next += 1
        return json.dumps(found, ensure_ascii=False)


def diagnostic(error: UpgradeError, at: datetime) -> str:
    """An error that ended a call before a run was held, as a line of the stream."""
    data = {
        "what": list(error.what),
        "why": error.why,
        "fix": list(error.do),
        "url": "",
        "exit_code": int(error.exit_code),
    }
    found = {
        "schema": SCHEMA, "seq": 1, "ts": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
        "type": "diagnostic", "level": "error", "msg": clean_line(error.headline), "code": error.code, "data": data,
    }  # fmt: skip
    return json.dumps(found, ensure_ascii=False)
