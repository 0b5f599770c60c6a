"""How a call that acted ends: what is done, whether it is safe to leave it so, and what to type next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from upgrader.cluster.clean import clean_line
from upgrader.model.step import Reading, Verdict
from upgrader.planning.plan import Gate
from upgrader.planning.record import Progress
from upgrader.report.fitting import Typed, fitted, some
from upgrader.report.style import Style


@dataclass(frozen=True)
class Ending:
    """The last words of a call.

    Attributes:
        headline: ``Stopped at a safe point``, ``Done`` …
        safe: What the cluster says to leaving it like this; None when it was not asked.
        gate: Manual gate that waits, and the name to type.
    """

    headline: str
    run: str
    safe: Reading | None = None
    gate: str = ""
    confirm: str = ""
    over: bool = False


def ending_text(
    ending: Ending, progress: Progress, style: Style, typed: Typed, *, next_commands: bool
) -> str:
    """The words, without a final newline."""
    done, total = progress.done(), progress.total()
    flying = [item for item in progress.in_flight() if not isinstance(item.action, Gate)]
    lines = [*fitted(f"{ending.headline}: {_counts(ending, done, total, len(flying))}", style.width)]
    if flying:
        names = some([f"{item.id} {item.title}" for item in flying], 3 * style.width)
        text = f"In flight: {names}. Kubernetes finishes what was started by itself."
        lines += fitted(text, style.width)
    if ending.safe is not None and not (ending.over and ending.safe.verdict is Verdict.HOLDS):
        lines += safety_lines(ending.safe, style)
    if next_commands:
        lines += ["", *in_rows(commands(ending, typed))]
    return "\n".join(lines)


def _counts(ending: Ending, done: int, total: int, flying: int) -> str:
    words = [f"{done} of {total} steps done"]
    if not ending.over:
        words += [f"{flying} in flight"] if flying else []
        words += [f"{total - done - flying} not started"]
    return ", ".join(words) + "."


def safety_lines(reading: Reading, style: Style) -> list[str]:
    """``Safe to leave like this: yes. Because …``; not knowing is told as such."""
    return fitted(f"Safe to leave like this: {safety(reading)}.", style.width)


def safety(reading: Reading) -> str:
    """``yes, because of what the cluster says``."""
    word = {Verdict.HOLDS: "yes", Verdict.BROKEN: "no", Verdict.PENDING: "not known"}[reading.verdict]
    return f"{word}, {clean_line(reading.summary)}".rstrip(".")


_NEXT = (("Go on", "resume"), ("Go back", "rollback"), ("Look", "status"))


def commands(ending: Ending, typed: Typed) -> list[tuple[str, str]]:
    """What to type next: a word for what it is good for, and the command."""
    confirm = f" --confirm {ending.confirm}" if ending.confirm else ""
    if ending.over:
        return [("Report", typed.command(f"upgrade report {ending.run} -o markdown"))]
    rows = [("Approve", f"approve {ending.run} {ending.gate}{confirm}")] if ending.gate else []
    rows += [(word, f"{name} {ending.run}") for word, name in _NEXT]
    return [(word, typed.command(f"upgrade {command}")) for word, command in rows]


def in_rows(rows: list[tuple[str, str]]) -> list[str]:
    """Commands below each other, each behind its word."""
    return [f"{word:10} {command}" for word, command in rows]


def following(ending: Ending, typed: Typed) -> list[str]:
    """The commands without their words, for scripts."""
    return [command for _, command in commands(ending, typed)]


def ending_document(
    ending: Ending, progress: Progress, typed: Typed, *, result: str, code: int
) -> dict[str, Any]:
    """The last words as one document."""
    safe = ending.safe
    return {
        "schema": "upgrader.ending/v1",
        "run": ending.run,
        "plan": progress.plan.id,
        "result": result,
        "exit_code": code,
        "steps": {"done": progress.done(), "total": progress.total()},
        "in_flight": [item.id for item in progress.in_flight() if not isinstance(item.action, Gate)],
        "waiting": {"gate": ending.gate, "confirm": ending.confirm} if ending.gate else None,
        "safe_to_leave": safe.verdict is Verdict.HOLDS if safe else None,
        "safe_because": safe.summary if safe else None,
        "next": following(ending, typed),
    }
