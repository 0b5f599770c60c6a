"""The mesh as a hop finds it, and the hop as it is being drafted: each step added moves the forecast on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Self

import msgspec

from upgrader.model.change import RESTARTED_FOR
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import WORKLOADS, Ref
from upgrader.model.ownership import DEFAULT_VALIDATOR
from upgrader.model.playbook import Playbook
from upgrader.model.snapshot import Crowd, Proxy, Snapshot, Workload
from upgrader.model.version import Version
from upgrader.planning.foresight.forecast import Forecast, gateway_name, tag_of
from upgrader.planning.foresight.foresee import after
from upgrader.planning.foresight.listeners import attached, missing, served
from upgrader.planning.foresight.nearby import Nearby
from upgrader.planning.hop.scope import Scope
from upgrader.planning.plan import Gate, Mark, Planned, Wave, WaveKind
from upgrader.playbook.manifests import Release
from upgrader.probes import AnyProbe
from upgrader.steps import AnyStep
from upgrader.steps.move_tag import TagPart


class Owner(msgspec.Struct, frozen=True):
    """Who writes an object that exists: field manager, and whether it does so by updates."""

    manager: str = "upgrader"
    update: bool = False


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """The mesh when a hop begins: seen for the first, foreseen for the others.

    Attributes:
        runs: Workload to the revisions of its proxies.
        pods: Workload to how many pods a restart of it replaces.
        marks: Workload to the value of our restart annotation.
        parts: Tag to the objects that it has.
        pins: Gateway to the label that it had before a hop labelled it for us.
        uids: istiod Deployment's revision to its uid, where seen.
        replicas: Revision to wanted istiods.
        installed: Objects that exist by then, with who writes them.
        behind: Workloads and namespaces that an earlier hop left on their revision.
    """

    forecast: Forecast
    runs: dict[str, frozenset[str]]
    pods: dict[str, int] = {}
    marks: dict[str, str | None]
    parts: dict[str, tuple[TagPart, ...]]
    pins: dict[str, str | None] = {}
    uids: dict[str, str] = {}
    replicas: dict[str, int] = {}
    installed: dict[Ref, Owner] = {}
    behind: frozenset[str] = frozenset()

    @classmethod
    def of(cls, mesh: Snapshot) -> Self:
        """The mesh as it was read."""
        runs: dict[str, frozenset[str]] = {}
        pods: dict[str, int] = {}
        for crowd in mesh.crowds:
            pods[crowd.workload] = pods.get(crowd.workload, 0) + crowd.count
        leaving = (p for p in mesh.proxies if p.terminating)  # they need their istiod until they are gone
        every: tuple[Crowd | Proxy, ...] = (*mesh.crowds, *leaving)
        for proxy in every:
            known = runs.get(proxy.workload, frozenset())
            if proxy.revision not in known:
                runs[proxy.workload] = known | {proxy.revision}
        return cls(
            forecast=Forecast.of(mesh),
            runs=runs,
            pods=pods,
            marks={w.key: w.template_annotations.get(RESTARTED_FOR) for w in mesh.workloads},
            parts=_parts(mesh),
            uids={p.revision: p.uid for p in mesh.control_planes},
            replicas={p.revision: p.replicas for p in mesh.control_planes},
        )


def _parts(mesh: Snapshot) -> dict[str, tuple[TagPart, ...]]:
    parts: dict[str, tuple[TagPart, ...]] = {}
    for webhook in mesh.injectors:
        if tag := webhook.tag or tag_of(webhook.ref, mesh.root_namespace):
            parts[tag] = ("webhook",)
    for service in mesh.tag_services:
        parts[service.tag] = (*parts.get(service.tag, ()), "service")
    if "default" in parts and any(v.ref.name == DEFAULT_VALIDATOR for v in mesh.validators):
        parts["default"] = (*parts["default"], "validator")
    return parts


class HopInputs(msgspec.Struct, frozen=True, kw_only=True):
    """What a hop is planned from, beside the stage.

    Attributes:
        former: Manifests of the revision that is left, where an earlier hop of this plan installs it.
        source: Version of *old*.
        mark: Value of the restart annotation in this hop.
        image: Proxy image that the new revision injects; empty when its manifests do not say.
        old_image: The same of the old one; empty when nothing says.
    """

    number: int
    last: bool
    mesh: Snapshot
    playbook: Playbook
    release: Release
    former: Release | None
    source: str
    old: str
    scope: Scope
    mark: str
    image: str = ""
    old_image: str = ""

    @property
    def new(self) -> str:
        """Revision that is installed."""
        return self.release.revision

    @property
    def target(self) -> Version:
        """Version of the new revision."""
        return Version.parse(self.release.version)


class Draft:
    """A hop in the making, from revision *old* to *new*. Steps are added in order; the forecast follows each of them."""

    def __init__(self, inputs: HopInputs, stage: Stage) -> None:
        self.inputs = inputs
        self.old, self.new = inputs.old, inputs.new
        self.stage = stage
        self.forecast = stage.forecast
        self.waves: list[Wave] = []
        self.findings: list[Finding] = []
        self.movable = tuple(
            w for w in inputs.mesh.workloads if w.gateway in ("", "injected") and w.ref.kind in WORKLOADS
        )
        """Workloads that a restart could move, and none has moved yet."""
        self.runs = dict(stage.runs)
        self.marks = dict(stage.marks)
        self.parts = dict(stage.parts)
        self.pins = dict(stage.pins)
        self.installed = dict(stage.installed)
        self.former_images: dict[str, str] = {}
        self.former_revisions: dict[str, str] = {}
        self.behind: set[str] = set()
        self._items: list[Planned] = []
        self._count = 0
        self.listening = tuple(pair for pair in attached(inputs.mesh) if served(self.forecast, pair))
        self.nearby = Nearby(inputs.mesh.api_gateways, self.listening)
        self._lost: set[str] = set()
        self._owned = {gateway_name(g) for g in inputs.mesh.api_gateways if len(self.forecast.owners(g)) == 1}

    @property
    def pending(self) -> bool:
        """Whether steps were added since the last wave was closed."""
        return bool(self._items)

    def add(
        self, mark: Mark, title: str, action: AnyStep, *, pods: int = 0, rolls: Sequence[str] = ()
    ) -> None:
        """Put a step behind the others, and the forecast after it."""
        before, self.forecast = self.forecast, after(self.forecast, action, self.stage.forecast)
        self._put(mark, title, action, pods, tuple(rolls))
        if self.forecast is not before:
            self._mind_owners(title, action)
            self._mind_listeners(title, action)

    def gate(
        self,
        words: str,
        probes: Sequence[AnyProbe],
        *,
        soak: timedelta = timedelta(0),
        approval: str = "",
        message: str = "",
        mark: Mark = "?",
    ) -> None:
        """Put a gate behind the others."""
        playbook = self.inputs.playbook
        gate = Gate(
            probes=tuple(probes),
            soak=soak,
            every=playbook.probe_every,
            patience=playbook.patience.gate,
            approval=approval,
            message=message or words,
        )
        self._put(mark, words, gate, 0, ())

    def _put(self, mark: Mark, title: str, action: AnyStep | Gate, pods: int, rolls: tuple[str, ...]) -> None:
        self._count += 1
        number = f"h{self.inputs.number}.{self._count:02d}"
        self._items.append(Planned(id=number, mark=mark, title=title, action=action, pods=pods, rolls=rolls))

    def close(self, name: str, kind: WaveKind, *, namespaces: Sequence[str] = (), at_once: int = 1) -> None:
        """Make a wave of what was added since the last one; nothing added makes none."""
        if self._items:
            items, self._items = tuple(self._items), []
            self.waves.append(
                Wave(name=name, kind=kind, items=items, namespaces=tuple(namespaces), at_once=at_once)
            )

    def block(self, code: str, subject: str, summary: str, why: str, *do: str) -> None:
        """Say what stands in the way of this hop."""
        self._keep(self._finding(code, subject, summary=summary, why=why, do=do))

    def advise(self, code: str, subject: str, summary: str, why: str, *do: str) -> None:
        """Say what somebody should know about this hop."""
        finding = self._finding(code, subject, summary=summary, why=why, do=do)
        self._keep(msgspec.structs.replace(finding, severity=Severity.ADVISORY))

    def _finding(self, code: str, subject: str, **words: Any) -> Finding:
        hop = self.inputs.number
        return Finding(
            code=code, subject=subject, severity=Severity.BLOCKED, hop=hop, objects=(subject,), **words
        )

    def _keep(self, finding: Finding) -> None:
        if finding not in self.findings:
            self.findings.append(finding)

    def moved(self, workloads: Iterable[Workload]) -> None:
        """These run the new revision from here on."""
        keys = {workload.key for workload in workloads}
        self.runs.update(dict.fromkeys(keys, frozenset({self.new})))
        self.marks.update(dict.fromkeys(keys, self.inputs.mark))
        self.movable = tuple(w for w in self.movable if w.key not in keys)

    def pods(self, workload: Workload) -> int:
        """Pods that a restart of *workload* replaces."""
        return self.stage.pods.get(workload.key, 0)

    def rolled(self, action: AnyStep) -> tuple[str, ...]:
        """Managed Gateways that change hands by *action*, and so roll."""
        later = after(self.forecast, action, self.stage.forecast)
        return tuple(
            gateway_name(g)
            for g in self.nearby.gateways(action)
            if g.managed and self.forecast.claimants(g) != later.claimants(g)
        )

    def result(self) -> Stage:
        """The stage for the next hop."""
        return msgspec.structs.replace(
            self.stage,
            forecast=self.forecast,
            runs=self.runs,
            marks=self.marks,
            parts=self.parts,
            pins=self.pins,
            replicas=self.stage.replicas | {self.new: self.stage.replicas.get(self.new, 1)},
            installed=self.installed,
            behind=self.stage.behind | self.behind,
        )

    def _mind_owners(self, title: str, action: AnyStep) -> None:
        """A Gateway that had one owner has one, or waits for it with a frozen istiod, after every step."""
        for gateway in self.nearby.gateways(action):
            name = gateway_name(gateway)
            if name not in self._owned:
                continue
            owners, claimants = self.forecast.owners(gateway), self.forecast.claimants(gateway)
            if len(owners) > 1 or not claimants:
                found = " and ".join(sorted(owners)) or "nobody"
                self.block(
                    "UPG-0326",
                    name,
                    f"{name}: after `{title}` it belongs to {found}",
                    "a Gateway with two owners is rolled back and forth without end; one without an owner is frozen",
                    f"label Gateway {name} istio.io/rev={self.old} first",
                )
                self._owned.discard(name)

    def _mind_listeners(self, title: str, action: AnyStep) -> None:
        """The istiod that has a Gateway reads the ListenerSets that it served, after every step."""
        for pair in self.nearby.listening(action):
            name = str(pair[1].ref)
            if name not in self._lost and missing(self.forecast, pair):
                self._lost.add(name)
                owner = " and ".join(sorted(self.forecast.owners(pair[0])))
                self.block(
                    "UPG-0339",
                    name,
                    f"{name}: after `{title}` istiod {owner} does not read it, but has its Gateway {pair[1].gateway}",
                    "its listeners and all their routes would be missing, while its status may say Programmed",
                    f"move its listeners into Gateway {pair[1].gateway} until the upgrade is over",
                )
