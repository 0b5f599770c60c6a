"""The rights that a plan needs, object by object, for asking the API server beforehand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import takewhile

import msgspec

from upgrader.model.change import HOME
from upgrader.model.kinds import (
    CONFIG_MAP,
    CRD,
    CRON_JOB,
    ENDPOINTS,
    HPA,
    K8S_GATEWAY,
    K8S_GATEWAY_CLASS,
    LEASE,
    MUTATING_WEBHOOK,
    NAMESPACE,
    PDB,
    POD,
    REPLICA_SET,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    VALIDATING_WEBHOOK,
    WORKLOADS,
    Kind,
    Ref,
)
from upgrader.model.version import UNNAMED
from upgrader.planning.hop.gates import own_webhooks
from upgrader.planning.inverse import undo
from upgrader.planning.plan import Gate, Plan
from upgrader.probes import (
    AnyProbe,
    ControlPlaneReady,
    GatewaysOn,
    Injects,
    ProxiesConnected,
    ProxiesSynced,
    RevisionGone,
    RevisionIdle,
    Validates,
    WebhooksResolve,
    WorkloadsOn,
)
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
from upgrader.steps.back_up import is_backed_up

VIRTUAL_SERVICE = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
POD_PROXY = Kind("", "v1", "pods/proxy", "Pod")
POD_FORWARD = Kind("", "v1", "pods/portforward", "Pod")
_READ = (
    *(NAMESPACE, POD, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, MUTATING_WEBHOOK, VALIDATING_WEBHOOK),
    *(*WORKLOADS, REPLICA_SET, CRON_JOB, HPA, PDB, ROLE, ROLE_BINDING, K8S_GATEWAY, K8S_GATEWAY_CLASS),
)
"""What backup, steps and probes list in every namespace."""


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


def needed(plan: Plan, served: Iterable[Kind] = ()) -> tuple[Permission, ...]:
    """Every right that some step or gate of *plan* uses, or going back would, sorted, each once.

    Args:
        plan: What is to be carried out.
        served: Kinds that the API server serves; the configuration among them is backed up.
    """
    if plan.empty:
        return ()
    found: set[Permission] = {*_looking(plan, served), *_keeping()}
    for one in (plan, *_ways_back(plan)):
        for _, _, item in one.items():
            if isinstance(item.action, Gate):
                found.update(p for probe in item.action.probes for p in _probe(probe))
            else:
                found.update(_step(item.action))
    return tuple(sorted(found))


def useful(root_namespace: str) -> tuple[Permission, ...]:
    """Rights without which a run goes on and sees less: of port-forward to istiod, for ``ProxiesSynced``.

    A WebSocket is opened with GET; since Kubernetes 1.35 that takes the right to create as well (KEP 4006).
    """
    return tuple(Permission(verb, POD_FORWARD, root_namespace) for verb in ("create", "get"))


def _ways_back(plan: Plan) -> Iterator[Plan]:
    """Each hop taken back from its last moment; a right that is missing then would be missed worst of all."""
    for hop in plan.hops:
        steps = [i for i in hop.items() if not isinstance(i.action, Gate)]
        begun = takewhile(lambda i: not isinstance(i.action, RemoveObjects), steps)
        yield undo(plan, hop.number, frozenset(i.id for i in begun))


def _looking(plan: Plan, served: Iterable[Kind]) -> Iterator[Permission]:
    new = (
        d.ref.name
        for _, _, i in plan.items()
        for d in getattr(i.action, "documents", ())
        if d.ref.kind == CRD
    )
    named = ((group, plural) for plural, _, group in (name.partition(".") for name in new))
    kinds = {
        (kind.group, kind.plural): kind for kind in (*_READ, *(k for k in served if is_backed_up(k.group)))
    }
    kinds |= {(g, p): Kind(g, "", p, p) for g, p in named if (g, p) not in kinds and is_backed_up(g)}
    yield from (Permission("list", kind) for kind in kinds.values())
    yield Permission("get", NAMESPACE, name="kube-system")


def _keeping() -> Iterator[Permission]:
    """Lock and copy of the record, in our own namespace."""
    yield Permission("get", NAMESPACE, name=HOME)
    yield Permission("create", NAMESPACE)
    yield from (Permission(verb, LEASE, HOME) for verb in ("get", "create", "patch"))
    yield from (Permission(verb, CONFIG_MAP, HOME) for verb in ("get", "list", "create", "patch"))


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
            yield from _each(step.also, "get")


def _tag(step: MoveTag) -> Iterator[Permission]:
    yield Permission("get", SERVICE, step.root_namespace)
    for part in step.parts:
        yield from _on(step.ref_of(part), "get", "create" if part in step.create else "patch")
    if step.deactivate:
        injector, _ = own_webhooks(UNNAMED, step.root_namespace)
        yield from _on(Ref(MUTATING_WEBHOOK, injector), "get", "patch")


def _probe(probe: AnyProbe) -> Iterator[Permission]:
    match probe:
        case Injects():
            for case in probe.cases:
                yield Permission("create", POD, case.namespace)
                yield Permission("get", NAMESPACE, name=case.namespace)
        case Validates():
            yield Permission("create", VIRTUAL_SERVICE, probe.namespace)
        case ProxiesConnected() | ProxiesSynced() | ControlPlaneReady() | RevisionIdle():
            yield Permission("get", POD_PROXY, probe.root_namespace)
        case WebhooksResolve():
            yield from (Permission("get", kind, probe.root_namespace) for kind in (SERVICE, ENDPOINTS))
        case WorkloadsOn():
            yield from _each(probe.workloads, "get")
        case GatewaysOn():
            yield from _each(probe.gateways, "get")
        case RevisionGone():
            yield from _each(probe.objects, "get")
        case _:
            pass
