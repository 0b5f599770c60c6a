"""What going back would do."""

from __future__ import annotations

from upgrader.cluster.clean import clean_line
from upgrader.model.step import counted
from upgrader.planning.plan import Plan
from upgrader.planning.record import Progress
from upgrader.report.fitting import fitted, hung
from upgrader.report.style import Style


def rollback_text(back: Plan, progress: Progress, run: str, style: Style) -> str:
    """The steps, and where they lead."""
    hop = progress.hop_of(progress.record.hop)
    where = f"hop {hop.number}, {hop.target} -> {hop.source}" if hop else "the beginning"
    items = [item for _, _, item in back.items()]
    lines = fitted(f"Rollback of run {run}: {where}", style.width)
    for item in items:
        lines += hung(f"  {item.mark}  {item.id:7} ", clean_line(item.title), style.width)
    if not items:
        lines += ["  nothing of this hop was begun; there is nothing to take back"]
    steps = counted(len(items), "step")
    pods = counted(sum(item.pods for item in items), "pod restarts", "pods restart")
    lines.append("")
    lines += fitted(f"{steps}, {pods}. Shared CRDs stay as they are: they serve both versions.", style.width)
    if hop is not None and hop.number > 1:
        ends = f"Earlier hops stay done: their old revisions are gone, the mesh ends at {hop.source}."
        lines += fitted(ends, style.width)
    return "\n".join(lines)
