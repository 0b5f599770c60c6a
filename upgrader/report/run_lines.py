"""A run as append-only lines: one for each thing that happened, with the time in UTC."""

from __future__ import annotations

import textwrap
from datetime import datetime

from upgrader.cluster.clean import clean_line
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

_WORDS = {
    "done": "ok",
    "already": "ok",
    "elsewhere": "ok",
    "skipped": "skip",
    "failed": "FAILED",
    "unknown": "?",
}


def line_of(event: RunEvent) -> str:
    """The line for *event*; empty for what is not worth one."""
    text = _text(event)
    return f"{clock(event.at)}  {text}" if text else ""


def clock(moment: datetime) -> str:
    """``13:41:05Z``."""
    return f"{moment:%H:%M:%S}Z"


def heartbeat(now: datetime, step: str, waits: str) -> str:
    """What is said when nothing happened for a while."""
    return f"{clock(now)}  ...    {step}: {clean_line(waits)}"


def took(seconds: float) -> str:
    """``33s``, ``5m12s`` or ``1h04m``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    return (
        f"{whole // 60}m{whole % 60:02d}s" if whole < 3600 else f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    )


def _text(event: RunEvent) -> str:
    match event:
        case StepSettled() | StepHalted() | StepProgress() | StepStarted():
            return _step(event)
        case RunOpened():
            return f"run {event.run}: applying plan {event.plan} exactly"
        case LockTaken():
            return f"lock taken by {clean_line(event.holder)}"
        case ApprovalAwaited():
            return f"{event.step:7} wait  {clean_line(event.message)}"
        case Approved():
            return f"{event.step:7} ok    approved by {clean_line(event.by)}"
        case DriftSeen():
            return f"drift: {clean_line(event.subject)}: expected {event.expected}, found {clean_line(event.found)}"
        case RunClosed():
            return "rolled back" if event.result == "rolled-back" else "done"
        case PhaseEntered() if event.phase == "rolling-back":
            return f"going back to where hop {event.hop} began"
        case Interrupted() if event.signal != "until":
            return f"stopped by {event.signal}"
        case _:
            return ""


def _step(event: StepSettled | StepHalted | StepProgress | StepStarted) -> str:
    match event:
        case StepStarted():
            return f"{event.step:7} >     {clean_line(event.title)}"
        case StepProgress():
            return f"{event.step:7} ...   {clean_line(event.summary)}"
        case StepHalted():
            facts = "".join(f"\n{'':24}{clean_line(one)}" for one in event.what)
            return f"{event.step:7} FAIL  {event.code} {clean_line(event.headline)}{facts}"
        case StepSettled():
            note = {"already": " (was so already)", "elsewhere": " (done by somebody else)"}.get(
                event.result, ""
            )
            return f"{event.step:7} {_WORDS[event.result]:5} {clean_line(event.reading.summary)}{note} ({took(event.seconds)})"


def wrapped(text: str, width: int, indent: str) -> str:
    """*text* in lines of at most *width*, the second and later ones indented."""
    return "\n".join(textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False))
