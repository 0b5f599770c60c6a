"""What steps have in common, so that several are one line and two hops of one shape are one block."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from upgrader.planning.plan import Hop, Planned, Wave


def groups(wave: Wave) -> Iterator[list[Planned]]:
    """Steps one by one; restarts in one namespace that follow each other, together."""
    waiting: list[Planned] = []
    for item in wave.items:
        if waiting and not (item.mark == "r" and place_of(item) == place_of(waiting[0])):
            yield waiting
            waiting = []
        if item.mark == "r":
            waiting.append(item)
        else:
            yield [item]
    if waiting:
        yield waiting


def place_of(item: Planned) -> str:
    """Namespace of what is restarted."""
    return str(getattr(getattr(item.action, "ref", None), "namespace", ""))


def span_of(items: Sequence[Planned]) -> str:
    """``h1.05`` or ``h1.05-09``."""
    first, last = items[0].id, items[-1].id
    return first if first == last else f"{first}-{last.rpartition('.')[2]}"


def shape_of(hop: Hop) -> tuple[str, ...]:
    """Its steps without versions and counts: two hops of one shape do the same with other versions."""
    return tuple(f"{item.mark}{_generic(item.title, hop)}" for item in hop.items())


def _generic(title: str, hop: Hop) -> str:
    for word, name in ((hop.new, "NEW"), (hop.old, "OLD"), (hop.target, "NEW"), (hop.source, "OLD")):
        title = title.replace(word, name)
    return re.sub(r"\d+", "#", title)
