"""The plan: a frozen, ordered list of everything that will be done, and of what must still be true to do it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from upgrader.model.answer import Answer
from upgrader.model.codec import digest
from upgrader.model.finding import Finding
from upgrader.model.installing import Binary, Difference, Options
from upgrader.model.playbook import Playbook
from upgrader.model.snapshot import ClusterId
from upgrader.planning.outlook.expected import Expected, Outlook
from upgrader.probes import AnyProbe
from upgrader.steps import AnyStep

Mark = Literal["b", "+", "~", "r", "?", "v", "-"]
"""Back up, install, repoint, restart, gate, verify, remove."""

WaveKind = Literal["backup", "install", "namespaces", "gateways", "tags", "retire"]


class Gate(msgspec.Struct, frozen=True, kw_only=True, tag="gate", tag_field="step"):
    """A check that must pass before the run goes on.

    Attributes:
        probes: Each must hold; looked at until *patience* runs out, then once more every *every* while it soaks.
        soak: How long they must keep holding.
        approval: ``""`` for automatic, ``yes``, or a name that a person must type.
        message: What that person is told.
    """

    probes: tuple[AnyProbe, ...] = ()
    soak: timedelta = timedelta(0)
    every: timedelta = timedelta(seconds=20)
    patience: timedelta = timedelta(minutes=10)
    approval: str = ""
    message: str = ""

    def title(self) -> str:
        """One line without the step id."""
        return self.message


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """One step or gate with its place.

    Attributes:
        id: ``h1.04``; ``b.04`` in a rollback.
        pods: Pods that it replaces, as counted when the plan was made.
        rolls: Gateways (``namespace/name``) that this move makes istiod roll.
    """

    id: str
    mark: Mark
    title: str
    action: AnyStep | Gate
    pods: int = 0
    rolls: tuple[str, ...] = ()


class Wave(msgspec.Struct, frozen=True, kw_only=True):
    """Steps that belong together; ``at_once`` restarts may be in flight at the same time."""

    name: str
    kind: WaveKind
    items: tuple[Planned, ...]
    namespaces: tuple[str, ...] = ()
    at_once: int = 1


class Hop(msgspec.Struct, frozen=True, kw_only=True):
    """One minor-version move, from revision *old* to revision *new*.

    Attributes:
        former_images: Workload (``Deployment shop/cart``) to the proxy image that *old* gives it, for going back.
        former_revisions: Workload to the revision that its labels led to when the hop began, where that was not *old*
            any more: going back cannot make its pods *old* again without changing more than the hop did.
        adopted: Wanted istiods of *new* when the hop began; 0 where it was not there.
        strict: Whether a validator refuses invalid configuration when the hop begins.
        dangling: Webhook configurations that led nowhere when the plan was made.
        images: What *new* runs, as its manifests say: ``pilot`` and ``proxyv2`` to an image each.
        options: What *new* was rendered with, where istioctl rendered it.
        differences: *new* against *old*, beside names and release numbers; likewise.
    """

    number: int
    source: str
    target: str
    old: str
    new: str
    waves: tuple[Wave, ...]
    former_images: dict[str, str] = {}
    former_revisions: dict[str, str] = {}
    adopted: int = 0
    strict: bool = True
    dangling: tuple[str, ...] = ()
    images: dict[str, str] = {}
    options: Options = Options()
    differences: tuple[Difference, ...] = ()

    def items(self) -> Iterator[Planned]:
        """Every step and gate in order."""
        for wave in self.waves:
            yield from wave.items


class Precondition(msgspec.Struct, frozen=True, order=True):
    """A fact that, if it were different, would change a step."""

    subject: str
    fact: str
    value: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A saved, binding list of steps for one cluster.

    Attributes:
        path: Versions; the first is the one that runs.
        inputs: Digests (SHA-256, hex) of what the plan was made from: ``snapshot``, ``playbook``, and one per
            manifest file (``manifests/1.28.10/istiod.yaml``) and per file of a site's catalog (``catalog/releases.yaml``).
        manifests: Folder that the manifests were read from.
        catalog: Folder of the site's own catalog; empty where there was none.
        binaries: The istioctl that rendered each hop, where one did.
        checks: How many checks were run.
        answers: What somebody answered to the questions of advisories.
        outlook: What the restarts mean for those who use what is restarted.
        expected: How long it takes, and what that rests on; None in plans of older releases.
    """

    schema: Literal["upgrader.plan/v1"] = "upgrader.plan/v1"
    id: str
    made: datetime
    made_by: str
    valid_until: datetime
    tool: str
    cluster: ClusterId
    path: tuple[str, ...]
    hops: tuple[Hop, ...]
    findings: tuple[Finding, ...] = ()
    checks: int = 0
    answers: tuple[Answer, ...] = ()
    preconditions: tuple[Precondition, ...] = ()
    playbook: Playbook
    inputs: dict[str, str] = {}
    manifests: str = ""
    catalog: str = ""
    binaries: tuple[Binary, ...] = ()
    root_namespace: str = "istio-system"
    outlook: Outlook = Outlook()
    expected: Expected | None = None
    counts: dict[str, int] = {}
    """``namespaces``, ``workloads`` and ``proxies`` of the mesh when the plan was made."""

    @property
    def blocked(self) -> bool:
        """Whether it can not be applied."""
        return any(f.blocks for f in self.findings)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to do."""
        return not any(True for _ in self.items())

    def items(self) -> Iterator[tuple[Hop, Wave, Planned]]:
        """Every step and gate with its hop and wave, in order."""
        for hop in self.hops:
            for wave in hop.waves:
                for item in wave.items:
                    yield hop, wave, item

    def stretch(self, until: str, settled: Collection[str]) -> tuple[tuple[Hop, Wave, Planned], ...]:
        """What is not over yet, up to where a run stops on purpose; nothing when that place was passed.

        Args:
            until: Step id, wave name, or ``hop`` for the end of the hop that is next; empty for the end of the plan.
            settled: Ids of steps and gates that are over.
        """
        left = [row for row in self.items() if row[2].id not in settled]
        if not until or not left:
            return tuple(left)
        if until == "hop":
            return tuple(row for row in left if row[0] is left[0][0])
        first = next((row for row in left if until in {row[1].name, row[2].id}), None)
        if first is None:
            return ()
        last = max(
            n for n, row in enumerate(left) if row[1] is first[1] and until in {row[1].name, row[2].id}
        )
        return tuple(left[: last + 1])


def plan_digest(plan: Plan) -> str:
    """SHA-256 of everything in the plan but its own id: what a reviewer approves."""
    return digest(msgspec.structs.replace(plan, id=""))


def named(plan: Plan) -> Plan:
    """The plan with the id that follows from its content, so that an edited plan is noticed."""
    return msgspec.structs.replace(plan, id=f"pl-{plan_digest(plan)[:8]}")
