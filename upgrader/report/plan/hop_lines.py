"""The steps of a hop for a review: changes coloured by a diff fence, restarts of one namespace on one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.cluster.clean import clean_line
from upgrader.model.step import counted
from upgrader.planning.plan import Hop, Planned, Wave
from upgrader.report.fitting import some
from upgrader.report.plan.grouping import groups, place_of, span_of

_SIGNS = {"+": "+", "~": "!", "r": "!", "-": "-"}
_NAMES = 160
"""Characters of names in a line that stands for a whole wave."""


def hop_lines(hop: Hop) -> list[str]:
    """Every step, restarts grouped."""
    return [line for wave in hop.waves for group in groups(wave) for line in _line(group)]


def wave_lines(hop: Hop) -> list[str]:
    """One line for each wave that moves something, every step for the others."""
    return [line for wave in hop.waves for line in _brief(wave)]


def folded_lines(hop: Hop) -> list[str]:
    """A hop of the same shape as an earlier one: what is new about it, the rest in one line."""
    items = list(hop.items())
    plane = next((i for i in items if i.mark == "+" and hop.new in i.title), None)
    removed = next((i for i in items if i.mark == "-"), None)
    moves = [i for i in items if i.mark in "~r"]
    lines = [*(_line([plane]) if plane else [])]
    if moves:
        lines.append(f"! {span_of(moves):9} the same namespaces, tags, gateways and workloads, to {hop.new}")
    return [*lines, *(_line([removed]) if removed else [])]


def _line(group: Sequence[Planned]) -> Iterator[str]:
    first = group[0]
    sign = _SIGNS.get(first.mark, " ")
    if first.mark != "r":
        yield f"{sign} {first.id:9} {clean_line(first.title)}"
        return
    place = place_of(first)
    words = [f"{_short(item, place)} ({item.pods})" for item in group]
    yield f"{sign} {span_of(group):9} restart {place}: {', '.join(words)}"


def _brief(wave: Wave) -> Iterator[str]:
    if wave.kind not in {"namespaces", "gateways"}:
        yield from (line for group in groups(wave) for line in _line(group))
        return
    moved = [i for i in wave.items if i.mark == "r"]
    pods = counted(sum(i.pods for i in moved), "pod")
    facts = f"{counted(len(moved), 'workload')}, {pods}, in {some(wave.namespaces, _NAMES)}"
    yield f"! {span_of(wave.items):9} wave {clean_line(wave.name)}: {facts}"


def _short(item: Planned, place: str) -> str:
    name = getattr(getattr(item.action, "ref", None), "name", "")
    return clean_line(str(name) or item.title).removeprefix(f"{place}/")
