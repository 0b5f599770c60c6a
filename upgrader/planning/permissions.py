"""The rights that a plan needs, object by object, for asking the API server beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from upgrader.model.kinds import (
    CONFIG_MAP,
    K8S_GATEWAY,
    MUTATING_WEBHOOK,
    NAMESPACE,
    POD,
    SERVICE,
    VALIDATING_WEBHOOK,
    WORKLOADS,
    Kind,
    Ref,
)
from upgrader.model.ownership import DEFAULT_VALIDATOR
from upgrader.planning.plan import Gate, Plan
from upgrader.probes import AnyProbe, ControlPlaneReady, Injects, ProxiesConnected, RevisionIdle, Validates
from upgrader.steps import (
    AnyStep,
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

VIRTUAL_SERVICE = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
POD_PROXY = Kind("", "v1", "pods/proxy", "Pod")


class Permission(msgspec.Struct, frozen=True, order=True):
    """One right.

    Attributes:
        verb: As RBAC says it: ``patch``.
        namespace: Empty for cluster-wide objects, and for all namespaces.
        name: Empty for every name, as for ``create`` and ``list``.
    """

    verb: str
    kind: Kind
    namespace: str = ""
    name: str = ""

    def __str__(self) -> str:
        where = f" in {self.namespace}" if self.namespace else ""
        return f"{self.verb} {self.kind.resource}{f' {self.name}' if self.name else ''}{where}"


def needed(plan: Plan) -> tuple[Permission, ...]:
    """Every right that some step or gate of *plan* uses, sorted, each once."""
    found: set[Permission] = set(_looking(plan))
    for _, _, item in plan.items():
        if isinstance(item.action, Gate):
            found.update(p for probe in item.action.probes for p in _probe(probe))
        else:
            found.update(_step(item.action))
    return tuple(sorted(found))


def _looking(plan: Plan) -> Iterator[Permission]:
    if not plan.empty:
        kinds = (NAMESPACE, POD, SERVICE, CONFIG_MAP, MUTATING_WEBHOOK, VALIDATING_WEBHOOK, *WORKLOADS)
        yield from (Permission("list", kind) for kind in kinds)


def _on(ref: Ref, *verbs: str) -> Iterator[Permission]:
    for verb in verbs:
        yield Permission(verb, ref.kind, ref.namespace, "" if verb == "create" else ref.name)


def _each(refs: Iterable[Ref], *verbs: str) -> Iterator[Permission]:
    for ref in refs:
        yield from _on(ref, *verbs)


def _step(step: AnyStep) -> Iterator[Permission]:
    match step:
        case ApplyManifests():
            yield from _each((d.ref for d in step.documents), "get", "create", "patch")
        case RelabelNamespace():
            yield from _on(Ref(NAMESPACE, step.namespace), "get", "patch")
        case RelabelGateway() | RestartWorkload():
            yield from _on(step.ref, "get", "patch")
        case ScalePlane():
            yield from _on(step.ref, "get", "patch")
        case MoveTag():
            yield from _tag(step)
        case RemoveObjects():
            yield from _each((o.ref for o in step.objects), "get", "delete")
        case Restore():
            yield from _each(step.refs, "get", "create", "update")
        case BackUp():
            yield Permission("list", K8S_GATEWAY)
            yield from _each(step.also, "get")


def _tag(step: MoveTag) -> Iterator[Permission]:
    places = {
        "webhook": Ref(MUTATING_WEBHOOK, f"istio-revision-tag-{step.tag}"),
        "service": Ref(SERVICE, f"istiod-revision-tag-{step.tag}", step.root_namespace),
        "validator": Ref(VALIDATING_WEBHOOK, DEFAULT_VALIDATOR),
    }
    for part in step.parts:
        yield from _on(places[part], "get", "create" if part in step.create else "patch")
    if step.deactivate:
        yield from _on(Ref(MUTATING_WEBHOOK, "istio-sidecar-injector"), "get", "patch")


def _probe(probe: AnyProbe) -> Iterator[Permission]:
    match probe:
        case Injects():
            yield from (Permission("create", POD, case.namespace) for case in probe.cases)
        case Validates():
            yield Permission("create", VIRTUAL_SERVICE, probe.namespace)
        case ProxiesConnected() | ControlPlaneReady() | RevisionIdle():
            yield Permission("get", POD_PROXY, probe.root_namespace)
        case _:
            pass
