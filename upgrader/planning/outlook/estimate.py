"""How long a plan takes, as a range, and what the range rests on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from heapq import heappush, heapreplace

from upgrader.checks.restarts.restart import Range, Restart
from upgrader.checks.restarts.times import PULL, START, seconds
from upgrader.model.duration import in_words
from upgrader.model.step import counted
from upgrader.planning.outlook.expected import Basis, Expected, HopTime, Outlook, WaveTime
from upgrader.planning.plan import Gate, Hop, Plan, Planned, Wave
from upgrader.steps import ApplyManifests, RestartWorkload

STEP = (1, 5)
"""Seconds for a step that restarts nothing, and for one look of a gate; assumed."""
PLANE = (30, 120)
"""Seconds until a new istiod is ready; assumed."""
LOOK = 15
"""Seconds between two looks at a rollout that takes long, so that its end may be seen so much later."""
LOOKED = timedelta(seconds=LOOK)
ROLLED = seconds(*START)
"""A workload of which nothing is known."""

Known = Mapping[str, Restart]
"""``Kind namespace/name`` of a workload, or of the Gateway that it is for, to what is foreseen of it."""


def expect(hops: Sequence[Hop], outlook: Outlook) -> Expected:
    """The expected time of *hops* by wave, hop and all together."""
    known = _known(outlook)
    found = tuple(_hop(hop, known) for hop in hops)
    return Expected(
        length=sum((one.length for one in found), Range()),
        approvals=sum(one.approvals for one in found),
        hops=found,
        basis=tuple(_basis(hops, outlook)) if hops else (),
    )


def expected_of(plan: Plan) -> Expected:
    """What the plan says of its time; of a plan that an older release made, what can be told from its steps."""
    return plan.expected or expect(plan.hops, plan.outlook)


def estimate(plan: Plan) -> Range:
    """The expected time of the whole plan; approvals are not in it."""
    return expected_of(plan).length


def estimate_hop(hop: Hop, outlook: Outlook) -> Range:
    """The expected time of one hop."""
    return _hop(hop, _known(outlook)).length


def _known(outlook: Outlook) -> Known:
    gateways = {f"Gateway {r.gateway}": r for r in outlook.restarts if r.gateway}
    return {r.workload: r for r in outlook.restarts} | gateways


def _hop(hop: Hop, known: Known) -> HopTime:
    waves = tuple(_wave(wave, known) for wave in hop.waves)
    return HopTime(
        hop=hop.number,
        length=sum((w.length for w in waves), Range()),
        approvals=sum(w.approvals for w in waves),
        waves=waves,
    )


def _wave(wave: Wave, known: Known) -> WaveTime:
    moved = [i for i in wave.items if isinstance(i.action, RestartWorkload)]
    names = [str(getattr(item.action, "ref", "")) for item in moved]
    lengths = [_restart(item, known.get(name)) for item, name in zip(moved, names, strict=True)]
    restarts = _together(lengths, wave.at_once)
    slowest = max(range(len(names)), key=lambda n: lengths[n].longest, default=-1)
    gates = [i.action for i in wave.items if isinstance(i.action, Gate)]
    soak = sum((g.soak for g in gates), timedelta(0))
    rest = (_step(i, known) for i in wave.items if not isinstance(i.action, RestartWorkload))
    return WaveTime(
        wave=wave.name,
        length=sum(rest, restarts) + Range(soak, soak),
        restarts=restarts,
        soak=soak,
        approvals=sum(bool(g.approval) for g in gates),
        slowest=names[slowest] if names else "",
    )


def _restart(item: Planned, found: Restart | None) -> Range:
    """One restart, and the look that sees its end."""
    return _seen(found.length if found else ROLLED * max(1, item.pods))


@lru_cache(maxsize=4096)
def _seen(length: Range) -> Range:
    return Range(length.shortest, length.longest + LOOKED)


def _step(item: Planned, known: Known) -> Range:
    """Any other step or gate without its soak; gateways that one move rolls, roll together."""
    match item.action:
        case ApplyManifests(part="control-plane"):
            return seconds(*PLANE)
        case ApplyManifests(part="ingress-gateway") as step:
            rolled = [known[str(d.ref)].length for d in step.documents if str(d.ref) in known]
        case _:
            there = (known.get(f"Gateway {name}") for name in item.rolls)
            rolled = [r.length if r else ROLLED for r in there]
    if not rolled:
        return seconds(*STEP)
    return seconds(*STEP) + _together(rolled, len(rolled))


def _together(lengths: Sequence[Range], at_once: int) -> Range:
    """How long *lengths* take, begun in their order, so many at once; the shortest together, and the longest together."""
    return Range(
        _makespan([one.shortest for one in lengths], at_once),
        _makespan([one.longest for one in lengths], at_once),
    )


def _makespan(lengths: Sequence[timedelta], at_once: int) -> timedelta:
    ends: list[timedelta] = []
    for length in lengths:
        if len(ends) < max(1, at_once):
            heappush(ends, length)
        else:
            heapreplace(ends, ends[0] + length)
    return max(ends, default=timedelta(0))


def _basis(hops: Sequence[Hop], outlook: Outlook) -> Iterator[Basis]:
    awake = [r for r in outlook.restarts if r.replicas]
    yield from _starts(awake)
    if awake:
        yield Basis(
            "read", f"update strategies, minReadySeconds, preStop and grace periods of {_workloads(awake)}"
        )
        yield Basis("assumed", f"up to {PULL} s more where a node has to fetch the new proxy image")
    waves = {w.name: w.at_once for hop in hops for w in hop.waves if w.namespaces}
    paces = [f"{name} {at_once} at once" for name, at_once in waves.items() if at_once > 1]
    soaks = sum((i.action.soak for h in hops for i in h.items() if isinstance(i.action, Gate)), timedelta(0))
    yield Basis("playbook", ", ".join([f"soaks of {in_words(soaks)} in all", *paces]))
    told = f"{PLANE[0]}-{PLANE[1]} s until a new istiod is ready, {STEP[0]}-{STEP[1]} s for any other step and look"
    yield Basis("assumed", told)
    yield Basis("unknown", "how long approvals, further nodes and retries take; they are not counted")
    yield from (Basis("unknown", words) for words in outlook.unknown)


def _starts(restarts: Sequence[Restart]) -> Iterator[Basis]:
    """How long pods take to become ready: those that told, and those that are taken to be as usual."""
    seen = [r for r in restarts if r.seen]
    silent = [r for r in restarts if not r.seen]
    if seen:
        low, high = min(r.start.shortest for r in seen), max(r.start.longest for r in seen)
        pods = counted(sum(r.seen for r in seen), "pod")
        first, last = (f"{one.total_seconds():.0f}" for one in (low, high))
        span = f"{first}-{last} s" if first != last else f"{first} s"
        yield Basis("seen", f"{pods} of {_workloads(seen)} took {span} from creation until ready")
    if silent:
        usual = f"{START[0]}-{START[1]} s, and what their probes wait"
        yield Basis("assumed", f"{usual}, for pods of {_workloads(silent)} that do not tell")


def _workloads(restarts: Sequence[Restart]) -> str:
    return counted(len(restarts), "workload")
