"""What changed between the plan and now, and which steps it touches."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from upgrader.model.snapshot import Snapshot
from upgrader.model.version import UNNAMED, revision_suffix
from upgrader.planning.hop.gates import own_webhooks
from upgrader.planning.plan import Gate, Hop, Plan, Planned
from upgrader.planning.preconditions import ABSENT, preconditions
from upgrader.probes import ControlPlaneReady
from upgrader.steps import (
    ApplyManifests,
    BackUp,
    MoveTag,
    RelabelGateway,
    RelabelNamespace,
    RemoveObjects,
    RestartWorkload,
    Restore,
    ScalePlane,
)

GONE = "not there"


class Difference(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One fact that is no longer so.

    Attributes:
        expected: Value in the plan; ``not there`` for a fact that is new.
        found: Value now; ``not there`` for a fact that is gone.
        steps: Ids of the steps that depend on the subject.
        safe: It is what the plan is about to make of it, so only fewer steps are needed.
    """

    subject: str
    fact: str
    expected: str
    found: str
    steps: tuple[str, ...] = ()
    safe: bool = False


def drifted(plan: Plan, mesh_now: Snapshot) -> tuple[Difference, ...]:
    """Every precondition of *plan* that differs now, sorted; () when the plan still fits."""
    before = {(p.subject, p.fact): p.value for p in plan.preconditions}
    now = {(p.subject, p.fact): p.value for p in preconditions(mesh_now)}
    wanted = dict(_wanted(plan.hops[0])) if plan.hops else {}
    differences = []
    for key in sorted(before.keys() | now.keys()):
        expected, found = before.get(key, GONE), now.get(key, GONE)
        if expected != found:
            differences.append(
                Difference(
                    subject=key[0],
                    fact=key[1],
                    expected=expected,
                    found=found,
                    steps=tuple(i.id for _, _, i in plan.items() if key[0] in touched(i)),
                    safe=wanted.get(key) == found or _of_new_plane(plan, key, found),
                )
            )
    return tuple(differences)


def _wanted(hop: Hop) -> Iterator[tuple[tuple[str, str], str]]:
    """Facts as the first hop makes them."""
    for item in hop.items():
        match item.action:
            case RelabelNamespace() as step:
                for key, value in step.labels.items():
                    yield (f"namespace {step.namespace}", key), ABSENT if value is None else value
            case MoveTag() as step:
                yield from (((f"tag {step.tag}", part), step.revision) for part in step.parts)
            case RelabelGateway() as step:
                subject = str(step.ref)
                yield (subject, "istio.io/rev"), ABSENT if step.value is None else step.value
            case RestartWorkload() as step:
                for key, value in step.labels.items():
                    yield (_workload(step), f"label {key}"), GONE if value is None else value
            case _:
                pass


def _of_new_plane(plan: Plan, key: tuple[str, str], found: str) -> bool:
    """Whether the fact is one of the first hop's new control plane, of the very version that is to be installed."""
    if not plan.hops or found == GONE:
        return False
    hop = plan.hops[0]
    if key == (f"istiod {hop.new}", "image"):
        return found.rpartition(":")[2].removesuffix("-distroless").removesuffix("-debug") == hop.target
    own = {f"webhook {name}" for name in own_webhooks(hop.new, plan.root_namespace)}
    told = {(f"istiod {hop.new}", "frozen"), (f"istiod {hop.new}", "injection")}
    return key in told | {(webhook, "selectors") for webhook in own}


def _workload(step: RestartWorkload) -> str:
    return f"{step.ref.kind.kind} {step.ref.namespace}/{step.ref.name}"


def touched(item: Planned) -> frozenset[str]:
    """Subjects of preconditions that a step changes or counts on."""
    match item.action:
        case RelabelNamespace() as step:
            return frozenset({f"namespace {step.namespace}"})
        case RelabelGateway() as step:
            return frozenset({str(step.ref)})
        case RestartWorkload() as step:
            return frozenset({_workload(step), f"namespace {step.ref.namespace}"})
        case MoveTag() as step:
            hooks = [step.ref_of("webhook").name]
            hooks += own_webhooks(UNNAMED, step.root_namespace)[:1] if step.deactivate else ()
            return frozenset({f"tag {step.tag}", *(f"webhook {name}" for name in hooks)})
        case ApplyManifests() | RemoveObjects() | ScalePlane() as step:
            return _of_plane(step.revision)
        case BackUp() as step:
            return _of_plane(step.revision)
        case Gate(probes=probes):
            return frozenset(f"istiod {p.revision}" for p in probes if isinstance(p, ControlPlaneReady))
        case Restore():
            return frozenset()


def _of_plane(revision: str) -> frozenset[str]:
    injector = f"istio-sidecar-injector{revision_suffix(revision)}"
    return frozenset({f"istiod {revision}", f"webhook {injector}"})
