"""A run and the cluster beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from upgrader.cluster.clean import clean_line
from upgrader.model.step import Reading
from upgrader.planning.plan import Gate, Planned
from upgrader.planning.record import Progress, Standing
from upgrader.report.fitting import Typed, hung, middle
from upgrader.report.run.ending import Ending, commands, in_rows, safety_lines
from upgrader.report.style import Style


@dataclass(frozen=True)
class Live:
    """The cluster now.

    Attributes:
        holder: Who holds this run's lock; empty when nobody does.
        holder_alive: None when that cannot be told from here.
        other: Another run that the lock is held for, and by whom.
        proxies: Namespace to revision to number of proxies.
    """

    at: datetime
    holder: str
    holder_alive: bool | None
    renewed: str
    standing: Standing | None
    safe: Reading | None
    proxies: dict[str, dict[str, int]]
    other: str = ""


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


def status_text(status: Status, style: Style, typed: Typed, *, next_commands: bool, banner: str = "") -> str:
    """The screen."""
    parts = ["\n".join(_head(status, style, banner)), "\n".join(_steps(status, style))]
    if status.live is not None:
        parts.append("\n".join(_proxies(status.live, style)))
        if status.live.safe is not None:
            parts.append("\n".join(safety_lines(status.live.safe, style)))
    if next_commands and status.progress.record.closed is None:
        gate = status.progress.record.waiting
        ending = Ending("", status.run, gate=gate.step if gate else "", confirm=gate.confirm if gate else "")
        parts.append("\n".join(in_rows([row for row in commands(ending, typed) if row[0] != "Look"])))
    return "\n\n".join(part for part in parts if part)


def _head(status: Status, style: Style, banner: str) -> Iterator[str]:
    progress, record, live = status.progress, status.progress.record, status.live
    since = f" since {record.last:%Y-%m-%d %H:%M:%S} UTC" if record.last else ""
    by = f", {clean_line(record.opened.holder).partition('/')[0]}" if record.opened else ""
    stop = f" ({record.interrupted.signal})" if record.interrupted and record.status == "interrupted" else ""
    hops = len(progress.plan.hops)
    hop = f", in hop {record.hop} of {hops}" if record.hop and record.closed is None and hops > 1 else ""
    rows = [
        ("Run", f"{status.run}   {status.word}{since}{stop}{by}"),
        ("Plan", f"{progress.plan.id}   {' -> '.join(progress.plan.path)}{hop}"),
        ("Context", progress.plan.cluster.context + (f" ({banner})" if banner else "")),
        ("Lock", _lock(live)),
    ]
    if live is not None:
        rows.append(("Read", f"{live.at:%Y-%m-%d %H:%M:%S} UTC"))
    if record.halted is not None:
        rows.append(("Stopped", f"{record.halted.code} {clean_line(record.halted.headline)}"))
        rows += [("", clean_line(one)) for one in record.halted.what[:4]]
    for word, text in rows:
        yield from [f"{word}: {text}"] if style.accessible else hung(f"{word:10} ", text, style.width)


def _lock(live: Live | None) -> str:
    if live is None:
        return "not asked (record only)"
    if not live.holder:
        return f"held for another run: {clean_line(live.other)}" if live.other else "free"
    holder = clean_line(live.holder)
    if live.holder_alive is False:
        return f"left behind by {holder}: no process holds this run"
    return f"held by {holder}, renewed {live.renewed}"


def _steps(status: Status, style: Style) -> Iterator[str]:
    progress, live = status.progress, status.live
    standing = live.standing if live is not None else None
    head = "Steps: " if style.accessible else "Steps      "
    recorded = f"{head}{progress.done()} of {progress.total()} recorded as done"
    rows: list[tuple[str, str, Planned, str]] = []
    begun = [item for item in progress.in_flight() if not _is_gate(item)]
    if standing is None:
        rows += [("now", "in flight", item, "") for item in begun]
    else:
        more = len(standing.finished) + len(standing.elsewhere) - len(standing.broken)
        recorded += f", {progress.done() + more} are now" if more else ""
        rows += [("ok", "finished since", item, "") for item in standing.finished]
        rows += [("ok", "by somebody else", item, "") for item in standing.elsewhere]
        rows += [
            ("bad", "not true any more", item, f": {clean_line(found)}") for item, found in standing.broken
        ]
        left = [item for item in standing.left if item not in begun]
        rows += [("now", "in flight", item, "") for item in standing.left if item in begun]
        rows += [("later", "next", item, "") for item in left[:1]]
    yield recorded
    for mark, word, item, found in rows:
        if style.accessible:
            yield f"Step {item.id}, {word}: {clean_line(item.title)}{found}"
            continue
        yield from hung(
            f"  {style.mark(mark)} {item.id:7} {word:17}  ", clean_line(item.title) + found, style.width
        )


def _is_gate(item: Planned) -> bool:
    return isinstance(item.action, Gate)


def _proxies(live: Live, style: Style) -> Iterator[str]:
    """Namespaces by revisions; one fact a line where columns do not help."""
    revisions = sorted({r for by in live.proxies.values() for r in by})
    if not revisions:
        yield "Proxies    none"
        return
    if style.accessible:
        for namespace, by in sorted(live.proxies.items()):
            yield f"Proxies of namespace {namespace}: " + ", ".join(
                f"{n} on {r}" for r, n in sorted(by.items())
            )
        return
    widths = [max(len(r), 7) + 2 for r in revisions]
    room = max(style.width - 11 - sum(widths), 12)
    deep = min(max(map(len, live.proxies)), room)
    yield "Proxies    " + " " * deep + "".join(f"{r:>{w}}" for r, w in zip(revisions, widths, strict=True))
    for namespace, by in sorted(live.proxies.items()):
        cells = "".join(f"{by.get(r, 0):>{w}}" for r, w in zip(revisions, widths, strict=True))
        yield f"           {middle(namespace, deep):{deep}}{cells}"


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
