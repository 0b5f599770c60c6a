"""A plan as people read it at a terminal: who, what stands in the way, what would happen, and what to type next."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog import site_flag
from upgrader.model.step import counted
from upgrader.planning.outlook.estimate import estimate
from upgrader.planning.plan import Gate, Plan, plan_digest
from upgrader.report.fitting import Typed, fitted, hung, joined
from upgrader.report.outlook.blocks import restarts_text, times_text
from upgrader.report.outlook.classes import basis_lines
from upgrader.report.plan.findings import answers_text, findings_text
from upgrader.report.plan.rendering import rendered_rows, rendered_text
from upgrader.report.plan.steps import LEGEND, hops_text, mesh_text
from upgrader.report.style import Style


def plan_text(
    plan: Plan, style: Style, *, wide: bool = False, banner: str = "", typed: Typed | None = None
) -> str:
    """The whole screen."""
    parts = [
        "\n".join(_head(plan, banner, style)),
        findings_text(plan.findings, plan.checks, style, typed=typed, wide=wide),
        answers_text(plan, style),
        *([] if plan.empty or style.accessible else [_legend(plan, style)]),
        *([] if plan.empty else hops_text(plan, style, wide=wide)),
        restarts_text(plan, style, wide=wide),
        times_text(plan, style) if wide else "",
        *(rendered_text(plan, style) if wide else ()),
        _verdict(plan, style),
    ]
    return "\n\n".join(part.rstrip() for part in parts if part)


def _head(plan: Plan, banner: str, style: Style) -> Iterator[str]:
    context = [
        plan.cluster.context + (f" ({banner})" if banner else ""),
        f"Kubernetes {plan.cluster.version}",
    ]
    rows = [("Context", context), ("Mesh", [mesh_text(plan)]), ("Now", [_now(plan)])]
    if len(plan.path) > 1:
        hops = len(plan.path) - 1
        words = f"{hops} hops, one minor version each" if hops > 1 else "1 hop"
        rows.append(("Path", [" -> ".join(plan.path), words]))
    rows += [("Install" if n == 0 else "", [text]) for n, text in enumerate(rendered_rows(plan))]
    for word, texts in rows:
        if style.accessible:
            yield f"{word or 'Install'}: {', '.join(texts)}"
            continue
        fits = sum(map(len, texts)) + 17 <= style.width
        for number, text in enumerate(["      ".join(texts)] if fits else texts):
            yield from hung(f"{word if number == 0 else '':10} ", text, style.width)


def _now(plan: Plan) -> str:
    """What runs: told by the facts that the plan depends on."""
    facts = [(p.subject.partition(" ")[::2], p.fact, p.value) for p in plan.preconditions]
    planes = sorted({name for (kind, name), _, _ in facts if kind == "istiod"})
    revision = plan.hops[0].old if plan.hops else planes[0] if len(planes) == 1 and plan.path else ""
    if not revision:
        return f"istiod {', '.join(planes)}" if planes else "no Istio"
    tags = sorted(
        {name for (kind, name), fact, value in facts if (kind, fact, value) == ("tag", "webhook", revision)}
    )
    others = [one for one in planes if one != revision]
    return ", ".join(
        [
            f"istiod {plan.path[0]}, revision {revision}",
            *([f"tag{'s' if len(tags) > 1 else ''} {' and '.join(tags)} -> {revision}"] if tags else []),
            *([f"beside {' and '.join(others)}"] if others else []),
        ]
    )


def _legend(plan: Plan, style: Style) -> str:
    used = {item.mark for _, _, item in plan.items()}
    words = [f"{mark} {word}" for mark, word in LEGEND.items() if mark in used]
    return "\n".join(joined(words, style.width, "Steps      ", "   "))


def _verdict(plan: Plan, style: Style) -> str:
    if plan.blocked:
        number = sum(1 for f in plan.findings if f.blocks)
        return style.paint(f"This plan cannot be applied: {number} blocked.", "red")
    if plan.empty:
        return f"Nothing to do: the mesh is at {plan.path[0] if plan.path else 'no version'}."
    return "\n".join(_totals(plan, style))


def _totals(plan: Plan, style: Style) -> Iterator[str]:
    items = [item for _, _, item in plan.items()]
    manual = sum(1 for item in items if isinstance(item.action, Gate) and item.action.approval)
    words = []
    for mark, word in LEGEND.items():
        number = sum(1 for item in items if item.mark == mark)
        if number and mark == "?":
            words.append(f"{counted(number, 'gate')} ({manual} manual)")
        elif number:
            pods = f" ({counted(sum(i.pods for i in items), 'pod')})" if mark == "r" else ""
            words.append(f"{number} {word}{pods}")
    head = f"Plan: {counted(len(items), 'step')}: "
    yield from joined([*words[:-1], f"{words[-1]}."], style.width, head, rest="      ")
    approvals = f", plus {counted(manual, 'approval')}" if manual else ""
    yield from fitted(f"      About {estimate(plan)}{approvals}.", style.width)
    for number, line in enumerate(basis_lines(plan)):
        yield from hung("      Basis: " if number == 0 else " " * 13, line, style.width)


def saved_text(plan: Plan, path: str, style: Style, typed: Typed, *, next_commands: bool = True) -> str:
    """What follows a saved plan: where it is, until when it holds, what to do with it."""
    if plan.blocked:
        saved = f"Saved anyway for reading: {path} ({plan.id})"
        code = next(f.code for f in plan.findings if f.blocks)
        target = f" --to {plan.path[-1]}" if plan.path else ""
        rows = [
            ("after fixing:", f"upgrade plan{target}{site_flag(plan.catalog)} --out {path}"),
            ("a finding:", f"upgrade explain {code}"),
            ("for the review:", f"upgrade show {path} -o markdown"),
        ]
    else:
        until = f"{plan.valid_until:%Y-%m-%d %H:%M} UTC"
        saved = f"Saved: {path} ({plan.id}, sha256 {plan_digest(plan)[:10]}, applicable until {until})"
        if plan.binaries:
            saved += f". Its manifests: {plan.manifests}; keep them beside it"
        rows = [
            ("review:", f"upgrade show {path} -o markdown"),
            ("rehearse:", f"upgrade apply {path} --dry-run=server"),
            ("apply:", f"upgrade apply {path}"),
        ]
    deep = max(len(word) for word, _ in rows)
    commands = [
        f"{'Next' if n == 0 else '':6} {word:{deep}} {typed.command(command)}"
        for n, (word, command) in enumerate(rows)
    ]
    return "\n".join([*fitted(saved, style.width, "       "), *(["", *commands] if next_commands else [])])
