"""A run as append-only lines: one for each thing that happened, with the time in UTC."""

from __future__ import annotations

from datetime import datetime

from upgrader.cluster.clean import clean_line
from upgrader.model.duration import took
from upgrader.model.event import (
    ApprovalAwaited,
    Approved,
    DriftSeen,
    Interrupted,
    LockTaken,
    PhaseEntered,
    RunClosed,
    RunEvent,
    RunOpened,
    StepHalted,
    StepProgress,
    StepSettled,
    StepStarted,
)
from upgrader.report.fitting import fitted, hung
from upgrader.report.style import Style

_MARGIN = " " * 25
_WORDS = {
    "done": "ok",
    "already": "ok",
    "elsewhere": "ok",
    "skipped": "skip",
    "failed": "FAILED",
    "unknown": "?",
}
_SPOKEN = {
    "": "",
    ">": "begins",
    "...": "goes on",
    "ok": "is done",
    "skip": "is skipped",
    "wait": "waits for approval",
    "FAIL": "failed",
    "FAILED": "failed",
    "?": "has an unknown end",
}


def line_of(event: RunEvent, style: Style) -> str:
    """The line for *event*, what does not fit below it; empty for what is not worth one."""
    found = _parts(event)
    return _shown(event.at, *found, style) if found else ""


def _shown(at: datetime, step: str, word: str, text: str, style: Style) -> str:
    """In columns, or as a sentence where a voice reads it."""
    first, *more = text.splitlines() or [""]
    if style.accessible:
        head = " ".join(one for one in (clock(at), step, _SPOKEN[word]) if one)
        return "\n".join([f"{head}: {first}" if step else f"{head} {first}", *more])
    head = f"{clock(at)}  {step:7} {word:5} " if step else f"{clock(at)}  "
    lines = fitted(head + first, style.width, _MARGIN)
    return "\n".join([*lines, *(piece for line in more for piece in hung(_MARGIN, line, style.width))])


def clock(moment: datetime) -> str:
    """``13:41:05Z``."""
    return f"{moment:%H:%M:%S}Z"


def heartbeat(now: datetime, step: str, waits: str, style: Style) -> str:
    """What is said when nothing happened for a while."""
    return _shown(now, step, "...", clean_line(waits), style)


def _parts(event: RunEvent) -> tuple[str, str, str] | None:
    """Step, word and text; nothing for what is not worth a line."""
    match event:
        case StepSettled() | StepHalted() | StepProgress() | StepStarted():
            return event.step, *_step(event)
        case RunOpened():
            return "", "", f"run {event.run}: applying plan {event.plan} exactly"
        case LockTaken():
            return "", "", f"lock taken by {clean_line(event.holder)}"
        case ApprovalAwaited():
            return event.step, "wait", clean_line(event.message)
        case Approved():
            return event.step, "ok", f"approved by {clean_line(event.by)}"
        case DriftSeen():
            found, subject = clean_line(event.found), clean_line(event.subject)
            return "", "", f"drift: {subject}: expected {event.expected}, found {found}"
        case RunClosed():
            return "", "", "rolled back" if event.result == "rolled-back" else "done"
        case PhaseEntered() if event.phase == "rolling-back":
            return "", "", f"going back to where hop {event.hop} began"
        case Interrupted() if event.signal != "until":
            return "", "", f"stopped by {event.signal}"
        case _:
            return None


def _step(event: StepSettled | StepHalted | StepProgress | StepStarted) -> tuple[str, str]:
    match event:
        case StepStarted():
            return ">", clean_line(event.title)
        case StepProgress():
            return "...", clean_line(event.summary)
        case StepHalted():
            facts = "".join(f"\n{clean_line(one)}" for one in event.what)
            return "FAIL", f"{event.code} {clean_line(event.headline)}{facts}"
        case StepSettled():
            note = {"already": " (was so already)", "elsewhere": " (done by somebody else)"}
            time = f" ({took(event.seconds)})" if round(event.seconds) else ""
            text = f"{clean_line(event.reading.summary)}{note.get(event.result, '')}{time}"
            return _WORDS[event.result], text
