"""What a kind of a pattern is in a snapshot: Kubernetes's and Istio's own kinds, and views that no API server serves."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import msgspec

from upgrader.checks.advisories.settings import (
    Seen,
    View,
    cni_env,
    injector_values,
    install_values,
    istiod_env,
    mesh_config,
    proxy_env,
    seen,
)
from upgrader.model.injection import REVISION
from upgrader.model.kinds import CRD, Obj
from upgrader.model.snapshot import Definition, Snapshot, Webhook, Workload

_PLATFORMS = {"gke": "gke", "eks": "eks", "k3s": "k3s", "rke2": "rke2", "aks": "aks"}


def workloads(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Pod templates."""
    del revisions
    for workload in mesh.workloads:
        yield Seen(
            of=workload.ref,
            name=workload.ref.name,
            namespace=workload.ref.namespace,
            labels=workload.template_labels,
            body=workload.template or thin_template(workload),
            workload=workload,
        )


def thin_template(workload: Workload) -> Obj:
    """What an older snapshot still tells of a pod template."""
    containers = [{"name": name, "image": image} for name, image in sorted(workload.images.items())]
    metadata = {"labels": workload.template_labels, "annotations": workload.template_annotations}
    return {
        "metadata": metadata,
        "spec": {"containers": containers, **({"hostNetwork": True} if workload.host_network else {})},
    }


def control_planes(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Deployments of istiod, as the snapshot has them."""
    for plane in mesh.control_planes:
        if plane.revision in revisions:
            body = msgspec.to_builtins(plane)
            yield seen(str(plane.ref), plane.ref.name, plane.ref.namespace, body, labels=plane.labels)


def proxies(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Running proxies, once per workload and content."""
    for crowd in mesh.crowds:
        if crowd.revision in revisions or crowd.kind == "ztunnel":
            space, owner = mesh.owners[crowd.workload], crowd.workload.partition("/")[2]
            body = {"namespace": space, **msgspec.to_builtins(crowd)}
            yield seen(f"proxies of {crowd.workload}", owner, space, body)


def cluster(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """The cluster itself."""
    del revisions
    groups = sorted({kind.group for kind in mesh.kinds if kind.group})
    counts = {"Workload": len(mesh.workloads), "Namespace": len(mesh.namespaces), "Proxy": len(mesh.proxies)}
    body = {
        "version": mesh.cluster.version,
        "platform": platform_of(mesh.cluster.version, groups),
        "nodes": mesh.nodes,
        "groups": groups,
        "counts": {**mesh.kept, **counts},
    }
    yield seen(f"Kubernetes {mesh.cluster.version}", mesh.cluster.context, "", body)


def platform_of(version: str, groups: list[str]) -> str:
    """``gke``, ``eks``, ``aks``, ``k3s``, ``rke2`` or ``openshift``, from what the server says; empty when nothing does."""
    if "route.openshift.io" in groups or "security.openshift.io" in groups:
        return "openshift"
    words = re.findall(r"[a-z0-9]+", version.lower())
    return next((name for word, name in _PLATFORMS.items() if any(w.startswith(word) for w in words)), "")


def namespaces(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Namespaces with their labels and the annotations that the survey keeps."""
    del revisions
    for one in mesh.namespaces:
        metadata = {"name": one.name, "labels": one.labels, "annotations": one.annotations}
        yield seen(f"Namespace {one.name}", one.name, one.name, {"metadata": metadata}, labels=one.labels)


def definitions(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """CustomResourceDefinitions, in the form that the API server has for what the snapshot keeps of them."""
    del revisions
    for one in mesh.definitions:
        yield seen(f"{CRD.kind} {one.name}", one.name, "", _definition(one))


def _definition(one: Definition) -> Obj:
    bundle = {}
    if one.bundle:
        group = "inference.networking.k8s.io" if "inference" in one.name else "gateway.networking.k8s.io"
        bundle = {f"{group}/bundle-version": one.bundle}
    versions = [
        {"name": name, "served": name in one.served, "storage": name == one.storage}
        for name in dict.fromkeys((*one.served, one.storage))
        if name
    ]
    return {
        "metadata": {"name": one.name, "annotations": bundle},
        "spec": {"versions": versions},
        "status": {"storedVersions": list(one.stored)},
    }


def mutating(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Injectors and tags."""
    del revisions
    yield from map(_webhook, mesh.injectors)


def validating(mesh: Snapshot, revisions: frozenset[str]) -> Iterator[Seen]:
    """Validators."""
    del revisions
    yield from map(_webhook, mesh.validators)


def _webhook(one: Webhook) -> Seen:
    hooks = [
        {
            "name": entry.name,
            "failurePolicy": entry.failure_policy,
            "namespaceSelector": entry.namespace_selector,
            "objectSelector": entry.object_selector,
        }
        for entry in one.entries
    ]
    told = {REVISION: one.revision, "istio.io/tag": one.tag}
    labels = {key: value for key, value in told.items() if value} | one.labels
    body = {"metadata": {"name": one.ref.name, "labels": labels}, "webhooks": hooks}
    return seen(str(one.ref), one.ref.name, "", body, labels=labels)


VIEWS: Mapping[str, View] = {
    "Workload": workloads,
    "IstiodEnv": istiod_env,
    "ProxyEnv": proxy_env,
    "CniEnv": cni_env,
    "MeshConfig": mesh_config,
    "InjectorValues": injector_values,
    "InstallValues": install_values,
    "Proxy": proxies,
    "ControlPlane": control_planes,
    "Cluster": cluster,
    "Namespace": namespaces,
    CRD.kind: definitions,
    "MutatingWebhookConfiguration": mutating,
    "ValidatingWebhookConfiguration": validating,
}
