"""The phases of a plan as an operator hands them out, and the rights of each."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Literal

import msgspec

from upgrader.model.kinds import DEPLOYMENT, Kind, Ref
from upgrader.planning.inverse import undo
from upgrader.planning.permissions.acting import of_reading, of_writing
from upgrader.planning.permissions.ground import Ground, defined
from upgrader.planning.permissions.looking import (
    beginning,
    finding_runs,
    keeping,
    leaving,
    secrets_of,
    seeing_more,
    surveying,
)
from upgrader.planning.permissions.permission import Permission, smallest
from upgrader.planning.permissions.probing import of_probe
from upgrader.planning.plan import Gate, Hop, Plan, Planned, Wave
from upgrader.probes import AnyProbe, RevisionGone, RevisionIdle
from upgrader.steps import (
    ApplyManifests,
    BackUp,
    MoveTag,
    RelabelGateway,
    RemoveObjects,
    Restore,
    ScalePlane,
)

Sort = Literal["look", "more", "verify", "wave", "rollback"]
_TURNS = ApplyManifests | MoveTag | RelabelGateway | ScalePlane | Restore
"""Steps after which the way back is another one, and not only longer; of many Gateways the first is enough."""
_LEFT_OUT = RemoveObjects | ScalePlane


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the work that one account may be given alone.

    Attributes:
        sort: ``more`` is what a survey reads for checks alone: whoever looks, verifies or begins may have it as well.
        name: ``look``, ``look-secrets``, ``verify``, ``h1-install``, ``h1-rollback``; part of the names of its roles.
        hop: Number; 0 for what belongs to none.
        wave: Its name in the plan; empty where it is none.
        rights: Sorted, each once, and none that another one contains.
    """

    name: str
    sort: Sort
    rights: tuple[Permission, ...]
    hop: int = 0
    wave: str = ""


def phases(plan: Plan, ground: Ground, probes: Sequence[AnyProbe] = ()) -> tuple[Phase, ...]:
    """Looking, seeing more, verifying, each wave of each hop, and the way back of each hop.

    Args:
        plan: What is to be carried out.
        ground: The cluster it is for.
        probes: What ``upgrade verify`` asks there.
    """
    grants = _grants(plan)
    found = [Phase(name="look", sort="look", rights=smallest(_look(plan, ground)))]
    more = {"look-more": seeing_more(ground), "look-secrets": secrets_of(ground)}
    found += [Phase(name=name, sort="more", rights=smallest(asked)) for name, asked in more.items()]
    if probes:
        found.append(Phase(name="verify", sort="verify", rights=smallest(_verify(plan, ground, probes))))
    for hop in plan.hops:
        for wave in hop.waves:
            rights = smallest(_wave(plan, hop, wave, ground, grants))
            name = f"h{hop.number}-{_slug(wave.name)}"
            found.append(Phase(name=name, sort="wave", rights=rights, hop=hop.number, wave=wave.name))
        rights = smallest(_back(plan, hop, ground, grants))
        found.append(Phase(name=f"h{hop.number}-rollback", sort="rollback", rights=rights, hop=hop.number))
    return _told_apart(found)


def needed(
    plan: Plan,
    ground: Ground,
    *,
    until: str = "",
    settled: Collection[str] = (),
    taking_back: Plan | None = None,
) -> tuple[Permission, ...]:
    """Every right that what is left of *plan* uses, and going back where nothing stops it before the end.

    Args:
        plan: What is to be carried out.
        ground: The cluster it is for.
        until: As ``apply --until``: a step, a wave, or ``hop``; the rights of what comes later are not needed.
        settled: Steps that are over.
        taking_back: The plan whose hop *plan* takes back; from there is no way back again.
    """
    grants = _grants(taking_back or plan)
    found: set[Permission] = set()
    left = _left(plan, until, settled)
    for hop, wave in left:
        found.update(_wave(plan, hop, wave, ground, grants))
    if not until and taking_back is None:
        begun = {hop.number for hop, _ in left}
        found.update(p for hop in plan.hops if hop.number in begun for p in _back(plan, hop, ground, grants))
    return smallest(found)


def _left(plan: Plan, until: str, settled: Collection[str]) -> list[tuple[Hop, Wave]]:
    """The waves that the runner enters before it stops at *until*."""
    found: list[tuple[Hop, Wave]] = []
    for hop, wave, _ in plan.stretch(until, settled):
        if not found or found[-1][1] is not wave:
            found.append((hop, wave))
    return found


def _look(plan: Plan, ground: Ground) -> Iterator[Permission]:
    """The survey, and the status of a run of the plan, forward or back."""
    yield from surveying(ground, _new(plan))
    yield from finding_runs()
    for hop in plan.hops:
        yield from leaving(ground, plan.root_namespace)
        for wave in hop.waves:
            yield from _again(plan, hop, wave, ground)
        for one in _ways_back(plan, hop):
            for wave in one.waves:
                yield from _again(plan, one, wave, ground)


def _verify(plan: Plan, ground: Ground, probes: Sequence[AnyProbe]) -> Iterator[Permission]:
    """The mesh as it is, and as it will be between two waves: its gates ask then what ``verify`` would."""
    yield from surveying(ground, _new(plan))
    for probe in (*probes, *_gates(plan)):
        yield from of_probe(probe, ground, ground.configuration(_new(plan)))


