"""A case of an advisory as the mesh it describes: raw objects on a shelf, surveyed like a cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import yaml

from tests.survey.conftest import BUILT_IN, Shelf
from upgrader.catalog import load_catalog
from upgrader.model.injection import Istiods, injection
from upgrader.model.kinds import Kind, Obj
from upgrader.model.snapshot import ClusterId, Snapshot, Workload
from upgrader.model.version import Version
from upgrader.survey import take

AT = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
ROOT = "istio-system"
SPACE = "shop"
"""Where an object is that says nothing else."""
_CROWD = "crowd"
_CLUSTER_WIDE = frozenset(
    {"CustomResourceDefinition", "GatewayClass", "Namespace", "Node", "PersistentVolume"}
)


class Mesh(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a case says about the mesh beside its objects.

    Attributes:
        running: Version of the one istiod, whose revision is called after it; empty for the newest patch of the
            minor before.
        target: What the plan leads to; empty for the newest patch of the advisory's minor.
        kubernetes: As the API server says it.
        env: Of istiod.
        mesh_config: ``mesh`` of its ConfigMap.
        injector_values: Laid over the values that the injector needs at least.
        install_values: What somebody set when it was installed, below ``values``.
        hub: Of the image of istiod.
        installer: ``istioctl``, ``helm`` or ``manifests``.
        beside_istiod: Further containers of its pods.
        proxies: Pods with a sidecar, beside those of the objects.
    """

    running: str = ""
    target: str = ""
    kubernetes: str = "v1.23.4"
    env: dict[str, str] = {}
    mesh_config: Obj = {}
    injector_values: Obj = {}
    install_values: Obj = {}
    hub: str = "docker.io/istio"
    installer: str = "istioctl"
    beside_istiod: tuple[Obj, ...] = ()
    proxies: int = 0


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One advisory, proved: ``concerned`` and ``spared`` are two worlds that differ as little as possible.

    An object ``kind: Mesh`` among the others stands for fields of the mesh in this world alone.

    Attributes:
        concerned: Objects of a mesh that the advisory speaks of.
        spared: Objects of one that it just does not speak of.
        mesh: Of both.
    """

    concerned: tuple[Obj, ...] = ()
    spared: tuple[Obj, ...] = ()
    mesh: Obj = {}


def settings(case: Case, objects: Sequence[Obj]) -> Mesh:
    """What *case* says about the mesh, with the objects ``kind: Mesh`` among *objects* laid over it."""
    fields: Obj = dict(case.mesh)
    for more in objects:
        if more["kind"] == "Mesh":
            fields |= {k: v for k, v in more.items() if k != "kind"}
    return msgspec.convert(fields, Mesh)


def world(case: Case, objects: Sequence[Obj], minor: str) -> Snapshot:
    """The mesh of *case* with *objects*, as the survey reads it before the hop onto *minor*.

    Every namespace that an object is in and that is not among the objects injects the running revision; every
    injected workload runs one pod of the running version.
    """
    mesh = settings(case, objects)
    version = mesh.running or before(minor)
    kinds = {_plural(o["kind"]): o["kind"] for o in objects}
    placed = [_placed(o, kinds) for o in objects if o["kind"] != "Mesh"]
    everything = [*_plane(mesh, version), *placed, *_crowd(mesh)]
    everything += _namespaces(everything, version.replace(".", "-"))
    cluster = ClusterId(uid="c1", context="here", server="https://s", version=mesh.kubernetes)
    first = take(_shelf(everything), cluster, AT)
    pods = [p for w in first.workloads if (p := _pod(first, w, version)) is not None]
    found = take(_shelf([*everything, *pods]), cluster, AT) if pods else first
    crowd = [p for p in found.proxies if p.pod.startswith(_CROWD)] * mesh.proxies
    return msgspec.structs.replace(found, proxies=(*found.proxies, *crowd))


def _kind(obj: Obj) -> Kind:
    group, _, version = str(obj["apiVersion"]).rpartition("/")
    return Kind(group, version, _plural(obj["kind"]), obj["kind"], obj["kind"] not in _CLUSTER_WIDE)


def path(case: Case, objects: Sequence[Obj], minor: str) -> tuple[Version, Version]:
    """The hop that *case* is about."""
    mesh = settings(case, objects)
    latest = load_catalog().latest_patch(minor)
    assert latest is not None, minor
    return Version.parse(mesh.running or before(minor)), Version.parse(mesh.target) if mesh.target else latest


def before(minor: str) -> str:
    """The newest patch that is known of the minor before *minor*."""
    major, _, number = minor.partition(".")
    known = load_catalog().latest_patch(f"{major}.{int(number) - 1}")
    return str(known) if known else f"{major}.{int(number) - 1}.8"


def _shelf(objects: Sequence[Obj]) -> Shelf:
    shelf = Shelf(objects)
    known = {(k.group, k.kind) for k in (*BUILT_IN, *shelf.kinds())}
    for obj in objects:
        group = str(obj["apiVersion"]).rpartition("/")[0]
        if (group, obj["kind"]) not in known:
            known.add((group, obj["kind"]))
            shelf.serve(_kind(obj))
    return shelf


def _plural(kind: str) -> str:
    word = kind.lower()
    if word.endswith("y") and not word.endswith("ay"):
        return f"{word[:-1]}ies"
    return f"{word}es" if word.endswith("s") else f"{word}s"


def _placed(obj: Obj, kinds: Mapping[str, str]) -> Obj:
    """*obj* with a name and a place; a definition with what its name says, and the kind among *kinds*."""
    metadata = {"name": obj["kind"].lower(), **(obj.get("metadata") or {})}
    if obj["kind"] not in _CLUSTER_WIDE and not obj["kind"].endswith("WebhookConfiguration"):
        metadata.setdefault("namespace", SPACE)
    if obj["kind"] != "CustomResourceDefinition":
        return {**obj, "metadata": metadata}
    plural, _, group = metadata["name"].partition(".")
    names = {"plural": plural, "kind": kinds.get(plural, plural.capitalize())}
    spec: Obj = {"group": group, "scope": "Namespaced", "names": names, **obj["spec"]}
    return {**obj, "metadata": metadata, "spec": spec}


def _namespaces(objects: Sequence[Obj], revision: str) -> list[Obj]:
    there = {o["metadata"]["name"] for o in objects if o["kind"] == "Namespace"}
    named = {o["metadata"].get("namespace", "") for o in objects} - {""} - there
    return [
        _object("Namespace", name, labels={} if name == ROOT else {"istio.io/rev": revision})
        for name in sorted(named)
    ]


def _plane(mesh: Mesh, version: str) -> Iterator[Obj]:
    """One istiod, what it is configured with, and its injector."""
    revision = version.replace(".", "-")
    labels = {"app": "istiod", "istio.io/rev": revision, "operator.istio.io/component": "Pilot"}
    labels |= {"operator.istio.io/managed": "Reconcile"} if mesh.installer == "istioctl" else {}
    annotations = {"meta.helm.sh/release-name": "istiod"} if mesh.installer == "helm" else {}
    env = [{"name": name, "value": value} for name, value in mesh.env.items()]
    container = {"name": "discovery", "image": f"{mesh.hub}/pilot:{version}", "env": env}
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container, *mesh.beside_istiod]}}
    values = {"global": {"hub": mesh.hub, "tag": version, "proxy": {"image": "proxyv2"}}}
    spec = {"template": pod}
    yield _object("Deployment", f"istiod-{revision}", ROOT, "apps/v1", labels, annotations, spec=spec)
    yield _map(f"istio-{revision}", mesh=yaml.safe_dump(mesh.mesh_config))
    yield _map(f"istio-sidecar-injector-{revision}", values=json.dumps(_merged(values, mesh.injector_values)))
    if mesh.install_values:
        told = json.dumps(mesh.install_values)
        yield _map(f"values-{revision}", **{"original-values": told, "merged-values": told})
    yield _injector(revision)


def _injector(revision: str) -> Obj:
    """As the charts of 1.12 to 1.31 write it."""

    def absent(label: str) -> Obj:
        return {"key": label, "operator": "DoesNotExist"}

    def among(value: str) -> Obj:
        return {"key": "istio.io/rev", "operator": "In", "values": [value]}

    wanted = {"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}
    selectors = {
        "rev.namespace.": ([among(revision), absent("istio-injection")], [wanted]),
        "rev.object.": ([absent("istio.io/rev"), absent("istio-injection")], [wanted, among(revision)]),
    }
    entries = [
        {
            "name": f"{prefix}sidecar-injector.istio.io",
            "clientConfig": {
                "caBundle": "Cg==",
                "service": {"name": f"istiod-{revision}", "namespace": ROOT},
            },
            "namespaceSelector": {"matchExpressions": space},
            "objectSelector": {"matchExpressions": pod},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}],
        }
        for prefix, (space, pod) in selectors.items()
    ]
    labels = {"app": "sidecar-injector", "istio.io/rev": revision}
    name, api = f"istio-sidecar-injector-{revision}", "admissionregistration.k8s.io/v1"
    return _object("MutatingWebhookConfiguration", name, "", api, labels, webhooks=entries)


def _crowd(mesh: Mesh) -> Iterator[Obj]:
    """The workload of the pods that only count."""
    if mesh.proxies:
        template = {"metadata": {"labels": {"app": _CROWD}}, "spec": {"containers": [{"name": "app"}]}}
        yield _object("Deployment", _CROWD, SPACE, "apps/v1", spec={"template": template})


def _pod(mesh: Snapshot, workload: Workload, version: str) -> Obj | None:
    """The one pod of an injected workload; of a bare pod and of what nothing injects none."""
    space = mesh.namespace(workload.ref.namespace)
    labels = space.labels if space else {}
    asked = (workload.template_labels, workload.template_annotations, workload.host_network)
    found = injection(workload.ref.namespace, labels, *asked, mesh.injectors, Istiods.of(mesh))
    if not found.winner or workload.ref.kind.kind == "Pod":
        return None
    kind, name = workload.ref.kind, workload.ref.name
    owner = {"apiVersion": kind.api_version, "kind": kind.kind, "name": name, "controller": True}
    proxy = {"name": "istio-proxy", "image": f"docker.io/istio/proxyv2:{version}"}
    status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    told = {"sidecar.istio.io/status": json.dumps({"revision": found.winner})}
    annotations = workload.template_annotations | told
    made = _object("Pod", f"{name}-0", workload.ref.namespace, "v1", workload.template_labels, annotations)
    made["metadata"]["ownerReferences"] = [owner]
    return made | {"spec": {"containers": [proxy]}, "status": status}


def _map(name: str, **data: str) -> Obj:
    return _object("ConfigMap", name, ROOT, data=data)


def _object(
    kind: str,
    name: str,
    namespace: str = "",
    api: str = "v1",
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **more: Any,
) -> Obj:
    metadata: Obj = {"name": name, "labels": dict(labels or {}), "annotations": dict(annotations or {})}
    place = {"namespace": namespace} if namespace else {}
    return {"apiVersion": api, "kind": kind, "metadata": metadata | place, **more}


def _merged(below: Obj, above: Obj) -> Obj:
    """*above* laid over *below*, mapping by mapping."""
    both = {
        k: _merged(below[k], v) if isinstance(v, dict) and isinstance(below.get(k), dict) else v
        for k, v in above.items()
    }
    return {**below, **both}
