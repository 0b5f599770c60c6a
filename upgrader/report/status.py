"""A run and the cluster beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from upgrader.model.step import Reading
from upgrader.planning.plan import Planned
from upgrader.planning.record import Progress, Standing
from upgrader.report.ending import Ending, commands, safety_line
from upgrader.report.style import Style


@dataclass(frozen=True)
class Live:
    """The cluster now.

    Attributes:
        holder: Who holds this run's lock; empty when nobody does.
        holder_alive: None when that cannot be told from here.
        proxies: Namespace to revision to number of proxies.
    """

    at: datetime
    holder: str
    holder_alive: bool | None
    renewed: str
    standing: Standing | None
    safe: Reading | None
    proxies: dict[str, dict[str, int]]


@dataclass(frozen=True)
class Status:
    """What ``status`` shows.

    Attributes:
        live: None when only the record was asked.
    """

    run: str
    progress: Progress
    live: Live | None

    @property
    def word(self) -> str:
        """One word in capitals for how the run stands."""
        record = self.progress.record
        if record.status == "open" and self.live is not None and not _held(self.live):
            return "ABANDONED"
        words = {"open": "RUNNING", "rolled-back": "ROLLED BACK", "waiting": "WAITING FOR APPROVAL"}
        return words.get(record.status, record.status.upper())


def _held(live: Live) -> bool:
    return bool(live.holder) and live.holder_alive is not False


def status_text(
    status: Status, style: Style, *, flags: str, next_commands: bool, program: str = "upgrade"
) -> str:
    """The screen."""
    parts = ["\n".join(_head(status)), "\n".join(_steps(status, style))]
    if status.live is not None:
        parts.append("\n".join(_proxies(status)))
        if status.live.safe is not None:
            parts.append(safety_line(status.live.safe))
    if next_commands and status.progress.record.closed is None:
        gate = status.progress.record.waiting
        ending = Ending("", status.run, gate=gate.step if gate else "", confirm=gate.confirm if gate else "")
        parts.append("\n".join(commands(ending, program, flags)[:-1]))
    return "\n\n".join(part for part in parts if part)


def _head(status: Status) -> list[str]:
    progress, record, live = status.progress, status.progress.record, status.live
    since = f" since {record.last:%Y-%m-%d %H:%M:%S} UTC" if record.last else ""
    by = f", {record.opened.holder.partition('/')[0]}" if record.opened else ""
    lines = [f"Run        {status.run}   {status.word}{since}{by}"]
    hop = (
        f", in hop {record.hop} of {len(progress.plan.hops)}" if record.hop and record.closed is None else ""
    )
    lines.append(f"Plan       {progress.plan.id}   {' -> '.join(progress.plan.path)}{hop}")
    lock = "not asked (record only)"
    if live is not None:
        lock = f"held by {live.holder}, renewed {live.renewed}" if live.holder else "free"
        if live.holder and live.holder_alive is False:
            lock = f"left behind by {live.holder}: no process holds this run"
    lines.append(f"Context    {progress.plan.cluster.context}   lock: {lock}")
    if live is not None:
        lines.append(f"           cluster read at {live.at:%H:%M:%S} UTC")
    if record.halted is not None:
        lines.append(f"Stopped    {record.halted.code} {record.halted.headline}")
        lines += [f"           {one}" for one in record.halted.what[:4]]
    return lines


def _steps(status: Status, style: Style) -> list[str]:
    progress, live = status.progress, status.live
    lines = [f"Steps      {progress.done()} of {progress.total()} recorded as done"]
    standing = live.standing if live is not None else None
    if standing is None:
        lines += [f"  {style.mark('now')} {i.id:7} in flight  {i.title}" for i in progress.in_flight()]
        return lines
    groups: list[tuple[str, str, list[Planned]]] = [
        ("ok", "finished since", list(standing.finished)),
        ("ok", "by somebody else", list(standing.elsewhere)),
        ("now", "next", list(standing.left[:1])),
    ]
    for mark, word, items in groups:
        lines += [f"  {style.mark(mark)} {i.id:7} {word}  {i.title}" for i in items]
    lines += [
        f"  {style.mark('bad')} {i.id:7} not true any more  {i.title}: {found}"
        for i, found in standing.broken
    ]
    return lines


def _proxies(status: Status) -> list[str]:
    assert status.live is not None
    revisions = sorted({r for by in status.live.proxies.values() for r in by})
    if not revisions:
        return ["Proxies    none"]
    lines = ["Proxies    " + f"{'':20}" + "".join(f"{r:>12}" for r in revisions)]
    for namespace, by in sorted(status.live.proxies.items()):
        lines.append(f"           {namespace:20}" + "".join(f"{by.get(r, 0):>12}" for r in revisions))
    return lines


def status_document(status: Status) -> dict[str, Any]:
    """The same for scripts."""
    progress, live = status.progress, status.live
    record = progress.record
    found: dict[str, Any] = {
        "schema": "upgrader.status/v1",
        "run": status.run,
        "plan": progress.plan.id,
        "path": progress.plan.path,
        "status": status.word.lower().replace(" ", "-"),
        "phase": record.phase,
        "hop": record.hop,
        "steps": {"done": progress.done(), "total": progress.total()},
        "waiting": {"gate": record.waiting.step, "confirm": record.waiting.confirm}
        if record.waiting
        else None,
        "halted": {"step": record.halted.step, "code": record.halted.code} if record.halted else None,
    }
    if live is not None:
        standing = live.standing
        found["cluster"] = {
            "read_at": live.at,
            "holder": live.holder,
            "holder_alive": live.holder_alive,
            "safe_to_leave": live.safe.verdict.value if live.safe else None,
            "safe_because": live.safe.summary if live.safe else None,
            "proxies": live.proxies,
            "finished_since": [i.id for i in standing.finished] if standing else [],
            "elsewhere": [i.id for i in standing.elsewhere] if standing else [],
            "broken": [i.id for i, _ in standing.broken] if standing else [],
        }
    return found
