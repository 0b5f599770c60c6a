"""Clusters with a mesh that no scenario has: everything passes the API, injection and the controllers.

site = site("1.27.9").namespace("shop", rev="1-27-9").deployment("shop/cart", replicas=2)
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Self

import orjson

from upgrader.model.version import Version
from upgrader.sandbox.charts.manifests import (
    render,
    render_gateway,
    render_gateway_api,
    render_ingress_gateway,
    render_tag,
)
from upgrader.sandbox.charts.release import HUB, Installer, Release
from upgrader.sandbox.local import Local
from upgrader.sandbox.store import Obj
from upgrader.sandbox.world import World, apply_manifests, path_of

REV = "istio.io/rev"
INJECTION = "istio-injection"
INJECT = "sidecar.istio.io/inject"
_GROUPS = {"Pod": "v1", "Job": "batch/v1", "CronJob": "batch/v1"}
_MERGE = "application/merge-patch+json"


def named(version: str) -> str:
    """The usual revision name of a version."""
    return Version.parse(version).revision


@cache
def _installed(release: Release, manager: str, gateway_api: str, tags: tuple[str, ...], nodes: int) -> World:
    world = World(kubernetes=release.kubernetes, nodes=nodes)
    local = world.local()
    local.create("/api/v1/namespaces", _namespace("istio-system", {}))
    local.create("/api/v1/namespaces", _namespace("plain", {}))
    files = render(release)
    apply_manifests(world, files["crds.yaml"], manager)
    if gateway_api:
        apply_manifests(world, render_gateway_api(gateway_api))
    for text in (files["base.yaml"], files["istiod.yaml"], *(render_tag(tag, release) for tag in tags)):
        apply_manifests(world, text, manager)
    world.advance(10)
    return world


def site(
    version: str,
    revision: str | None = None,
    tags: tuple[str, ...] = (),
    gateway_api: str = "",
    kubernetes: str = "1.33",
    installer: Installer = "helm",
    manager: str = "kubectl",
    hub: str = HUB,
    nodes: int = 1,
) -> Site:
    """A cluster with one control plane; revision ``""`` is one without a name, None is named after its version."""
    name = named(version) if revision is None else revision
    release = Release(version, name, hub, kubernetes=kubernetes, installer=installer)
    return Site(_installed(release, manager, gateway_api, tags, nodes).fork(), release)


def _namespace(name: str, labels: Mapping[str, str]) -> Obj:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": dict(labels)}}


class Site:
    """One cluster; every method acts on it at once and returns it."""

    def __init__(self, world: World, release: Release) -> None:
        self.world = world
        self.release = release
        self.local: Local = world.local()

    def wait(self, seconds: float = 15) -> Self:
        """Let it live."""
        self.world.advance(seconds)
        return self

    # objects

    def put(self, obj: Obj) -> Self:
        """Create *obj*."""
        self.local.create(path_of(self.world, obj).rpartition("/")[0], obj)
        self.world.settle()
        return self

    def apply(self, text: str, manager: str = "kubectl") -> Self:
        """Apply rendered manifests."""
        apply_manifests(self.world, text, manager)
        return self

    def patch(self, path: str, body: Obj) -> Self:
        """Merge a patch into the object at *path*."""
        self.local.patch(path, orjson.dumps(body), _MERGE)
        self.world.settle()
        return self

    def delete(self, path: str) -> Self:
        """Delete the object at *path*."""
        self.local.delete(path)
        self.world.settle()
        return self

    # mesh

    def plane(
        self,
        version: str,
        revision: str | None = None,
        manager: str = "kubectl",
        parts: tuple[str, ...] = ("crds", "base", "istiod"),
    ) -> Self:
        """One more control plane (or parts of it) beside what is there; the default validator stays where it is."""
        release = self.also(version, revision)
        files = render(release)
        for part in parts:
            text = files[f"{part}.yaml"]
            if part == "base":
                text = "---\n".join(d for d in text.split("---\n") if "istiod-default-validator" not in d)
            self.apply(text, manager)
        return self.wait(10)

    def also(self, version: str, revision: str | None = None) -> Release:
        """A release for this cluster."""
        name = named(version) if revision is None else revision
        return Release(
            version,
            name,
            self.release.hub,
            kubernetes=self.release.kubernetes,
            installer=self.release.installer,
        )

    def tag(self, name: str, release: Release | None = None, manager: str = "kubectl") -> Self:
        """A tag as ``istioctl tag set`` writes it."""
        return self.apply(render_tag(name, release or self.release), manager)

    def namespace(self, name: str, rev: str = "", injection: str = "", **labels: str) -> Self:
        """A namespace bound by *rev* or by *injection*."""
        bound = ({REV: rev} if rev else {}) | ({INJECTION: injection} if injection else {})
        return self.put(_namespace(name, bound | labels))

    def relabel(self, name: str, **labels: str | None) -> Self:
        """Change labels of a namespace: ``rev``, ``injection``."""
        keys = {"rev": REV, "injection": INJECTION}
        return self.patch(
            f"/api/v1/namespaces/{name}", {"metadata": {"labels": {keys[k]: v for k, v in labels.items()}}}
        )

    def ingress(self, image_version: str = "") -> Self:
        """The ingress gateway as istioctl installs it."""
        return self.apply(render_ingress_gateway(self.release, image_version), "istio-operator")

    def injected_gateway(self, name: str, namespace: str, replicas: int = 1) -> Self:
        """A gateway of the gateway chart."""
        return self.apply(render_gateway(self.release, name, namespace, replicas))

    def gateway(
        self, name: str, rev: str | None = None, class_name: str = "istio", addresses: list[Obj] | None = None
    ) -> Self:
        """A Gateway of the Gateway API, ``namespace/name``."""
        namespace, _, short = name.partition("/")
        labels = {} if rev is None else {REV: rev}
        port = (
            {"name": "mesh", "port": 15008, "protocol": "HBONE"}
            if class_name == "istio-waypoint"
            else {"name": "http", "port": 80, "protocol": "HTTP"}
        )
        spec: Obj = {"gatewayClassName": class_name, "listeners": [port]}
        spec |= {"addresses": addresses} if addresses else {}
        meta = {"name": short, "namespace": namespace, "labels": labels}
        return self.put(
            {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": meta, "spec": spec}
        )

    def listener_set(self, name: str, gateway: str, rev: str | None = None) -> Self:
        """Listeners that somebody adds to *gateway*, all ``namespace/name``."""
        namespace, _, short = name.partition("/")
        parent, _, of = gateway.partition("/")
        return self.put(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "ListenerSet",
                "metadata": {
                    "name": short,
                    "namespace": namespace,
                    "labels": {} if rev is None else {REV: rev},
                },
                "spec": {
                    "parentRef": {"name": of, "namespace": parent},
                    "listeners": [{"name": "extra", "port": 8080, "protocol": "HTTP"}],
                },
            }
        )

    # workloads

    def deployment(self, name: str, replicas: int = 1, **more: Any) -> Self:
        """A Deployment, ``namespace/name``."""
        return self.workload("Deployment", name, replicas=replicas, **more)

    def workload(
        self,
        kind: str,
        name: str,
        *,
        replicas: int = 1,
        labels: Mapping[str, str] | None = None,
        notes: Mapping[str, str] | None = None,
        pod: Mapping[str, Any] | None = None,
        spec: Mapping[str, Any] | None = None,
        own: Mapping[str, str] | None = None,
    ) -> Self:
        """Any workload: *labels*, *notes* and *pod* of its template, *own* annotations of itself."""
        namespace, _, short = name.partition("/")
        apps = {"app": short}
        container: Obj = {"name": "app", "image": "docker.io/example/app:1.0"}
        meta = {"labels": apps | dict(labels or {}), "annotations": dict(notes or {})}
        template: Obj = {"metadata": meta, "spec": {"containers": [container]} | dict(pod or {})}
        metadata: Obj = {"name": short, "namespace": namespace, "annotations": dict(own or {})}
        if kind == "Pod":
            return self.put(
                {"apiVersion": "v1", "kind": kind, "metadata": metadata | meta, "spec": template["spec"]}
            )
        shape = self._shape(kind, replicas, template, apps)
        return self.put(
            {
                "apiVersion": _GROUPS.get(kind, "apps/v1"),
                "kind": kind,
                "metadata": metadata,
                "spec": shape | dict(spec or {}),
            }
        )

    @staticmethod
    def _shape(kind: str, replicas: int, template: Obj, apps: Obj) -> Obj:
        selector = {"matchLabels": apps}
        ending = {"template": template | {"spec": template["spec"] | {"restartPolicy": "Never"}}}
        shapes: dict[str, Obj] = {
            "Deployment": {"replicas": replicas, "selector": selector, "template": template},
            "StatefulSet": {
                "replicas": replicas,
                "selector": selector,
                "template": template,
                "serviceName": "app",
            },
            "DaemonSet": {"selector": selector, "template": template},
            "Job": ending,
            "CronJob": {"schedule": "0 3 * * 0", "jobTemplate": {"spec": ending}},
        }
        return shapes[kind]

    # manifests

    def manifests(
        self,
        place: Path,
        *targets: str | tuple[str, str],
        ingress: bool = False,
        hub: str = "",
        installer: Installer | None = None,
    ) -> Path:
        """A folder with the manifests of each version, or of each (version, revision)."""
        for target in targets:
            version, revision = (target, named(target)) if isinstance(target, str) else target
            release = Release(
                version,
                revision,
                hub or self.release.hub,
                kubernetes=self.release.kubernetes,
                installer=installer or "helm",
            )
            folder = place / version
            folder.mkdir(parents=True, exist_ok=True)
            files = render(release) | ({"ingress.yaml": render_ingress_gateway(release)} if ingress else {})
            for file, text in files.items():
                (folder / file).write_text(text)
        return place
