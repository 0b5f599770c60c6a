"""How a call that acted ends: what is done, whether it is safe to leave it so, and what to type next."""

from __future__ import annotations

from dataclasses import dataclass

from upgrader.model.step import Reading, Verdict
from upgrader.planning.record import Progress


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


def ending_text(ending: Ending, progress: Progress, *, program: str, flags: str, next_commands: bool) -> str:
    """The words, without a final newline."""
    done, total, flying = progress.done(), progress.total(), progress.in_flight()
    left = total - done - len(flying)
    lines = [f"{ending.headline}: {done} of {total} steps done" + _left(len(flying), left, over=ending.over)]
    if flying:
        names = ", ".join(f"{i.id} {i.title}" for i in flying[:5]) + (" …" if len(flying) > 5 else "")
        lines.append(f"In flight: {names}. Kubernetes finishes what was started by itself.")
    if ending.safe is not None:
        lines.append(safety_line(ending.safe))
    if next_commands and not ending.over:
        lines += ["", *commands(ending, program, flags)]
    return "\n".join(lines)


def _left(flying: int, left: int, *, over: bool) -> str:
    return "." if over else f", {flying} in flight, {left} not started."


def safety_line(reading: Reading) -> str:
    """``Safe to leave like this: yes, because …``; not knowing is told as such."""
    word = {Verdict.HOLDS: "yes", Verdict.BROKEN: "no", Verdict.PENDING: "not known"}[reading.verdict]
    return f"Safe to leave like this: {word}. {reading.summary}"


def commands(ending: Ending, program: str, flags: str) -> list[str]:
    """What to type next."""
    lines = []
    if ending.gate:
        confirm = f" --confirm {ending.confirm}" if ending.confirm else ""
        lines.append(f"Approve    {program} approve {ending.run} {ending.gate}{confirm}{flags}")
    return [
        *lines,
        f"Go on      {program} resume {ending.run}{flags}",
        f"Go back    {program} rollback {ending.run}{flags}",
        f"Look       {program} status {ending.run}{flags}",
    ]
