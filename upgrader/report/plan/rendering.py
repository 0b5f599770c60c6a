"""How the manifests of a hop came to be: which istioctl, which options went along, what the new control plane does differently."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.cluster.clean import clean_line
from upgrader.model.installing import Difference, Option
from upgrader.model.step import counted
from upgrader.planning.plan import Hop, Plan
from upgrader.report.fitting import fitted, hung
from upgrader.report.style import Style

_MARKS = {"changed": "~", "added": "+", "removed": "-"}


def rendered_rows(plan: Plan) -> list[str]:
    """One line a hop; none where nothing was rendered by us."""
    rows = []
    for binary in plan.binaries:
        hop = next((h for h in plan.hops if h.target == binary.version), None)
        some = hop is not None and (hop.options.decided or hop.differences)
        told = f": {_numbers(hop)} (-o wide lists them)" if hop is not None and some else ""
        rows.append(f"istioctl {binary.version}{told}")
    return rows


def rendered_text(plan: Plan, style: Style) -> Iterator[str]:
    """One block a hop, everything."""
    for binary in plan.binaries:
        yield "\n".join(
            [
                *fitted(f"Rendered by istioctl {binary.version}: {binary.path}", style.width),
                f"  sha256 {binary.sha256}, found by {binary.origin}",
                *(line for hop in plan.hops if hop.target == binary.version for line in _hop(hop, style)),
            ]
        )


def rendered_lines(hop: Hop) -> list[str]:
    """The same for a review, as lines of a diff."""
    options = hop.options
    lines = [f"  read from {clean_line(', '.join(options.source) or 'nothing')}"] if options.decided else []
    lines += [f"{'+' if o.fate == 'carried' else '-'} {_option(o)}" for o in options.decided]
    for one in hop.differences:
        lines += [f"{'!' if one.change == 'changed' else _MARKS[one.change]} {_subject(one)}"]
        lines += [f"!   {clean_line(field)}" for field in one.fields]
        lines += [f"!   and {counted(one.more, 'more field')}"] if one.more else []
    return lines


def rendered_title(hop: Hop) -> str:
    """What the lines are about."""
    return f"Options and differences of hop {hop.number}: {_numbers(hop)}"


def _numbers(hop: Hop) -> str:
    carried = sum(o.fate == "carried" for o in hop.options.decided)
    dropped = len(hop.options.decided) - carried
    return f"{counted(carried, 'option')} carried over, {dropped} dropped; {_differ(hop)}"


def _differ(hop: Hop) -> str:
    number = len(hop.differences)
    return f"{counted(number, 'object')} {'differs' if number == 1 else 'differ'}"


def _hop(hop: Hop, style: Style) -> Iterator[str]:
    options = hop.options
    source = clean_line(", ".join(options.source)) or "nothing says what the old revision was installed with"
    yield from hung("  options: ", source, style.width)
    for one in options.decided:
        word = "carried" if one.fate == "carried" else "dropped"
        yield from hung(f"    {word} ", _option(one), style.width)
    if options.same:
        yield f"    {counted(options.same, 'option')} as {hop.target} has by itself"
    yield f"  against {hop.old}, {_differ(hop)}, beside names and releases"
    for difference in hop.differences:
        yield f"    {_MARKS[difference.change]} {_subject(difference)}"
        for field in difference.fields:
            yield from hung("        ", clean_line(field), style.width)
        if difference.more:
            yield f"        and {counted(difference.more, 'more field')}"


def _option(option: Option) -> str:
    return f"{clean_line(option.key)} = {clean_line(option.value)}  ({option.why})"


def _subject(difference: Difference) -> str:
    return clean_line(difference.subject)
