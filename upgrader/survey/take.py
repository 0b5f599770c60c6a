"""The survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from upgrader.cluster.read import gitops_annotations, tag_service_of
from upgrader.model.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    MUTATING_WEBHOOK,
    NAMESPACE,
    NODE,
    PDB,
    SERVICE,
    VALIDATING_WEBHOOK,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.snapshot import (
    ClusterId,
    ControlPlane,
    Disruption,
    Namespace,
    Snapshot,
    TagService,
    Webhook,
)
from upgrader.model.step import Reader
from upgrader.survey.looking import Looking, named
from upgrader.survey.members import of_the_mesh, read_pods, workloads
from upgrader.survey.planes import belongings, control_planes, mesh_root, webhooks
from upgrader.survey.resources import api_gateways, custom_resources, definitions

DEFAULT_ROOT = "istio-system"


def take(reader: Reader, cluster: ClusterId, at: datetime) -> Snapshot:
    """Everything that an upgrade depends on, each thing read once, sorted so that equal clusters have equal snapshots.

    Args:
        reader: Never written through.
        cluster: Which cluster it is.
        at: The moment, for the record.

    Raises:
        ClusterFailure: the cluster cannot be reached, does not know us, or does not say what it serves. Anything less
            is in ``Snapshot.unread``.
    """
    look = Looking(reader)
    spaces = tuple(_namespace(n) for n in named(look.all(NAMESPACE)))
    look.namespaces = tuple(n.name for n in spaces)
    deployments = look.all(DEPLOYMENT)
    planes, root, config_root, read = _planes(look, deployments)
    known = workloads(look, read)
    pods = read_pods(look, look.namespaces or ("",), known)
    members = of_the_mesh(spaces, known, pods, look)
    injectors, validators = webhooks(read[MUTATING_WEBHOOK]), webhooks(read[VALIDATING_WEBHOOK])
    resources = custom_resources(look)
    inside = {w.ref.namespace for w in members} | {p.ref.namespace for p in planes} | {root}
    return Snapshot(
        at=at,
        cluster=cluster,
        root_namespace=root,
        config_root=config_root,
        control_planes=planes,
        injectors=injectors,
        validators=validators,
        tag_services=_tag_services(read[SERVICE]),
        namespaces=spaces,
        workloads=members,
        proxies=pods.proxies,
        api_gateways=api_gateways(resources, deployments),
        resources=resources,
        definitions=definitions(look),
        disruptions=_disruptions(look, inside),
        belongings=belongings(look, read, planes, root),
        services=_services(look, read[SERVICE], (*injectors, *validators)),
        kinds=look.kinds,
        nodes=len(look.all(NODE)),
        unread=look.unread,
    )


def _planes(
    look: Looking, deployments: Sequence[Obj]
) -> tuple[tuple[ControlPlane, ...], str, str, Mapping[Kind, Sequence[Obj]]]:
    """Control planes, root namespace, that of the configuration, and what was read for it, by kind."""
    bare = control_planes(deployments, ())
    root = bare[0].ref.namespace if bare else DEFAULT_ROOT
    homes = sorted({root} | {p.ref.namespace for p in bare})
    read: dict[Kind, Sequence[Obj]] = {
        DEPLOYMENT: deployments,
        CONFIG_MAP: [m for home in homes for m in look.all(CONFIG_MAP, home)],
        SERVICE: [s for home in homes for s in look.all(SERVICE, home)],
        MUTATING_WEBHOOK: look.all(MUTATING_WEBHOOK),
        VALIDATING_WEBHOOK: look.all(VALIDATING_WEBHOOK),
    }
    planes = control_planes(deployments, read[CONFIG_MAP])
    return planes, root, mesh_root(planes, read[CONFIG_MAP]), read


def _namespace(obj: Obj) -> Namespace:
    metadata = obj["metadata"]
    return Namespace(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        labels=dict(metadata.get("labels") or {}),
        terminating=bool(metadata.get("deletionTimestamp")),
        annotations=gitops_annotations(obj),
    )


def _tag_services(services: Sequence[Obj]) -> tuple[TagService, ...]:
    return tuple(found for s in named(services) if (found := tag_service_of(s)) is not None)


def _services(look: Looking, read: Sequence[Obj], configurations: Sequence[Webhook]) -> tuple[str, ...]:
    """Of the root namespace all, elsewhere those that a webhook names, if they are there."""
    there = {f"{s['metadata']['namespace']}/{s['metadata']['name']}" for s in read}
    looked_at = {s.partition("/")[0] for s in there}
    called = {e.service for c in configurations for e in c.entries if e.service}
    for service in sorted(called - there):
        namespace, _, name = service.partition("/")
        if namespace not in looked_at and name and look.one(Ref(SERVICE, name, namespace)) is not None:
            there.add(service)
    return tuple(sorted(there))


def _disruptions(look: Looking, inside: set[str]) -> tuple[Disruption, ...]:
    kind = look.served(PDB) or PDB
    return tuple(
        _disruption(kind, d) for d in named(look.all(PDB)) if d["metadata"].get("namespace") in inside
    )


def _disruption(kind: Kind, obj: Obj) -> Disruption:
    metadata, spec = obj["metadata"], obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    return Disruption(
        ref=Ref(kind, metadata["name"], metadata["namespace"]),
        selector=spec.get("selector") or {},
        min_available="" if least is None else str(least),
        max_unavailable="" if most is None else str(most),
        allowed=int((obj.get("status") or {}).get("disruptionsAllowed") or 0),
    )
