"""A plan as people read it at a terminal: who, what stands in the way, what would happen, and what to type next."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from upgrader.model.finding import Finding, Severity
from upgrader.planning.estimate import BASIS, Span, estimate, estimate_hop
from upgrader.planning.plan import Gate, Hop, Plan, Planned, Wave, plan_digest
from upgrader.report.style import Style

LEGEND = {
    "b": "back up",
    "+": "install",
    "~": "repoint",
    "r": "restart",
    "?": "gate",
    "v": "verify",
    "-": "remove",
}


def plan_text(plan: Plan, style: Style, *, wide: bool = False, banner: str = "") -> str:
    """The whole screen."""
    parts = [
        _head(plan, banner),
        findings_text(plan.findings, plan.checks, style),
        *([] if plan.empty else [_legend(plan), *_hops(plan, style, wide=wide)]),
        _verdict(plan, style),
    ]
    return "\n\n".join(part.rstrip() for part in parts if part)


def _head(plan: Plan, banner: str) -> str:
    counts = plan.counts
    mesh = f"{counts.get('namespaces', 0)} namespaces, {counts.get('workloads', 0)} workloads, {counts.get('proxies', 0)} proxies"
    revision = plan.hops[0].old if plan.hops else ""
    now = (
        f"istiod {plan.path[0]}" + (f", revision {revision}" if revision else "") if plan.path else "no Istio"
    )
    rows = [
        (
            "Context",
            f"{plan.cluster.context}{f' ({banner})' if banner else ''}      Kubernetes {plan.cluster.version}",
        ),
        ("Mesh", mesh),
        ("Now", now),
    ]
    if len(plan.path) > 1:
        hops = f"{len(plan.path) - 1} hop{'s' if len(plan.path) > 2 else ''}, one minor version each"
        rows.append(("Path", f"{' -> '.join(plan.path)}      {hops}"))
    return "\n".join(f"{word:10} {text}" for word, text in rows)


def findings_text(findings: Sequence[Finding], ran: int, style: Style) -> str:
    """Blocked ones first, each with its way out."""
    blocked = [f for f in findings if f.blocks]
    excused = [f for f in findings if f.severity is Severity.BLOCKED and f.allowed]
    advisories = [f for f in findings if f.severity is Severity.ADVISORY]
    ok = max(ran - len({f.code for f in (*blocked, *excused, *advisories)}), 0)
    words = [f"{ok} ok", _count(len(advisories), "advisory", "advisories")]
    words += [_count(len(excused), "exception", "exceptions")] if excused else []
    words += [style.paint(f"{len(blocked)} BLOCKED", "red")] if blocked else ["0 blocked"]
    lines = [f"Checks     {ran} run: {', '.join(words)}"]
    groups = (
        (blocked, "bad", "BLOCKED", "red"),
        (excused, "now", "allowed", "yellow"),
        (advisories, "", "advisory", "yellow"),
    )
    for found, mark, word, color in groups:
        if found:
            lines.append("")
        for finding in found:
            lines += _finding(
                finding, style.mark(mark) if mark else "!", style.paint(f"{word:9}", color), style
            )
    return "\n".join(lines)


def _finding(finding: Finding, mark: str, word: str, style: Style) -> Iterator[str]:
    hop = f"hop {finding.hop}: " if finding.hop and not finding.summary.startswith("hop ") else ""
    room = max(style.width - 26, 30)
    pieces = textwrap.wrap(hop + finding.summary, room, break_long_words=False, break_on_hyphens=False) or [
        ""
    ]
    yield f"  {mark} {word}  {finding.code}   {pieces[0]}"
    yield from (f"{'':26}{piece}" for piece in pieces[1:])
    if finding.allowed:
        yield f"{'':26}reason: {finding.allowed}"
        return
    for number, one in enumerate(finding.do):
        yield f"{'':23}{'do: ' if number == 0 else '    '}{one}"


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _legend(plan: Plan) -> str:
    used = {item.mark for _, _, item in plan.items()}
    return "Steps      " + "   ".join(f"{mark} {word}" for mark, word in LEGEND.items() if mark in used)


def _hops(plan: Plan, style: Style, *, wide: bool) -> Iterator[str]:
    shapes: dict[tuple[str, ...], int] = {}
    for hop in plan.hops:
        items = list(hop.items())
        shape = tuple(f"{i.mark}{_generic(i.title, hop)}" for i in items)
        head = f"Hop {hop.number} of {len(plan.hops)}   {hop.source} -> {hop.target}"
        if not wide and shape in shapes:
            first = f"h{hop.number}.01-{items[-1].id.rpartition('.')[2]}"
            yield f"{head}      the same {len(items)} steps as {first} (-o wide lists them)"
            continue
        shapes[shape] = hop.number
        approvals = sum(1 for i in items if isinstance(i.action, Gate) and i.action.approval)
        tail = [f"{len(items)} steps", f"about {span_text(estimate_hop(hop))}"] + (
            [_count(approvals, "approval", "approvals")] if approvals else []
        )
        yield "\n".join([style.paint(head, "bold") + "      " + ", ".join(tail), *_waves(hop, wide=wide)])


def _generic(title: str, hop: Hop) -> str:
    """The title without versions and counts, so that two hops of one shape are recognised."""
    for word, name in ((hop.new, "NEW"), (hop.old, "OLD"), (hop.target, "NEW"), (hop.source, "OLD")):
        title = title.replace(word, name)
    return re.sub(r"\d+", "#", title)


def _waves(hop: Hop, *, wide: bool) -> Iterator[str]:
    for wave in hop.waves:
        if wave.kind in {"namespaces", "gateways", "tags"}:
            pods = sum(i.pods for i in wave.items)
            restarts = sum(1 for i in wave.items if i.mark == "r")
            about = [", ".join(wave.namespaces)] if wave.namespaces else []
            about += (
                [f"{_count(restarts, 'workload', 'workloads')}, {_count(pods, 'pod', 'pods')}"]
                if restarts
                else []
            )
            about += [f"{wave.at_once} at a time"] if restarts > 1 and wave.at_once > 1 else []
            yield f"     wave {wave.name:11} {'   '.join(about)}".rstrip()
        yield from _items(wave, wide=wide)


def _items(wave: Wave, *, wide: bool) -> Iterator[str]:
    waiting: list[Planned] = []
    for item in wave.items:
        if not wide and item.mark == "r" and (not waiting or _place(item) == _place(waiting[0])):
            waiting.append(item)
            continue
        yield from _restarts(waiting)
        waiting = [item] if not wide and item.mark == "r" else []
        if not waiting:
            yield from _line(item)
    yield from _restarts(waiting)


def _place(item: Planned) -> str:
    return str(getattr(getattr(item.action, "ref", None), "namespace", ""))


def _restarts(items: Sequence[Planned]) -> Iterator[str]:
    """Restarts of one namespace on one line: ``h1.05-06  httpbin (2 pods), sleep (1 pod)``."""
    if not items:
        return
    first, last = items[0].id, items[-1].id
    span = first if first == last else f"{first}-{last.rpartition('.')[2]}"
    words = [i.title.removeprefix("restart ").removeprefix(f"{_place(i)}/") for i in items]
    place = _place(items[0])
    for number, line in enumerate(_packed(words, place, 84)):
        yield f"  {'r' if number == 0 else ' '}  {span if number == 0 else '':10}{line}"


def _packed(words: Sequence[str], place: str, room: int) -> Iterator[str]:
    """``shop: cart (2 pods), catalog (8 pods)`` in lines; a workload is never torn from its pods."""
    line = f"{place}: "
    for number, word in enumerate(words):
        piece = word + (", " if number < len(words) - 1 else "")
        if len(line) + len(piece.rstrip()) > room and line.strip() != f"{place}:":
            yield line.rstrip()
            line = " " * (len(place) + 2)
        line += piece
    yield line.rstrip()


def _line(item: Planned) -> Iterator[str]:
    pieces = textwrap.wrap(item.title, 84, break_long_words=False, break_on_hyphens=False) or [""]
    yield f"  {item.mark}  {item.id:10}{pieces[0]}"
    yield from (f"{'':15}{piece}" for piece in pieces[1:])
    if item.rolls:
        yield f"{'':15}rolls: {', '.join(item.rolls)}"
    if item.mark == "-":
        yield f"{'':15}<- from here, going back is a reinstall"


def _verdict(plan: Plan, style: Style) -> str:
    if plan.blocked:
        number = sum(1 for f in plan.findings if f.blocks)
        return style.paint(f"This plan cannot be applied: {number} blocked.", "red")
    if plan.empty:
        return f"Nothing to do: the mesh is at {plan.path[0] if plan.path else 'no version'}."
    return _totals(plan)


def _totals(plan: Plan) -> str:
    marks = [item.mark for _, _, item in plan.items()]
    manual = sum(1 for _, _, i in plan.items() if isinstance(i.action, Gate) and i.action.approval)
    pods = sum(i.pods for _, _, i in plan.items())
    words = []
    for mark, word in LEGEND.items():
        number = sum(1 for one in marks if one == mark)
        if number and mark != "?":
            words.append(f"{number} {word}" + (f" ({pods} pods)" if mark == "r" else ""))
        elif number:
            words.append(f"{_count(number, 'gate', 'gates')} ({manual} manual)")
    text = f"Plan: {len(marks)} steps: {', '.join(words)}."
    approvals = f", plus {_count(manual, 'approval', 'approvals')}" if manual else ""
    lines = textwrap.wrap(text, 100, subsequent_indent="      ")
    return "\n".join(
        [*lines, f"      About {span_text(estimate(plan))}{approvals}.", f"      Basis: {BASIS}."]
    )


def span_text(span: Span) -> str:
    """``52-70 min`` or ``1 h 44 min to 2 h 20 min``."""
    low, high = (int(one.total_seconds() // 60) for one in (span.shortest, span.longest))
    if high < 60:
        return f"{low}-{high} min" if low != high else f"{low} min"
    return f"{low // 60} h {low % 60:02d} min to {high // 60} h {high % 60:02d} min"


def saved_text(plan: Plan, path: str, *, program: str = "upgrade", flags: str = "") -> str:
    """What follows a saved plan: where it is, until when it holds, what to do with it."""
    digest = plan_digest(plan)
    if plan.blocked:
        lines = [
            f"Saved anyway for reading: {path} ({plan.id})",
            "",
            f"Next   after fixing:   {program} plan --to {plan.path[-1]} --out {path}{flags}",
            f"       a finding:      {program} explain {next(f.code for f in plan.findings if f.blocks)}",
            f"       for the review: {program} show {path} -o markdown",
        ]
        return "\n".join(lines)
    until = f"{plan.valid_until:%Y-%m-%d %H:%M} UTC"
    lines = [
        f"Saved: {path} ({plan.id}, sha256 {digest[:10]}, applicable until {until})",
        "",
        f"Next   review:   {program} show {path} -o markdown",
        f"       rehearse: {program} apply {path} --dry-run=server{flags}",
        f"       apply:    {program} apply {path}{flags}",
    ]
    return "\n".join(lines)