def _gates(plan: Plan) -> Iterator[AnyProbe]:
    """Those of the plan that ``verify`` asks too."""
    for _, _, item in plan.items():
        if isinstance(item.action, Gate):
            yield from (p for p in item.action.probes if not isinstance(p, RevisionIdle | RevisionGone))


def _new(plan: Plan) -> tuple[Kind, ...]:
    return defined(plan, plan.hops[-1]) if plan.hops else ()


def _wave(plan: Plan, hop: Hop, wave: Wave, ground: Ground, grants: dict[Ref, Ref]) -> Iterator[Permission]:
    if hop is plan.hops[0] and wave.kind == "backup":
        yield from beginning(ground)
        yield from surveying(ground)
    yield from keeping()
    yield from leaving(ground, plan.root_namespace)
    yield from _again(plan, hop, wave, ground)
    yield from _items(plan, hop, wave.items, ground, grants)


def _back(plan: Plan, hop: Hop, ground: Ground, grants: dict[Ref, Ref]) -> Iterator[Permission]:
    """The hop taken back from wherever it may stand."""
    for one in _ways_back(plan, hop):
        for wave in one.waves:
            yield from keeping()
            yield from leaving(ground, plan.root_namespace)
            yield from _again(plan, one, wave, ground)
            yield from _items(plan, one, wave.items, ground, grants)


def _ways_back(plan: Plan, hop: Hop) -> Iterator[Hop]:
    for begun in _standings(hop):
        yield from undo(plan, hop.number, begun).hops


def _standings(hop: Hop) -> Iterator[frozenset[str]]:
    """Steps that may have begun when somebody goes back, as far as the ways back differ in kind."""
    steps = [i for i in hop.items() if not isinstance(i.action, Gate)]
    begun: list[str] = []
    turned: set[type] = set()
    for item in takewhile(lambda i: not isinstance(i.action, RemoveObjects), steps):
        begun.append(item.id)
        action = item.action
        if isinstance(action, _TURNS) and (
            type(action) not in turned or not isinstance(action, RelabelGateway)
        ):
            turned.add(type(action))
            yield frozenset(begun)
    yield frozenset(begun)


def _again(plan: Plan, hop: Hop, wave: Wave, ground: Ground) -> Iterator[Permission]:
    """Whoever resumes in *wave* looks first at the whole hop: is what was done still so, is what is left true already?

    As ``engine.looking.recheck`` does: backups are looked for on disk, removals that are to come are not looked for.
    """
    configuration = ground.configuration(defined(plan, hop))
    later = False
    for one in hop.waves:
        for item in one.items:
            if not isinstance(item.action, Gate | BackUp) and not (
                later and isinstance(item.action, _LEFT_OUT)
            ):
                yield from of_reading(item.action, configuration)
        later = later or one is wave


def _items(
    plan: Plan, hop: Hop, items: Iterable[Planned], ground: Ground, grants: dict[Ref, Ref]
) -> Iterator[Permission]:
    for item in items:
        former = () if item.mark == "b" else defined(plan, hop)
        configuration = ground.configuration(former)
        if isinstance(item.action, Gate):
            for probe in item.action.probes:
                yield from of_probe(probe, ground, configuration)
            continue
        yield from of_reading(item.action, configuration)
        yield from of_writing(item.action, grants)
        if isinstance(item.action, RemoveObjects) and _holds_istiod(item.action):
            yield from _idle(plan, hop, item.action, ground, configuration)


def _holds_istiod(step: RemoveObjects) -> bool:
    return any(o.ref.kind == DEPLOYMENT for o in step.objects)


def _idle(
    plan: Plan, hop: Hop, step: RemoveObjects, ground: Ground, configuration: Sequence[Kind]
) -> Iterator[Permission]:
    """An istiod is removed only if nothing depends on it: the engine asks by itself, as ``runner._idle`` does."""
    asked = any(
        isinstance(probe, RevisionIdle) and probe.revision == step.revision and probe.never_served
        for item in hop.items()
        if isinstance(item.action, Gate)
        for probe in item.action.probes
    )
    probe = RevisionIdle(revision=step.revision, root_namespace=plan.root_namespace, never_served=asked)
    yield from of_probe(probe, ground, configuration)


def _grants(plan: Plan) -> dict[Ref, Ref]:
    """Binding to role, of everything that the plan applies."""
    documents = (d for _, _, i in plan.items() for d in getattr(i.action, "documents", ()))
    return {d.ref: d.binds for d in documents if d.binds}


def _slug(name: str) -> str:
    """A wave's name as names of objects are written."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:40] or "wave"


def _told_apart(found: Sequence[Phase]) -> tuple[Phase, ...]:
    """Waves whose names are written alike get numbers."""
    seen: dict[str, int] = {}
    named: list[Phase] = []
    for one in found:
        seen[one.name] = seen.get(one.name, 0) + 1
        again = f"{one.name}-{seen[one.name]}" if seen[one.name] > 1 else one.name
        named.append(msgspec.structs.replace(one, name=again))
    return tuple(named)
