"""What happened in a run, from its journal: for the change request, and for whoever asks later."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from upgrader.model.duration import took
from upgrader.model.event import (
    Approved,
    DriftSeen,
    Intent,
    Interrupted,
    LockTaken,
    Outcome,
    RunEvent,
    StepHalted,
    StepSettled,
)
from upgrader.planning.outlook.estimate import estimate
from upgrader.planning.plan import Plan
from upgrader.planning.record import Record, fold
from upgrader.report.plan.escaping import code, escaped


def run_document(plan: Plan, back: Plan | None, events: Sequence[RunEvent], run: str) -> dict[str, Any]:
    """One document for scripts."""
    record = fold(events)
    titles = {i.id: i.title for p in (plan, back) if p for _, _, i in p.items()}
    return {
        "schema": "upgrader.run/v1",
        "run": run,
        "plan": plan.id,
        "path": plan.path,
        "cluster": plan.cluster,
        "status": record.status,
        "began": events[0].at if events else None,
        "last": record.last,
        "changes": record.writes,
        "steps": [_step(e, titles) for e in events if isinstance(e, StepSettled)],
        "approvals": [{"gate": e.step, "by": e.by, "at": e.at} for e in events if isinstance(e, Approved)],
        "stops": [_stop(e) for e in events if isinstance(e, Interrupted | StepHalted)],
        "drift": [e for e in events if isinstance(e, DriftSeen)],
        "exceptions": [
            {"code": f.code, "subject": f.subject, "reason": f.allowed} for f in plan.findings if f.allowed
        ],
        "requests_by_step": _requests(events),
    }


def _step(event: StepSettled, titles: dict[str, str]) -> dict[str, Any]:
    return {
        "step": event.step,
        "title": titles.get(event.step, ""),
        "result": event.result,
        "seconds": event.seconds,
        "at": event.at,
        "evidence": event.reading.summary,
    }


def _stop(event: Interrupted | StepHalted) -> dict[str, Any]:
    if isinstance(event, Interrupted):
        return {"at": event.at, "by": event.signal, "in_flight": event.in_flight}
    return {
        "at": event.at,
        "step": event.step,
        "code": event.code,
        "headline": event.headline,
        "what": event.what,
    }


def _requests(events: Sequence[RunEvent]) -> dict[str, int]:
    found: dict[str, int] = {}
    for event in events:
        if isinstance(event, Intent):
            found[event.step] = found.get(event.step, 0) + 1
    return found


def run_markdown(
    plan: Plan, back: Plan | None, events: Sequence[RunEvent], run: str, *, banner: str = ""
) -> str:
    """The same for people: verdict first."""
    record = fold(events)
    titles = {i.id: i.title for p in (plan, back) if p for _, _, i in p.items()}
    parts = [
        f"## Istio upgrade run `{run}` - `{code(plan.cluster.context)}`{escaped(banner and f' ({banner})')}",
        f"**{' -> '.join(plan.path)}** | {_verdict(record, plan)}",
        _facts(plan, record, events),
        _table(events, titles),
        *_lists(plan, events),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _verdict(record: Record, plan: Plan) -> str:
    total = sum(1 for _ in plan.items())
    words = {
        "done": f"**Done.** All {total} steps.",
        "rolled-back": "**Rolled back.** The mesh is where the hop began.",
        "waiting": f"**Waits for approval** of `{record.waiting.step if record.waiting else ''}`.",
        "halted": f"**Stopped:** {escaped(record.halted.headline) if record.halted else ''}",
    }
    return words.get(record.status, f"**Open:** {len(record.settled)} of {total} steps done.")


def _facts(plan: Plan, record: Record, events: Sequence[RunEvent]) -> str:
    if not events:
        return "Nothing is recorded."
    began, last = events[0].at, events[-1].at
    outcomes = [e.result for e in events if isinstance(e, Outcome)]
    kinds = {
        "conflict": "conflicts",
        "refused": "refused",
        "unknown": "with an outcome that had to be looked up",
    }
    counts = Counter[str](outcomes)
    tally = ", ".join(f"{counts[kind]} {words}" for kind, words in kinds.items())
    holders = list(dict.fromkeys(e.holder.partition("/")[0] for e in events if isinstance(e, LockTaken)))
    length = f"{took((last - began).total_seconds())}; planned: about {estimate(plan)}, plus approvals"
    lines = [
        f"Began {_when(began)}, last word {_when(last)} ({length}).",
        f"Changes: {record.writes} committed, {tally}.",
        f"Driven by: {', '.join(f'`{code(h)}`' for h in holders)}.",
    ]
    return "\n".join(lines)


def _table(events: Sequence[RunEvent], titles: dict[str, str]) -> str:
    rows = [
        f"| `{e.step}` | {escaped(titles.get(e.step, ''))} | {e.result} | {took(e.seconds)} | {escaped(e.reading.summary)} |"
        for e in events
        if isinstance(e, StepSettled)
    ]
    return (
        "\n".join(["| Step | What | Result | Time | Seen |", "|---|---|---|--:|---|", *rows]) if rows else ""
    )


def _lists(plan: Plan, events: Sequence[RunEvent]) -> list[str]:
    approvals = [
        f"- `{e.step}` by `{code(e.by)}` at {_when(e.at)}" for e in events if isinstance(e, Approved)
    ]
    stops = [
        f"- {_when(e.at)}: {escaped(e.signal if isinstance(e, Interrupted) else e.headline)}"
        for e in events
        if isinstance(e, Interrupted | StepHalted)
    ]
    drift = [
        f"- {escaped(e.subject)}: expected {escaped(e.expected)}, found {escaped(e.found)}"
        for e in events
        if isinstance(e, DriftSeen)
    ]
    excused = [f"- {f.code} `{code(f.subject)}`: {escaped(f.allowed)}" for f in plan.findings if f.allowed]
    titles = (
        ("Approvals", approvals),
        ("Stops", stops),
        ("Changed by others", drift),
        ("Exceptions", excused),
    )
    return [f"### {title}\n\n" + "\n".join(lines) for title, lines in titles if lines]


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
