"""What a reviewer needs to know of a plan, ready for the page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from upgrader.model.finding import Finding
from upgrader.model.step import counted
from upgrader.planning.outlook.estimate import estimate, estimate_hop
from upgrader.planning.plan import Gate, Hop, Plan, Planned
from upgrader.report.fitting import is_command
from upgrader.report.outlook.tables import restart_table, time_table
from upgrader.report.outlook.worst import told_of, worst_moment
from upgrader.report.plan.equivalents import equivalents
from upgrader.report.plan.escaping import code, escaped, fence, inline
from upgrader.report.plan.findings import MANY, answer_rows, by_severity, tally
from upgrader.report.plan.grouping import shape_of
from upgrader.report.plan.hop_lines import folded_lines, hop_lines, wave_lines
from upgrader.report.plan.rendering import rendered_lines, rendered_title
from upgrader.report.plan.steps import mesh_text

_HANDLED = "nothing: "
"""How the advice of a finding begins that the plan takes care of by itself."""


@dataclass(frozen=True)
class Fold:
    """A part that opens on a click."""

    title: str
    kind: str
    lines: list[str]

    @property
    def fence(self) -> str:
        """Backticks around the lines; none around a table."""
        return fence(self.lines) if self.kind else ""


def facts(plan: Plan) -> dict[str, Any]:
    """Everything above the folds."""
    manual = [i.id for _, _, i in plan.items() if isinstance(i.action, Gate) and i.action.approval]
    blocked, excused, advisories = by_severity(plan.findings)
    return {
        "plan": plan,
        "verdict": _verdict(plan),
        "tally": f"{counted(plan.checks, 'check')}: {', '.join(tally(plan.findings, plan.checks)).lower()}",
        "counts": _counts(plan),
        "length": str(estimate(plan)),
        "approvals": f" + {counted(len(manual), 'approval')}" if manual else "",
        "validity": _validity(plan),
        "made": f"{plan.made:%Y-%m-%d %H:%M} UTC",
        "table": _table(plan),
        "back": list(_way_back(plan)),
        "worst": worst_moment(plan),
        "sections": [
            ("Blocked", "What stands in the way, and what to do", rows(blocked)),
            ("Exceptions", "What was allowed, and why", rows(excused)),
            ("Advisories", "What to know, and what to do", rows(advisories)),
        ],
        "answers": answer_rows(plan),
        "tasks": list(_tasks(manual, advisories)) if plan.hops else [],
    }


def _verdict(plan: Plan) -> tuple[str, str]:
    if plan.blocked:
        return "CAUTION", "Not applicable."
    return "NOTE", "Nothing to do." if plan.empty else "Applicable."


def _validity(plan: Plan) -> str:
    if plan.blocked or plan.empty:
        return ""
    return f" Valid until {plan.valid_until:%Y-%m-%d %H:%M} UTC or until the mesh changes."


def _counts(plan: Plan) -> str:
    return f"{counted(len(plan.hops), 'hop')} | {mesh_text(plan)}"


def _table(plan: Plan) -> list[tuple[str, list[str]]]:
    """Rows of what happens, a cell for each hop."""

    def row(words: str, cell: Callable[[list[Planned], Hop], str]) -> tuple[str, list[str]]:
        return words, [cell(list(hop.items()), hop) for hop in plan.hops]

    def of(items: list[Planned], mark: str) -> list[Planned]:
        return [i for i in items if i.mark == mark]

    def restarts(items: list[Planned], _: Hop) -> str:
        return f"{len(of(items, 'r'))} ({sum(i.pods for i in of(items, 'r'))})"

    def gates(items: list[Planned], _: Hop) -> str:
        found = [i.action for i in items if isinstance(i.action, Gate)]
        return f"{len(found)} ({sum(bool(g.approval) for g in found)})"

    return [
        row(
            "New istiod, installed beside the old one", lambda items, hop: hop.new if of(items, "+") else "-"
        ),
        row("Namespaces, tags and gateways pointed at it", lambda items, _: str(len(of(items, "~")))),
        row("Workloads restarted (pods replaced)", restarts),
        row("Gates that must pass (of these, a person approves)", gates),
        row(
            "Old istiod removed, **after approval**",
            lambda items, hop: hop.old if of(items, "-") else "stays",
        ),
    ]


def _way_back(plan: Plan) -> Iterator[str]:
    """How to go back, for how long, and how long it takes."""
    last = [next((i.id for i in hop.items() if i.mark == "-"), "") for hop in plan.hops]
    until = " / ".join(f"`{one}`" for one in last if one)
    yield "`upgrade rollback` moves everything back and restarts it"
    each = " for each hop" if len(plan.hops) > 1 else ""
    yield (f", about {estimate_hop(_unsoaked(plan.hops[0]), plan.outlook)}{each}" if plan.hops else "")
    if until:
        yield f", at any time before step {until}. From that step on the old istiod is gone: going back to it is a "
        yield "reinstall from the backup that each hop begins with."
    else:
        yield ", at any time: nothing is removed."


def _unsoaked(hop: Hop) -> Hop:
    """The hop as a way back takes it: without soaking."""

    def bare(item: Planned) -> Planned:
        if not isinstance(item.action, Gate):
            return item
        return msgspec.structs.replace(item, action=msgspec.structs.replace(item.action, soak=timedelta(0)))

    waves = tuple(
        msgspec.structs.replace(w, items=tuple(bare(i) for i in w.items))
        for w in hop.waves
        if w.kind not in {"backup", "install"}
    )
    return msgspec.structs.replace(hop, waves=waves)


def rows(findings: Sequence[Finding]) -> list[dict[str, str]]:
    """Table rows; of many findings of one code, the first few and the number of the others."""
    found = []
    for key in dict.fromkeys((f.code, f.hop) for f in findings):
        alike = [f for f in findings if (f.code, f.hop) == key]
        shown = alike if len(alike) <= MANY else alike[: MANY - 2]
        found += [_row(one) for one in shown]
        if left := alike[len(shown) :]:
            names = ", ".join(f"`{code(f.subject)}`" for f in left[:10])
            tail = f" and {len(left) - 10} more; the plan names them" if len(left) > 10 else ""
            found.append(_row(left[0]) | {"object": f"{len(left)} more", "words": f"the same: {names}{tail}"})
    return found


def _row(finding: Finding) -> dict[str, str]:
    words = [escaped(told_of(finding))]
    if finding.allowed:
        words.append(f"**Allowed:** {escaped(finding.allowed)}")
    elif finding.do:
        words.append(_advice(finding.do[0]))
    return {
        "code": finding.code,
        "hop": str(finding.hop or "all"),
        "object": f"`{code(finding.subject)}`" if finding.subject else "the mesh",
        "words": ". ".join(words),
    }


def _advice(text: str) -> str:
    command, _, remark = text.partition("  #")
    said = f" ({escaped(remark)})" if remark.strip() else ""
    if text.startswith(_HANDLED):
        return (
            f"The plan takes care of it: it {escaped(text.removeprefix(_HANDLED).removeprefix('the plan '))}"
        )
    return f"**Do:** {inline(command) if is_command(command) else escaped(command)}{said}"


def _tasks(manual: Sequence[str], advisories: Sequence[Finding]) -> Iterator[str]:
    yield "Reviewer: waves and soak times fit the change window"
    if manual:
        yield f"Reviewer: who approves {' and '.join(f'`{one}`' for one in manual)} is named in the change"
    own = [f for f in advisories if "/" in f.subject and not any(d.startswith(_HANDLED) for d in f.do)]
    for one in own[:MANY]:
        yield f"Owner of `{code(one.subject)}`: {one.code} read"
    if len(own) > MANY:
        yield f"Owners of {len(own) - MANY} more objects: their advisories read"


def fold_steps(plan: Plan, *, first: str, later: bool) -> list[Fold]:
    """The steps of each hop; one of the same shape as the first is folded to what is new about it."""
    folds = []
    for hop in plan.hops:
        number = counted(sum(1 for _ in hop.items()), "step")
        title = f"Steps of hop {hop.number}, {hop.source} to {hop.target} ({number})"
        if hop is not plan.hops[0] and not later:
            continue
        if hop is not plan.hops[0] and shape_of(plan.hops[0]) == shape_of(hop):
            folds.append(Fold(f"{title}: the same shape as hop 1", "diff", folded_lines(hop)))
        elif hop is not plan.hops[0] or first == "steps":
            folds.append(Fold(title, "diff", hop_lines(hop)))
        elif first:
            folds.append(Fold(f"{title}, by wave", "diff", wave_lines(hop)))
    return folds


def fold_equivalents(plan: Plan) -> list[Fold]:
    """What the first moves would be, by hand."""
    if not plan.hops:
        return []
    wave, lines = equivalents(plan.hops[0])
    title = f"Equivalent commands, hop 1 to the end of wave {wave}" if wave else "Equivalent commands, hop 1"
    return [Fold(f"{title} (without the gates)", "shell", lines)] if lines else []


def fold_rendering(plan: Plan) -> list[Fold]:
    """What the new control planes were rendered with, and what they do differently."""
    told = [(hop, rendered_lines(hop)) for hop in plan.hops]
    return [Fold(rendered_title(hop), "diff", lines) for hop, lines in told if lines]


def fold_restarts(plan: Plan) -> list[Fold]:
    """What the restarts mean, and how long it all takes; nothing where nothing is done."""
    if not plan.hops:
        return []
    found = {
        "Restarts, worst first": restart_table(plan),
        "Time by wave, and what it rests on": time_table(plan),
    }
    return [Fold(title, "", lines) for title, lines in found.items() if lines]


def fold_images(plan: Plan) -> list[Fold]:
    """Which images run now, and after each hop."""
    names = sorted({name for hop in plan.hops for name in hop.images})
    if not names:
        return []
    now = _images_now(plan)
    lines = [
        f"| Image | Now | {' | '.join(f'Hop {h.number}' for h in plan.hops)} |",
        "|---|---|" + "---|" * len(plan.hops),
    ]
    for name in names:
        cells = [now.get(name, ""), *(hop.images.get(name, "") for hop in plan.hops)]
        lines.append(f"| {name} | {' | '.join(f'`{code(c)}`' if c else '-' for c in cells)} |")
    return [Fold("Images", "", lines)]


def _images_now(plan: Plan) -> dict[str, str]:
    """What runs, by the facts that the plan depends on; the commonest where there are several."""
    old = plan.hops[0].old
    planes = {p.subject: p.value for p in plan.preconditions if p.fact == "image"}
    proxies = sorted(plan.hops[0].former_images.values())
    found = {"pilot": planes.get(f"istiod {old}", "")}
    return found | ({"proxyv2": max(set(proxies), key=proxies.count)} if proxies else {})
