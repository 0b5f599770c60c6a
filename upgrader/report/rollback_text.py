"""What going back would do."""

from __future__ import annotations

from upgrader.planning.plan import Plan
from upgrader.planning.record import Progress


def rollback_text(back: Plan, progress: Progress, run: str) -> str:
    """The steps, and where they lead."""
    hop = progress.hop_of(progress.record.hop)
    where = f"hop {hop.number}, {hop.target} -> {hop.source}" if hop else "the beginning"
    steps = [f"  {item.mark}  {item.id:7} {item.title}" for _, _, item in back.items()]
    pods = sum(item.pods for _, _, item in back.items())
    lines = [
        f"Rollback of run {run}: {where}",
        *(steps or ["  nothing of this hop was begun; there is nothing to take back"]),
    ]
    lines += [
        "",
        f"{len(steps)} steps, {pods} pods restart. Shared CRDs stay as they are: they serve both versions.",
    ]
    if hop is not None and hop.number > 1:
        lines.append(f"Earlier hops stay done: their old revisions are gone, the mesh ends at {hop.source}.")
    return "\n".join(lines)
