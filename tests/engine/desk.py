"""The engine's parts, one by one, on a desk: a world in memory, its clock, a run directory, and steps that say what they do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from upgrader.cluster.rest import RestCluster
from upgrader.cluster.wrap import Retrying, WithFiles
from upgrader.engine.driving.hands import Hands
from upgrader.engine.driving.settling import Settling
from upgrader.engine.driving.wait import Patience
from upgrader.model.change import Change, Patch
from upgrader.model.event import RunEvent
from upgrader.model.kinds import CONFIG_MAP, Obj, Ref
from upgrader.model.playbook import Patience as Limits
from upgrader.model.playbook import Playbook, WaveRule
from upgrader.model.snapshot import ClusterId
from upgrader.model.step import Reader, Reading, Verdict
from upgrader.planning.plan import Gate, Hop, Plan, Planned, Wave, named
from upgrader.planning.record import Progress, Record
from upgrader.sandbox.world import World, WorldClock

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
PLACE = "default"


@cache
def _empty() -> World:
    world = World(kubernetes="1.33", controllers=False, nodes=0)
    for name in (PLACE, "kube-system"):
        world.local().create(
            "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        )
    return world


class Hours(WorldClock):
    """The clock of a world; what was put down for a moment happens when somebody sleeps past it."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self._due: list[tuple[float, Callable[[], None]]] = []

    def after(self, seconds: float, happens: Callable[[], None]) -> None:
        """*happens* is called *seconds* from now."""
        self._due.append((self.boottime() + seconds, happens))
        self._due.sort(key=lambda one: one[0])

    def sleep(self, seconds: float) -> None:
        """Let the world live, and let happen what is due."""
        end = self.boottime() + seconds
        while self._due and self._due[0][0] <= end:
            moment, happens = self._due.pop(0)
            super().sleep(moment - self.boottime())
            happens()
        super().sleep(end - self.boottime())


class Note(msgspec.Struct, frozen=True, kw_only=True, tag="note", tag_field="step"):
    """A ConfigMap says *value*. Somebody else's value is replaced too: nothing here is drift."""

    name: str = "note"
    value: str = "new"

    @property
    def ref(self) -> Ref:
        return Ref(CONFIG_MAP, self.name, PLACE)

    def observe(self, cluster: Reader) -> Obj:
        found = cluster.get(self.ref)
        assert found is not None
        return found

    def diff(self, seen: Obj) -> tuple[Change, ...]:
        if seen["data"]["value"] == self.value:
            return ()
        meta = seen["metadata"]
        return (Patch(self.ref, {"data": {"value": self.value}}, meta["uid"], meta["resourceVersion"]),)

    def verify(self, cluster: Reader) -> Reading:
        gap = self.diff(self.observe(cluster))
        return Reading.pending("not yet") if gap else Reading.holds(f"it says {self.value}")

    def title(self) -> str:
        return f"write {self.value} into {self.name}"


class Notes(msgspec.Struct, frozen=True, kw_only=True, tag="notes", tag_field="step"):
    """Several ConfigMaps say the same."""

    names: tuple[str, ...]
    value: str = "new"

    def observe(self, cluster: Reader) -> tuple[Obj, ...]:
        return tuple(Note(name=name).observe(cluster) for name in self.names)

    def diff(self, seen: tuple[Obj, ...]) -> tuple[Change, ...]:
        pairs = zip(self.names, seen, strict=True)
        return tuple(change for name, one in pairs for change in Note(name=name, value=self.value).diff(one))

    def verify(self, cluster: Reader) -> Reading:
        gap = self.diff(self.observe(cluster))
        return Reading.pending("not yet") if gap else Reading.holds(f"all say {self.value}")

    def title(self) -> str:
        return f"write {self.value} into {', '.join(self.names)}"


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told", tag_field="probe"):
    """A probe that says what a ConfigMap says: ``holds``, ``pending`` or ``broken``."""

    name: str = "health"

    def look(self, cluster: Reader) -> Reading:
        found = cluster.get(Ref(CONFIG_MAP, self.name, PLACE))
        said = "broken" if found is None else str(found["data"]["value"])
        return Reading(Verdict(said), f"{self.name} is {said}")

    def title(self) -> str:
        return f"{self.name} holds"


