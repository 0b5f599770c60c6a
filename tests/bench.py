"""``make bench``: ratios and counts, all measured in this one run. Nothing is asserted: the numbers are for reading."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import median
from time import perf_counter

from tests.building.thousands import multiply, surveyed
from tests.bytecode import compiled_once
from tests.journeys.driving import Journey
from tests.stored import Spent
from upgrader.model.codec import decode, encode, pretty
from upgrader.model.event import PhaseEntered, RunEvent
from upgrader.model.snapshot import Snapshot
from upgrader.sandbox.scenarios.loader import load
from upgrader.sandbox.scenarios.scenario import read_scenario
from upgrader.sandbox.scenarios.versions import write_manifests
from upgrader.sandbox.world import World

STARTS, ROUNDS, DEAREST = 9, 5, 10
_UPGRADE = Path(sys.executable).with_name("upgrade")


def main() -> None:
    """Print every figure."""
    start_up()
    with tempfile.TemporaryDirectory(prefix="upgrade-bench-") as place:
        whole_upgrade(Path(place))
        thousands(Path(place) / "thousands")


def seconds(run: Callable[[], object]) -> float:
    """Wall-clock seconds of one call."""
    began = perf_counter()
    run()
    return perf_counter() - began


def start_up() -> None:
    """``upgrade --help`` beside a bare interpreter, in turn, as whole processes."""
    bare = [sys.executable, "-c", "pass"]
    ours = [str(_UPGRADE), "--help"]
    with tempfile.TemporaryDirectory() as place:
        settings = {**os.environ, **compiled_once(Path(place))}
        _quiet(ours, settings)
        pairs = [
            (seconds(lambda: _quiet(bare, settings)), seconds(lambda: _quiet(ours, settings)))
            for _ in range(STARTS)
        ]
    interpreter, whole = median(p[0] for p in pairs), median(p[1] for p in pairs)
    own = median(p[1] - p[0] for p in pairs)
    print(f"start-up of `upgrade --help`, median of {STARTS} pairs")
    print(
        f"  bare interpreter {interpreter * 1000:6.0f} ms   with --help {whole * 1000:6.0f} ms   ratio {whole / interpreter:.1f}"
    )
    print(f"  own time         {own * 1000:6.0f} ms   (goal: below 150 ms)")


def _quiet(command: Sequence[str], settings: Mapping[str, str]) -> None:
    subprocess.run(command, check=True, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def whole_upgrade(place: Path) -> None:
    """The shop two minors up, on a virtual clock that waits for nothing."""
    world = World(kubernetes="1.33")
    loading = seconds(lambda: load(world, "shop"))
    journey = Journey.of(world, place, "shop")
    surveying = seconds(lambda: journey.plan("1.29"))
    plan = journey.plan("1.29")
    phases = Phases(journey)
    virtual = world.clock.now()
    driving = seconds(lambda: journey.begin(plan, observers=(phases,)))
    hours = (world.clock.now() - virtual).total_seconds()
    steps = sum(1 for _ in plan.items())
    print(f"\nwhole `shop` upgrade, {len(plan.hops)} hops, {steps} steps, clock not waiting")
    print(
        f"  load scenario {loading:5.2f} s   survey and plan {surveying:5.2f} s   apply {driving:5.2f} s   ratio apply/plan {driving / surveying:.1f}"
    )
    print(f"  virtual time  {hours:5.0f} s   {steps / driving:.0f} steps a second")
    decoding(journey)
    phases.tell()


def decoding(journey: Journey) -> None:
    """Planning beside the decoding of the snapshot that it is made from."""
    from upgrader.survey.take import take

    connection = journey.connection()
    data = encode(take(connection.reader, connection.id, connection.clock.now()))
    reading = median(seconds(lambda: decode(data, Snapshot)) for _ in range(5))
    print(f"  decode of the snapshot ({len(data) / 1e6:.1f} MB) {reading * 1000:.1f} ms")


def thousands(place: Path) -> None:
    """Checks and planning of a mesh of thousands, beside reading the snapshot that they are made from."""
    world = World(kubernetes=read_scenario("legacy").kubernetes)
    load(world, "legacy")
    multiply(world)
    write_manifests("legacy", place / "manifests", world.kubernetes)
    mesh, file = surveyed(world), place / "mesh.json"
    file.write_text(pretty(mesh), encoding="utf-8")  # as `upgrade check -o snapshot=FILE` does
    print(f"\nplanning from a stored snapshot, medians of {ROUNDS} rounds, each a process of its own")
    print(
        f"  {len(mesh.namespaces)} namespaces, {len(mesh.workloads)} workloads, {len(mesh.proxies)} proxies, "
        f"{len(mesh.documents)} documents, {len(mesh.resources)} resources, {file.stat().st_size / 1e6:.1f} MB"
    )
    for target in ("1.13", "1.18"):
        _planned([str(file), str(place / "manifests"), target])


def _planned(words: Sequence[str]) -> None:
    command = [sys.executable, "-m", "tests.stored", *words]
    rounds = [decode(subprocess.check_output(command), Spent) for _ in range(ROUNDS)]
    read, other, checks, plan = (
        median(getattr(r, part) for r in rounds) for part in ("read", "other", "checks", "plan")
    )
    print(
        f"  to {words[-1]}, hops: {rounds[0].hops}   read {read * 1000:.0f} ms   checks {checks * 1000:.0f} ms   "
        f"plan {plan * 1000:.0f} ms"
    )
    print(
        f"  ratios: plan/read {plan / read:.2f}   checks/read {checks / read:.2f}   "
        f"(checks + plan)/read {(checks + plan) / read:.2f}"
    )
    print(f"  catalog, playbook and manifests, the same for every mesh: {other * 1000:.0f} ms")
    spent = {name: median(r.dearest[name] for r in rounds) for name in rounds[0].dearest}
    for name in sorted(spent, key=spent.__getitem__, reverse=True)[:DEAREST]:
        print(f"    {name:24}{spent[name] * 1000:7.1f} ms {spent[name] / sum(spent.values()):6.1%}")


class Phases:
    """Requests by the phase that they were sent in."""

    def __init__(self, journey: Journey) -> None:
        self._audit = journey.world.audit
        self._seen = len(self._audit.entries)
        self._phase = "before"
        self._counts: dict[str, Counter[str]] = {}

    def __call__(self, event: RunEvent) -> None:
        """Close the count of the phase that ends."""
        if isinstance(event, PhaseEntered):
            self._close()
            self._phase = f"hop {event.hop} {event.phase}"

    def _close(self) -> None:
        fresh = [e for e in self._audit.entries[self._seen :] if e.agent.startswith("upgrade")]
        self._seen = len(self._audit.entries)
        words = ("dry run" if e.dry_run else "write" if e.mutating else "read" for e in fresh)
        self._counts.setdefault(self._phase, Counter()).update(words)

    def tell(self) -> None:
        """Print the table."""
        self._close()
        print("\nrequests sent, by phase")
        print(f"  {'':24}{'read':>8}{'dry run':>9}{'write':>8}")
        total: Counter[str] = Counter()
        for phase, counts in self._counts.items():
            total += counts
            print(f"  {phase:24}{counts['read']:>8}{counts['dry run']:>9}{counts['write']:>8}")
        print(f"  {'all':24}{total['read']:>8}{total['dry run']:>9}{total['write']:>8}")


if __name__ == "__main__":
    main()
