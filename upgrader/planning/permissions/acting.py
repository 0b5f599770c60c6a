"""What each step reads, and what it writes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.model.kinds import (
    CLUSTER_ROLE,
    CONFIG_MAP,
    DEPLOYMENT,
    HPA,
    MUTATING_WEBHOOK,
    NAMESPACE,
    PDB,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    WORKLOADS,
    Kind,
    Ref,
)
from upgrader.model.manifest import Manifest
from upgrader.model.version import UNNAMED
from upgrader.planning.hop.gates import own_webhooks
from upgrader.planning.permissions.permission import Permission, each, every, on, pods_of
from upgrader.planning.permissions.probing import WEBHOOKS, of_gateways
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
from upgrader.steps.relabel_namespace import gateway_refs

_ROLES = (ROLE, CLUSTER_ROLE)
_GATEWAY_OBJECTS = (DEPLOYMENT, SERVICE, HPA, PDB, SERVICE_ACCOUNT, ROLE, ROLE_BINDING)


def of_reading(step: AnyStep, configuration: Sequence[Kind]) -> Iterator[Permission]:
    """Every right that looking at *step* uses: what is missing, and whether it came true.

    Args:
        step: A step of a plan.
        configuration: What ``Ground.configuration`` has by then.
    """
    match step:
        case ApplyManifests():
            yield from _read_again(step)
        case RelabelNamespace():
            yield from on(Ref(NAMESPACE, step.namespace), "get")
            yield from of_gateways(gateway_refs(step.gateways))
        case RelabelGateway():
            yield from of_gateways((step.ref,)) if step.managed else on(step.ref, "get")
        case RestartWorkload() | ScalePlane():
            yield from on(step.ref, "get")
            yield from pods_of(step.ref)
        case MoveTag():
            yield from every(WEBHOOKS)
            yield Permission("get", SERVICE, step.root_namespace)
            yield from of_gateways(gateway_refs(step.gateways))
        case RemoveObjects():
            yield from each((o.ref for o in step.objects), "get")
        case Restore():
            yield from each(step.refs, "get")
        case BackUp():
            yield from _backup(step, configuration)


def _read_again(step: ApplyManifests) -> Iterator[Permission]:
    yield from each((d.ref for d in step.documents), "get")
    rolled = [d.ref for d in step.documents if d.ref.kind == DEPLOYMENT and step.part == "ingress-gateway"]
    for ref in rolled:
        yield from pods_of(ref)


def of_writing(step: AnyStep, grants: dict[Ref, Ref]) -> Iterator[Permission]:
    """Every right that the changes of *step* use.

    Args:
        step: A step of a plan.
        grants: Binding to the role that it gives, for those that a restore may put back.
    """
    match step:
        case ApplyManifests():
            for one in step.documents:
                yield from _applied(one)
        case RelabelNamespace():
            yield from on(Ref(NAMESPACE, step.namespace), "patch")
        case RelabelGateway() | RestartWorkload() | ScalePlane():
            yield from on(step.ref, "patch")
        case MoveTag():
            yield from _tag(step)
        case RemoveObjects():
            yield from each((o.ref for o in step.objects), "delete")
        case Restore():
            for ref in step.refs:
                yield from on(ref, "update")
                yield from _granting(ref, grants.get(ref))
        case BackUp():
            pass


def _backup(step: BackUp, configuration: Sequence[Kind]) -> Iterator[Permission]:
    yield from every((*configuration, *WEBHOOKS, NAMESPACE, *WORKLOADS, *_GATEWAY_OBJECTS))
    yield from every((SERVICE, CONFIG_MAP), step.root_namespace)
    yield from each(step.also, "get")


def _applied(one: Manifest) -> Iterator[Permission]:
    """Server-side apply patches, and creates where nothing is: its URL has the name, unlike that of a POST."""
    yield from on(one.ref, "patch")
    if not one.update:
        yield Permission("create", one.ref.kind, one.ref.namespace, one.ref.name)
    elif not one.existed:
        yield from on(one.ref, "create")
    binds = one.binds or None
    yield from _granting(one.ref, binds, created=one.update and not one.existed)


def _granting(ref: Ref, binds: Ref | None, *, created: bool = False) -> Iterator[Permission]:
    """Writing a role that grants more than the writer may do needs ``escalate``; a binding to such a role ``bind``.

    A binding is asked about in its own namespace, also when its role is a ClusterRole.
    """
    if ref.kind in _ROLES:
        yield Permission("escalate", ref.kind, ref.namespace, "" if created else ref.name)
    if binds is not None:
        yield Permission("bind", binds.kind, ref.namespace, binds.name)


def _tag(step: MoveTag) -> Iterator[Permission]:
    for part in step.parts:
        yield from on(step.ref_of(part), "create" if part in step.create else "patch")
    if step.deactivate:
        injector, _ = own_webhooks(UNNAMED, step.root_namespace)
        yield from on(Ref(MUTATING_WEBHOOK, injector), "patch")
