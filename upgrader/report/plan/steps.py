"""The steps of a plan, hop by hop and wave by wave; a hop of the same shape as an earlier one is folded."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.cluster.clean import clean_line
from upgrader.model.step import counted
from upgrader.planning.outlook.estimate import estimate_hop
from upgrader.planning.plan import Gate, Plan, Planned, Wave
from upgrader.report.fitting import fitted, hung, joined, some
from upgrader.report.plan.grouping import groups, place_of, shape_of, span_of
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
_MARGIN = " " * 15


def hops_text(plan: Plan, style: Style, *, wide: bool) -> Iterator[str]:
    """One block for each hop."""
    shapes: set[tuple[str, ...]] = set()
    for hop in plan.hops:
        items = list(hop.items())
        shape = shape_of(hop)
        head = f"Hop {hop.number} of {len(plan.hops)}   {hop.source} -> {hop.target}"
        if not wide and shape in shapes:
            words = f"the same {len(items)} steps as {span_of(items)} (-o wide lists them)"
            yield _headline(head, words, style)
            continue
        shapes.add(shape)
        approvals = sum(1 for i in items if isinstance(i.action, Gate) and i.action.approval)
        facts = [counted(len(items), "step"), f"about {estimate_hop(hop, plan.outlook)}"]
        facts += [counted(approvals, "approval")] if approvals else []
        waves = [line for wave in hop.waves for line in _wave(wave, style, wide=wide)]
        yield "\n".join([_headline(head, ", ".join(facts), style), *waves])


def _headline(head: str, facts: str, style: Style) -> str:
    if style.accessible:
        return f"{head.replace('   ', ': ')}. {facts}"
    if len(head) + len(facts) + 6 <= style.width:
        return f"{style.paint(head, 'bold')}      {facts}"
    return "\n".join([style.paint(head, "bold"), *fitted(" " * 11 + facts, style.width)])


def _wave(wave: Wave, style: Style, *, wide: bool) -> Iterator[str]:
    if style.accessible:
        yield from _spoken(wave)
        return
    if wave.namespaces:
        yield from _wave_head(wave, style, wide=wide)
    if wide:
        yield from (line for item in wave.items for line in _line(item, style))
        return
    for group in groups(wave):
        yield from _restarts(group, style) if group[0].mark == "r" else _line(group[0], style)


def _spoken(wave: Wave) -> Iterator[str]:
    """One fact a line, for a voice."""
    if wave.namespaces:
        yield f"Wave {wave.name}: {', '.join(wave.namespaces)}. {', '.join(_size(wave))}".rstrip(" .")
    for item in wave.items:
        rolls = f". Rolls {', '.join(item.rolls)}" if item.rolls else ""
        last = ". From here, going back is a reinstall" if item.mark == "-" else ""
        yield f"Step {item.id}, {LEGEND[item.mark]}: {clean_line(item.title)}{rolls}{last}"


def _size(wave: Wave) -> list[str]:
    """How many workloads, and how many of them at once."""
    restarts = sum(1 for i in wave.items if i.mark == "r")
    pods = counted(sum(i.pods for i in wave.items), "pod")
    facts = [f"{counted(restarts, 'workload')}, {pods}"] if restarts else []
    return [*facts, *([f"{wave.at_once} at a time"] if restarts > 1 and wave.at_once > 1 else [])]


def _wave_head(wave: Wave, style: Style, *, wide: bool) -> Iterator[str]:
    """``wave apps   shop   6 workloads, 38 pods   2 at a time``."""
    head, facts = f"     wave {wave.name:11} ", _size(wave)
    room = style.width - len(head) - len("   ".join(facts)) - 3
    names = ", ".join(wave.namespaces)
    if len(names) <= room:
        yield head + "   ".join([names, *facts])
    elif wide:
        yield from joined(wave.namespaces, style.width, head)
        yield from [" " * len(head) + "   ".join(facts)] if facts else []
    else:
        yield from hung(head, some(wave.namespaces, style.width - len(head)), style.width)
        yield from [" " * len(head) + "   ".join(facts)] if facts else []


def _restarts(items: Sequence[Planned], style: Style) -> Iterator[str]:
    """Restarts of one namespace on one line: ``h1.05-06  shop: cart (2 pods), search (1 pod)``."""
    place = place_of(items[0])
    words = [clean_line(i.title).removeprefix("restart ").removeprefix(f"{place}/") for i in items]
    yield from joined(words, style.width, f"  r  {span_of(items):10}{place}: ")


def _line(item: Planned, style: Style) -> Iterator[str]:
    yield from hung(f"  {item.mark}  {item.id:10}", clean_line(item.title), style.width)
    if item.rolls:
        yield from joined(item.rolls, style.width, f"{_MARGIN}rolls: ")
    if item.mark == "-":
        yield from fitted(f"{_MARGIN}<- from here, going back is a reinstall", style.width)


def mesh_text(plan: Plan) -> str:
    """``12 namespaces, 40 workloads, 120 proxies``: the mesh that was planned for."""
    words = (("namespace", "namespaces"), ("workload", "workloads"), ("proxy", "proxies"))
    return ", ".join(counted(plan.counts.get(many, 0), one, many) for one, many in words)