@dataclass
class Desk:
    """Everything that the engine's parts are given."""

    folder: Path
    world: World = field(default_factory=lambda: _empty().fork())
    record: Record = field(default_factory=Record)
    events: list[RunEvent] = field(default_factory=list)
    limits: Limits = field(default_factory=Limits)
    signal: str = ""
    full: bool = False

    def __post_init__(self) -> None:
        self.clock = Hours(self.world)
        self.local = self.world.local()
        self.cluster = WithFiles(RestCluster(Retrying(self.world.transport(), self.clock)), self.folder)
        self.patience = Patience(self.clock, lambda: self.signal, lambda: None)
        self.fences = 0
        self.hands = Hands(self.cluster, self.folder, self.emit, self.clock, self.fence)
        self.settling = Settling(self.cluster, self.hands, self.patience, self.emit, self.progress)
        self.plan = plan(playbook=playbook(self.limits))

    def fence(self) -> int:
        self.fences += 1
        return 7

    def emit(self, event: RunEvent) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.events.append(event)
        self.record.add(event)

    def progress(self) -> Progress:
        return Progress(self.plan, self.record)

    def put(self, name: str, value: str) -> None:
        """Write a ConfigMap as somebody else."""
        place = f"/api/v1/namespaces/{PLACE}/configmaps"
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"value": value}}
        if self.world.store.get(("", "configmaps", PLACE, name)) is None:
            self.local.create(place, body)
        else:
            self.local.patch(
                f"{place}/{name}",
                msgspec.json.encode({"data": {"value": value}}),
                "application/merge-patch+json",
            )

    def said(self, name: str) -> str:
        """What a ConfigMap says."""
        found = self.world.store.get(("", "configmaps", PLACE, name))
        assert found is not None
        return str(found["data"]["value"])

    def of(self, kind: type[Any]) -> list[Any]:
        """Events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]


def playbook(limits: Limits = Limits()) -> Playbook:  # noqa: B008  a frozen value
    """The smallest one."""
    return Playbook(schema=1, name="test", waves=(WaveRule(name="all"),), patience=limits)


def gate(**fields: Any) -> Gate:
    """A gate that asks ``Told``."""
    usual: dict[str, Any] = {
        "probes": (Told(),),
        "message": "gate: health holds",
        "every": timedelta(seconds=20),
    }
    return Gate(**(usual | fields))


def item(step: str, action: Any = None, mark: Any = "~") -> Planned:
    """One step or gate of a plan."""
    return Planned(
        id=step, mark=mark, title=f"title of {step}", action=gate(probes=()) if action is None else action
    )


def wave(kind: Any, *items: Planned, name: str = "", at_once: int = 1) -> Wave:
    """One wave, called like its kind."""
    return Wave(name=name or kind, kind=kind, items=items, at_once=at_once)


def hop(number: int, *waves: Wave) -> Hop:
    """One hop."""
    return Hop(
        number=number,
        source=f"1.{26 + number}.0",
        target=f"1.{27 + number}.0",
        old=f"1-{26 + number}-0",
        new=f"1-{27 + number}-0",
        waves=waves,
    )


def whole_hop(number: int) -> Hop:
    """One of every phase, two namespace waves; nothing in it touches a cluster."""
    h = f"h{number}"
    return hop(
        number,
        wave("backup", item(f"{h}.01")),
        wave("install", item(f"{h}.02"), item(f"{h}.03")),
        wave("namespaces", item(f"{h}.04", Note()), item(f"{h}.05"), name="canary"),
        wave("namespaces", item(f"{h}.06", Note()), item(f"{h}.07"), name="rest"),
        wave("gateways", item(f"{h}.08", Note())),
        wave("tags", item(f"{h}.09", Note()), item(f"{h}.10")),
        wave("retire", item(f"{h}.11"), item(f"{h}.12", mark="-"), item(f"{h}.13", mark="v")),
    )


def plan(*hops: Hop, **fields: Any) -> Plan:
    """A plan with its right id."""
    given: dict[str, Any] = {
        "id": "",
        "made": AT,
        "made_by": "test",
        "valid_until": AT + timedelta(days=1),
        "tool": "test",
        "cluster": ClusterId(uid="u", context="c", server="s", version="v1.33.0"),
        "path": ("1.27.0", "1.28.0"),
        "hops": hops,
        "playbook": playbook(),
    }
    return named(Plan(**(given | fields)))
