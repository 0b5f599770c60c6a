from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog.advisory import Advisory, Detector
from upgrader.checks.advisories.named import NAMED
from upgrader.checks.advisories.unseen import unseen
from upgrader.checks.advisories.words import asked, concerned, unjudged
from upgrader.checks.advisories.world import Hit, World
from upgrader.checks.context import Context
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding
from upgrader.model.snapshot import Snapshot

_ORDER = {"breaking": 0, "behaviour": 1, "info": 2}


def upgrade_notes(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report what changes on the way and concerns this mesh, what has to be asked, and what could not be judged.

    An advisory belongs to the hop that enters its minor; a hop within a minor has none. Every hop is judged by the
    mesh as it is now: what the plan itself changes before is none of what the advisories look at.
    """
    world = World(mesh, context)
    blind: dict[str, list[str]] = {}
    for number, (source, target) in enumerate(zip(context.path, context.path[1:], strict=False), start=1):
        entered = context.advisories.get(target.series, ()) if source.series != target.series else ()
        for one in sorted(entered, key=lambda a: _ORDER[a.severity]):
            world.asked.clear()
            hits = detected(one, world)
            yield from _judged(one, hits, number, context)
            if one.detect and not hits and one.id not in context.answers:
                for kind in world.asked:
                    blind.setdefault(kind, []).append(one.id)
    for kind, ids in blind.items():
        if reason := unseen(mesh, moving(mesh, context), kind):
            yield unjudged(kind, reason, ids, context.site)


def detected(one: Advisory, world: World) -> tuple[Hit, ...]:
    """Every object that any of its detectors names, with the field."""
    return tuple(dict.fromkeys(hit for detector in one.detect for hit in _hits(detector, world)))


def _hits(one: Detector, world: World) -> Iterator[Hit]:
    if one.check:
        yield from NAMED[one.check](world)
        return
    hits = tuple(world.hits(one))
    if hits and all(map(world.holds, one.also)) and not any(map(world.holds, one.unless)):
        yield from hits


def _judged(one: Advisory, hits: tuple[Hit, ...], hop: int, context: Context) -> Iterator[Finding]:
    """A person's answer goes before what only may be so; what is certain needs an exception, not an answer."""
    proven = bool(hits) and one.certain and not one.ask
    said = context.answers.get(one.id)
    if proven:
        yield concerned(one, hits, hop, context, None)
    elif said is not None:
        if said.concerned:
            yield concerned(one, hits, hop, context, said)
    elif one.ask and (hits or not one.detect):
        yield asked(one, hits, hop, context)
    elif hits:
        yield concerned(one, hits, hop, context, None)
