"""Findings as people read them: blocked ones first, each with its way out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.cluster.clean import clean_line
from upgrader.model.finding import Finding, Severity
from upgrader.model.step import counted
from upgrader.planning.plan import Plan
from upgrader.report.fitting import Typed, advice, fitted, hung, some
from upgrader.report.style import Style

MANY = 5
"""Findings of one code that are all shown; of more only the first ones are, unless everything was asked for."""
_MARGIN = 25


def tally(findings: Sequence[Finding], ran: int) -> list[str]:
    """``37 ok``, ``3 advisories``, ``0 blocked``."""
    blocked, excused, advisories = by_severity(findings)
    ok = max(ran - len({f.code for f in (*blocked, *excused, *advisories)}), 0)
    words = [f"{ok} ok", counted(len(advisories), "advisory", "advisories")]
    words += [counted(len(excused), "exception")] if excused else []
    return [*words, f"{len(blocked)} {'BLOCKED' if blocked else 'blocked'}"]


def findings_text(
    findings: Sequence[Finding], ran: int, style: Style, *, typed: Typed | None = None, wide: bool = False
) -> str:
    """What was checked, and what was found.

    Args:
        findings: All of them.
        ran: How many checks were run.
        style: Width, marks, colour.
        typed: How this user's commands begin and end.
        wide: Every finding of a code of which there are many.
    """
    words = tally(findings, ran)
    last = style.paint(words[-1], "red") if any(f.blocks for f in findings) else words[-1]
    head = "Checks: " if style.accessible else "Checks     "
    lines = [f"{head}{ran} run: {', '.join([*words[:-1], last])}"]
    for group in by_severity(findings):
        lines += [""] if group else []
        for code in dict.fromkeys(f.code for f in group):
            alike = [f for f in group if f.code == code]
            shown = alike if wide or len(alike) <= MANY else alike[: MANY - 2]
            for finding in shown:
                lines += _finding(finding, style, typed or Typed())
            lines += _rest(alike[len(shown) :], code, style)
    return "\n".join(lines)


def by_severity(findings: Sequence[Finding]) -> tuple[list[Finding], list[Finding], list[Finding]]:
    """Blocked, excused, advisories."""
    return (
        [f for f in findings if f.blocks],
        [f for f in findings if f.severity is Severity.BLOCKED and f.allowed],
        [f for f in findings if f.severity is Severity.ADVISORY],
    )


def label(finding: Finding, style: Style) -> str:
    """Mark and word: ``✖ BLOCKED ``."""
    mark, word, color = (
        (style.mark("bad"), "BLOCKED", "red")
        if finding.blocks
        else (style.mark("now"), "allowed", "yellow")
        if finding.severity is Severity.BLOCKED
        else ("!", "advisory", "yellow")
    )
    return f"{mark} {style.paint(f'{word:8}', color)}"


def summary(finding: Finding) -> str:
    """What was found, and in which hop, unless it says so itself."""
    hop = f"hop {finding.hop}: " if finding.hop and not finding.summary.startswith("hop ") else ""
    return hop + clean_line(finding.summary)


def _finding(finding: Finding, style: Style, typed: Typed) -> Iterator[str]:
    if style.accessible:
        yield from _spoken(finding, style, typed)
        return
    margin = " " * _MARGIN
    room = max(style.width - _MARGIN, 30)
    first, *more = fitted(summary(finding), room)
    yield f"  {label(finding, style)}  {finding.code}   {first}"
    yield from (margin + piece for piece in more)
    if finding.allowed:
        yield from (margin + piece for piece in hung("reason: ", finding.allowed, room))
        return
    for number, line in enumerate(advice(finding.do, typed, room - 4)):
        yield f"{margin}{'do: ' if number == 0 else '    '}{line}"


def _spoken(finding: Finding, style: Style, typed: Typed) -> Iterator[str]:
    """One fact a line, for a voice."""
    word = "Blocked" if finding.blocks else "Allowed" if finding.allowed else "Advisory"
    yield f"{word}: {finding.code}, {summary(finding)}"
    yield from [f"Reason: {finding.allowed}"] if finding.allowed else []
    do = () if finding.allowed else finding.do
    yield from (f"Do: {line}" for line in advice(do, typed, style.width))


def _rest(left: Sequence[Finding], code: str, style: Style) -> Iterator[str]:
    if left:
        room = max(style.width - _MARGIN, 30)
        names = some([f.subject for f in left], room)
        for line in fitted(f"and {len(left)} more of {code}: {names} (-o wide shows them)", room):
            yield " " * _MARGIN + line


def answers_text(plan: Plan, style: Style) -> str:
    """What somebody answered, a line each: an answer with no is why a warning is not there."""
    return "\n".join(_answer_lines(plan, style))


def _answer_lines(plan: Plan, style: Style) -> Iterator[str]:
    width = max((len(a.id) for a in plan.answers), default=0)
    for number, answer in enumerate(plan.answers):
        words = clean_line(answer.words)
        if style.accessible:
            yield f"Answer to {answer.id}: {words}"
            continue
        head = "Answers" if number == 0 else ""
        yield from hung(f"{head:10} {answer.id:{width}}  ", words, style.width)


def answer_rows(plan: Plan) -> list[tuple[str, str]]:
    """Advisory and answer, for the table of a review."""
    return [(a.id, a.words) for a in plan.answers]
