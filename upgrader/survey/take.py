"""The survey."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from upgrader.cluster.read import gitops_annotations, label_owners, tag_service_of
from upgrader.model.injection import INJECTION, REVISION
from upgrader.model.kinds import (
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    MUTATING_WEBHOOK,
    NAMESPACE,
    NODE,
    PDB,
    SERVICE,
    STATEFUL_SET,
    VALIDATING_WEBHOOK,
    Kind,
    Obj,
    Ref,
)
from upgrader.model.snapshot import (
    ClusterId,
    ControlPlane,
    CustomResource,
    Disruption,
    Namespace,
    Snapshot,
    TagService,
    Webhook,
)
from upgrader.model.step import Reader
from upgrader.survey.documents import WIDE, config_maps, documents, secrets, settings
from upgrader.survey.looking import Looking, named
from upgrader.survey.members import of_the_mesh, read_pods, workloads
from upgrader.survey.planes import (
    CLUSTER_WIDE,
    IN_ROOT,
    belongings,
    control_planes,
    mesh_root,
    webhooks,
)
from upgrader.survey.resources import api_gateways, custom_resources, definitions, listener_sets

DEFAULT_ROOT = "istio-system"
Read = Mapping[Kind, Sequence[Obj]]
"""Raw objects by kind."""


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
    planes, root, read = _everything(look)
    known = workloads(look, read)
    injectors, validators = webhooks(read[MUTATING_WEBHOOK]), webhooks(read[VALIDATING_WEBHOOK])
    resources = custom_resources(look)
    beside = _beside(look, read, planes, root, resources)
    installed = _installed(look, read, (planes, root), resources, (*injectors, *validators))
    budgets = tuple(_disruption(look.served(PDB) or PDB, d) for d in named(read[PDB]))
    del read  # half of what a survey holds, and pods are the other half
    pods = read_pods(look, look.namespaces or ("",), known)
    members = of_the_mesh(spaces, known, pods, look)
    inside = {w.ref.namespace for w in members} | {p.ref.namespace for p in planes} | {root}
    return Snapshot(
        at=at,
        cluster=cluster,
        root_namespace=root,
        control_planes=planes,
        injectors=injectors,
        validators=validators,
        namespaces=spaces,
        workloads=members,
        proxies=pods.proxies,
        running_images=pods.images,
        resources=resources,
        definitions=definitions(look),
        disruptions=tuple(d for d in budgets if d.ref.namespace in inside),
        kinds=look.kinds,
        **installed,
        **beside,
        unread=look.unread,
    )


def _installed(
    look: Looking,
    read: Read,
    place: tuple[Sequence[ControlPlane], str],
    resources: Sequence[CustomResource],
    configurations: Sequence[Webhook],
) -> dict[str, Any]:
    """What is there of Istio beside control planes and webhooks, and the gateways that were asked of it."""
    planes, root = place
    return {
        "config_root": mesh_root(planes, read[CONFIG_MAP]),
        "tag_services": _tag_services(_in(read[SERVICE], planes, root)),
        "api_gateways": api_gateways(resources, read[DEPLOYMENT]),
        "listener_sets": listener_sets(resources),
        "belongings": belongings(look, read, planes, root),
        "services": _services(look, read[SERVICE], place, configurations),
        "nodes": len(read[NODE]),
    }


def _everything(look: Looking) -> tuple[tuple[ControlPlane, ...], str, Read]:
    """Control planes, root namespace, and every kind that is read whole, by kind."""
    deployments = look.all(DEPLOYMENT)
    bare = control_planes(deployments, ())
    root = bare[0].ref.namespace if bare else DEFAULT_ROOT
    homes = _homes(bare, root)
    read: dict[Kind, Sequence[Obj]] = {DEPLOYMENT: deployments}
    for kind in WIDE:
        everywhere = look.also(kind)
        read[kind] = everywhere if everywhere is not None else _of(look, kind, homes)
    for kind in (STATEFUL_SET, DAEMON_SET, PDB, NODE, *CLUSTER_WIDE):
        read[kind] = look.all(kind)
    for kind in IN_ROOT:
        if kind not in read:
            read[kind] = _of(look, kind, homes)
    return control_planes(deployments, read[CONFIG_MAP]), root, read


def _of(look: Looking, kind: Kind, homes: Sequence[str]) -> list[Obj]:
    return [o for home in homes for o in look.all(kind, home)]


def _homes(planes: Sequence[ControlPlane], root: str) -> list[str]:
    return sorted({root} | {p.ref.namespace for p in planes})


def _in(objects: Sequence[Obj], planes: Sequence[ControlPlane], root: str) -> list[Obj]:
    """Those in namespaces of control planes."""
    homes = _homes(planes, root)
    return [o for o in objects if o["metadata"].get("namespace") in homes]


def _beside(
    look: Looking,
    read: Read,
    planes: Sequence[ControlPlane],
    root: str,
    resources: Sequence[CustomResource],
) -> dict[str, Any]:
    """What checks may ask about, and no plan is made from: documents, settings, certificates."""
    homes, maps = _homes(planes, root), read[CONFIG_MAP]
    hidden, certificates = secrets(look, homes, maps)
    found = {d.ref: d for d in (*documents(look, read, homes), *config_maps(look, maps), *hidden)}
    written = settings(look, maps, planes, resources)
    return {
        "documents": tuple(sorted(found.values(), key=lambda d: (d.ref.kind, d.ref.namespace, d.ref.name))),
        "certificates": certificates,
        "mesh_configs": written.mesh_configs,
        "injector_values": written.injector_values,
        "injector_settings": written.injector_settings,
        "install_values": written.install_values,
    }


def _namespace(obj: Obj) -> Namespace:
    metadata = obj["metadata"]
    return Namespace(
        name=metadata["name"],
        uid=metadata.get("uid", ""),
        labels=dict(metadata.get("labels") or {}),
        terminating=bool(metadata.get("deletionTimestamp")),
        annotations=gitops_annotations(obj),
        label_owners=label_owners(obj, (INJECTION, REVISION)),
    )


def _tag_services(services: Sequence[Obj]) -> tuple[TagService, ...]:
    return tuple(found for s in named(services) if (found := tag_service_of(s)) is not None)


def _services(
    look: Looking,
    read: Sequence[Obj],
    place: tuple[Sequence[ControlPlane], str],
    configurations: Sequence[Webhook],
) -> tuple[str, ...]:
    """Of the root namespace all, elsewhere those that a webhook names, if they are there."""
    there = {f"{s['metadata']['namespace']}/{s['metadata']['name']}" for s in _in(read, *place)}
    elsewhere = {f"{s['metadata']['namespace']}/{s['metadata']['name']}" for s in read}
    looked_at = {s.partition("/")[0] for s in elsewhere}
    called = {e.service for c in configurations for e in c.entries if e.service}
    for service in sorted(called - there):
        namespace, _, name = service.partition("/")
        unknown = namespace not in looked_at and name
        if service in elsewhere or (unknown and look.one(Ref(SERVICE, name, namespace)) is not None):
            there.add(service)
    return tuple(sorted(there))


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
