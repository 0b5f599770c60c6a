"""What each probe reads, and what it creates by dry run: for RBAC a dry run is the real thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.model.kinds import (
    CRON_JOB,
    DEPLOYMENT,
    ENDPOINTS,
    K8S_GATEWAY,
    K8S_GATEWAY_CLASS,
    MUTATING_WEBHOOK,
    NAMESPACE,
    POD,
    SERVICE,
    VALIDATING_WEBHOOK,
    WORKLOADS,
    X_LISTENER_SET,
    Kind,
    Ref,
)
from upgrader.planning.permissions.ground import Ground
from upgrader.planning.permissions.permission import Permission, each, every, on, pods_of
from upgrader.probes import (
    AnyProbe,
    ConfigAccepted,
    ControlPlaneReady,
    GatewaysKnown,
    GatewaysOn,
    Injects,
    ListenersRead,
    NextPodsOn,
    ProxiesConnected,
    ProxiesSynced,
    RevisionGone,
    RevisionIdle,
    Validates,
    WebhooksResolve,
    WorkloadsOn,
)
from upgrader.probes.admission.accepted import is_validated

VIRTUAL_SERVICE = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
POD_PROXY = Kind("", "v1", "pods/proxy", "Pod")
POD_FORWARD = Kind("", "v1", "pods/portforward", "Pod")
WEBHOOKS = (MUTATING_WEBHOOK, VALIDATING_WEBHOOK)


def useful(root_namespace: str) -> tuple[Permission, ...]:
    """Rights without which a run goes on and sees less: of port-forward to istiod, for ``ProxiesSynced``.

    A WebSocket is opened with GET; since Kubernetes 1.35 that takes the right to create as well (KEP 4006).
    """
    return tuple(Permission(verb, POD_FORWARD, root_namespace) for verb in ("create", "get"))


def is_dispensable(right: Permission) -> bool:
    """Whether it is one of those that ``useful`` names: handed out, and not insisted on."""
    return right.kind == POD_FORWARD


def of_probe(probe: AnyProbe, ground: Ground, configuration: Sequence[Kind]) -> Iterator[Permission]:
    """Every right that one look uses; *configuration* is what ``Ground.configuration`` has by then."""
    match probe:
        case Injects() | NextPodsOn():
            yield from _of_pods(probe)
        case Validates():
            yield Permission("create", VIRTUAL_SERVICE, probe.namespace)
            yield from every((VALIDATING_WEBHOOK,))
        case ConfigAccepted():
            validated = [kind for kind in configuration if is_validated(kind)]
            yield from every(validated)
            yield from (Permission("create", kind, probe.root_namespace) for kind in validated)
        case WorkloadsOn():
            yield from _rolled(probe.workloads)
        case WebhooksResolve():
            yield from every(WEBHOOKS)
            yield from services(ground, probe.root_namespace)
        case RevisionGone():
            yield from every(WEBHOOKS)
            yield from each(probe.objects, "get")
        case GatewaysOn():
            yield from of_gateways(probe.gateways)
        case GatewaysKnown() | ListenersRead():
            yield from _of_strangers(probe)
        case ControlPlaneReady() | ProxiesConnected() | ProxiesSynced() | RevisionIdle():
            yield from _of_istiod(probe, configuration)


def _of_strangers(probe: GatewaysKnown | ListenersRead) -> Iterator[Permission]:
    """Those that ask what came since the plan."""
    if isinstance(probe, GatewaysKnown):
        yield from every((DEPLOYMENT, K8S_GATEWAY))
        return
    yield from every((*probe.kinds, *WEBHOOKS, NAMESPACE, K8S_GATEWAY, K8S_GATEWAY_CLASS))
    yield from every((SERVICE, DEPLOYMENT), probe.root_namespace)


def _of_pods(probe: Injects | NextPodsOn) -> Iterator[Permission]:
    """Those that send pods by dry run."""
    if isinstance(probe, NextPodsOn):
        yield from every((MUTATING_WEBHOOK,))
        yield from each(probe.workloads, "get")
        spaces = [ref.namespace for ref in probe.workloads]
        asked = [ref.namespace for ref in probe.asked]
    else:
        spaces = asked = [case.namespace for case in probe.cases]
    yield from each((Ref(NAMESPACE, name) for name in spaces), "get")
    yield from (Permission("create", POD, name) for name in asked)


def _of_istiod(
    probe: ControlPlaneReady | ProxiesConnected | ProxiesSynced | RevisionIdle, configuration: Sequence[Kind]
) -> Iterator[Permission]:
    """Those that ask istiod's own pods."""
    root = probe.root_namespace
    yield from every((POD,), root)
    if not isinstance(probe, RevisionIdle) or not probe.never_served:
        yield Permission("get", POD_PROXY, root)
    match probe:
        case ControlPlaneReady():
            yield from every(WEBHOOKS)
            yield from every((DEPLOYMENT,), root)
        case ProxiesConnected():
            yield from every((POD,))
        case ProxiesSynced():
            yield from every((POD,))
            yield from useful(root)
        case RevisionIdle():
            yield from every((*WEBHOOKS, NAMESPACE, POD, *WORKLOADS, CRON_JOB))
            yield from every((K8S_GATEWAY, K8S_GATEWAY_CLASS, *(k for k in configuration if _is_asked(k))))
            yield from every((SERVICE, DEPLOYMENT), root)


def _rolled(workloads: Sequence[Ref]) -> Iterator[Permission]:
    yield from each(workloads, "get")
    for ref in workloads:
        yield from pods_of(ref)


def _is_asked(kind: Kind) -> bool:
    return kind.group.endswith(".istio.io") or kind.group in {K8S_GATEWAY.group, X_LISTENER_SET.group}


def of_gateways(gateways: Sequence[Ref]) -> Iterator[Permission]:
    """What is read to know who renders them, and how far their pods have come."""
    yield from each(gateways, "get")
    for ref in gateways:
        yield from every((DEPLOYMENT,), ref.namespace)
        yield from pods_of(Ref(DEPLOYMENT, ref.name, ref.namespace))


def services(ground: Ground, root: str) -> Iterator[Permission]:
    """Whether webhooks lead somewhere: whichever Services they name."""
    yield from (Permission("get", kind, root) for kind in (SERVICE, ENDPOINTS))
    for ref in ground.called:
        yield from on(ref, "get")
        yield from on(Ref(ENDPOINTS, ref.name, ref.namespace), "get")
