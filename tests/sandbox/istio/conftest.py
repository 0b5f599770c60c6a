"""Istiods put straight into a store: the least that makes one answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import pytest
import yaml

from upgrader.model.injection import Injectors, Istiods, Likeness, injection
from upgrader.model.injector import injector_settings
from upgrader.model.kinds import MUTATING_WEBHOOK, Ref
from upgrader.model.snapshot import Webhook, WebhookEntry
from upgrader.sandbox.api.wire import AdmissionCall
from upgrader.sandbox.charts.manifests import render, render_gateway_api, render_tag
from upgrader.sandbox.charts.release import Release
from upgrader.sandbox.clock import VirtualClock
from upgrader.sandbox.istio.authority import bundle_of
from upgrader.sandbox.istio.injection.proxy import PROXY
from upgrader.sandbox.istio.webhooks.admission import Webhooks
from upgrader.sandbox.scenarios import Builder
from upgrader.sandbox.scenarios.expand import namespace, node
from upgrader.sandbox.store import Obj, Store
from upgrader.sandbox.world import World

ADMISSION = "admissionregistration.k8s.io"
FREE: list[dict[str, Any]] = [
    {"key": "istio.io/rev", "operator": "DoesNotExist"},
    {"key": "istio-injection", "operator": "DoesNotExist"},
]
WANTED: list[dict[str, Any]] = [{"key": "sidecar.istio.io/inject", "operator": "NotIn", "values": ["false"]}]
NEVER: dict[str, Any] = {"matchLabels": {"istio.io/deactivated": "never-match"}}


class Bench:
    """A store with istiods, injector configurations and namespaces, and the two that say who injects a pod."""

    def __init__(self) -> None:
        self.store = Store(VirtualClock())
        self.versions: dict[str, str] = {}
        self.configs: dict[str, dict[str, Any]] = {}

    def istiod(self, revision: str, version: str, *, ready: bool = True, name: str = "") -> None:
        """An istiod of a revision behind its Service; not ready ones are behind nothing."""
        suffix = "" if revision == "default" else f"-{revision}"
        app, pod = f"istiod{suffix}", name or f"istiod{suffix}-0"
        self.versions[revision] = version
        meta = {
            "name": app,
            "namespace": "istio-system",
            "labels": {"app": "istiod", "istio.io/rev": revision},
        }
        self.store.put(("apps", "deployments", "istio-system", app), {"metadata": meta, "spec": {}})
        ports = [{"port": 443, "targetPort": 15017}, {"port": 15012}]
        spec = {"ports": ports, "selector": {"app": "istiod", "istio.io/rev": revision}}
        self.store.put(("", "services", "istio-system", app), {"metadata": meta, "spec": spec})
        container = {
            "name": "discovery",
            "image": f"docker.io/istio/pilot:{version}",
            "env": [{"name": "REVISION", "value": revision}],
        }
        status = {"podIP": "10.0.0.9", "conditions": [{"type": "Ready", "status": str(ready)}]}
        made = {"metadata": {**meta, "name": pod}, "spec": {"containers": [container]}, "status": status}
        self.store.put(("", "pods", "istio-system", pod), made)
        address = {"ip": "10.0.0.9", "targetRef": {"kind": "Pod", "name": pod, "namespace": "istio-system"}}
        subsets = [{"addresses": [address], "ports": [{"port": 15017}]}] if ready else []
        self.store.put(("", "endpoints", "istio-system", app), {"metadata": meta, "subsets": subsets})

    def injector(self, config: Mapping[str, Any]) -> None:
        """An injector configuration in the words of the test data: name, rev, key, tag, default, auto, deactivated."""
        labels = {"app": "sidecar-injector", "istio.io/rev": config["rev"]}
        if config.get("tag"):
            labels["istio.io/tag"] = config["tag"]
        suffix = "" if config["rev"] == "default" else f"-{config['rev']}"
        service = {"name": f"istiod{suffix}", "namespace": "istio-system", "path": "/inject", "port": 443}
        hooks = [
            {
                "name": f"{prefix}sidecar-injector.istio.io",
                "clientConfig": {"service": service, "caBundle": bundle_of(self.store, "istio-system")},
                "rules": [
                    {
                        "operations": ["CREATE"],
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "resources": ["pods"],
                    }
                ],
                "namespaceSelector": NEVER if config.get("deactivated") else {"matchExpressions": spaces},
                "objectSelector": NEVER if config.get("deactivated") else {"matchExpressions": pods},
                "failurePolicy": "Fail",
                "sideEffects": "None",
            }
            for prefix, spaces, pods in _entries(config)
        ]
        key = (ADMISSION, "mutatingwebhookconfigurations", "", config["name"])
        self.store.put(key, {"metadata": {"name": config["name"], "labels": labels}, "webhooks": hooks})

    def pod(self, labels: Mapping[str, str], notes: Mapping[str, str], *, host_network: bool = False) -> Obj:
        """A pod with one application container."""
        spec: dict[str, Any] = {"containers": [{"name": "app", "image": "app:1"}]}
        if host_network:
            spec["hostNetwork"] = True
        return {"metadata": {"name": "p", "labels": dict(labels), "annotations": dict(notes)}, "spec": spec}

    def admitted(self, namespace: str, pod: Obj, *, dry_run: bool = False) -> Obj:
        """The pod as admission leaves it."""
        call = AdmissionCall("CREATE", "", "v1", "pods", "", namespace, "p", pod, None, dry_run, "admin")
        return Webhooks(self.store).admit(call)

    def injected_by(self, namespace: str, pod: Obj) -> str:
        """Revision that admission lets inject the pod, as the pod's own record says it; empty for none."""
        made = self.admitted(namespace, pod)
        status = made["metadata"]["annotations"].get("sidecar.istio.io/status")
        everywhere = [*made["spec"]["containers"], *made["spec"].get("initContainers", [])]
        has_proxy = any(c["name"] == PROXY for c in everywhere)
        assert has_proxy == (status is not None)
        return str(orjson.loads(status)["revision"]) if status else ""

    def resolved(self, namespace: str, pod: Obj) -> tuple[tuple[str, ...], str]:
        """All revisions that the resolver says would inject the pod, and the one it keeps."""
        told = injection(*self._asked(namespace, pod), self._webhooks(), self._istiods())
        return told.revisions, told.winner

    def likeness(self, namespace: str, pod: Obj) -> Likeness:
        """What the resolver says decides about the pod."""
        name, ours, labels, notes, host = self._asked(namespace, pod)
        return Injectors(self._webhooks(), self._istiods()).within(name, ours).likeness(labels, notes, host)

    def _asked(
        self, namespace: str, pod: Obj
    ) -> tuple[str, dict[str, str], dict[str, str], dict[str, str], bool]:
        found = self.store.get(("", "namespaces", "", namespace)) or {"metadata": {}}
        labels = {"kubernetes.io/metadata.name": namespace, **(found["metadata"].get("labels") or {})}
        meta, spec = pod["metadata"], pod["spec"]
        return namespace, labels, meta["labels"], meta["annotations"], bool(spec.get("hostNetwork"))

    def configure(self, revision: str, config: Mapping[str, Any]) -> None:
        """What decides inside an istiod: ``config`` of its injector's ConfigMap."""
        name = f"istio-sidecar-injector{'' if revision == 'default' else f'-{revision}'}"
        data = {"config": yaml.safe_dump(dict(config)), "values": "{}"}
        self.store.put(("", "configmaps", "istio-system", name), {"metadata": {"name": name}, "data": data})
        self.configs[revision] = dict(config)

    def _istiods(self) -> Istiods:
        return Istiods(self.versions, {r: injector_settings(c) for r, c in self.configs.items()})

    def _webhooks(self) -> list[Webhook]:
        return [_webhook(each) for each in self.store.list(ADMISSION, "mutatingwebhookconfigurations")]

    def namespace(self, name: str, labels: Mapping[str, str]) -> None:
        """A namespace."""
        self.store.put(("", "namespaces", "", name), {"metadata": {"name": name, "labels": dict(labels)}})


def _entries(config: Mapping[str, Any]) -> list[tuple[str, list[dict[str, Any]], list[dict[str, Any]]]]:
    named = {"key": "istio.io/rev", "operator": "In", "values": [config["key"]]}
    yes = {"key": "sidecar.istio.io/inject", "operator": "In", "values": ["true"]}
    unsaid: dict[str, Any] = {"key": "sidecar.istio.io/inject", "operator": "DoesNotExist"}
    found = [("rev.namespace.", [named, FREE[1]], WANTED), ("rev.object.", FREE, [*WANTED, named])]
    if config.get("default"):
        enabled = {"key": "istio-injection", "operator": "In", "values": ["enabled"]}
        found += [("namespace.", [enabled], WANTED), ("object.", FREE, [yes, FREE[0]])]
    if config.get("auto"):
        found += [("auto.", FREE, [unsaid, FREE[0]])]
    return found


def _webhook(obj: Obj) -> Webhook:
    labels = obj["metadata"]["labels"]
    return Webhook(
        ref=Ref(MUTATING_WEBHOOK, obj["metadata"]["name"]),
        uid="",
        revision=labels["istio.io/rev"],
        tag=labels.get("istio.io/tag", ""),
        entries=tuple(
            WebhookEntry(
                name=hook["name"],
                service="",
                ca=True,
                failure_policy="Fail",
                namespace_selector=hook["namespaceSelector"],
                object_selector=hook["objectSelector"],
            )
            for hook in obj["webhooks"]
        ),
    )


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def bench_class() -> type[Bench]:
    return Bench


class Mesh:
    """A world with nodes and the Gateway API, and the moves people make in it."""

    def __init__(self, kubernetes: str = "1.33", lag: float = 0.0) -> None:
        self.world = World(kubernetes=kubernetes, lag=lag)
        self.builder = Builder(self.world)
        self.local = self.builder.local
        assert self.world.istio is not None
        self.istiods = self.world.istio
        self.kubernetes = kubernetes
        for name in ("istio-system", "kube-system", "app"):
            self.builder.create(namespace(name, {}))
        self.builder.create(node(1, kubernetes))
        self.builder.apply(render_gateway_api("1.4.1"), "kubectl")
        self.builder.wait()

    def release(self, version: str, revision: str | None = None) -> Release:
        named = version.replace(".", "-") if revision is None else revision
        return Release(version, named, kubernetes=self.kubernetes)

    def install(self, version: str, revision: str | None = None) -> None:
        """A control plane and the time it needs; the base, which names the default revision, only if none is there."""
        files = render(self.release(version, revision))
        self.builder.apply(files["crds.yaml"], "kubectl")
        self.builder.wait()
        if not self.world.store.list(ADMISSION, "validatingwebhookconfigurations"):
            self.base(version, revision)
        self.builder.apply(files["istiod.yaml"], "kubectl")
        self.builder.wait()

    def base(self, version: str, revision: str | None = None) -> None:
        """The base of a release, with its default validator."""
        self.builder.apply(render(self.release(version, revision))["base.yaml"], "kubectl")
        self.world.settle()

    def tag(self, name: str, version: str, revision: str | None = None) -> None:
        self.builder.apply(render_tag(name, self.release(version, revision)), "istioctl")
        self.world.settle()

    def label(self, path: str, **labels: str | None) -> None:
        """Set or take (None) labels; ``rev`` and ``tag`` are short for those of istio.io."""
        body = {"metadata": {"labels": {f"istio.io/{key}": value for key, value in labels.items()}}}
        self.local.patch(path, orjson.dumps(body), "application/merge-patch+json")
        self.world.settle()

    def scale(self, deployment: str, replicas: int) -> None:
        path = f"/apis/apps/v1/namespaces/istio-system/deployments/{deployment}"
        body = orjson.dumps({"spec": {"replicas": replicas}})
        self.local.patch(path, body, "application/merge-patch+json")
        self.world.advance(30)

    def gateway(self, labels: Mapping[str, str] | None = None, kind: str = "istio", **spec: Any) -> None:
        """Gateway app/web, and the time its pods need."""
        listener = {"name": "http", "port": 80, "protocol": "HTTP"}
        self.builder.create(
            {
                "apiVersion": "gateway.networking.k8s.io/v1",
                "kind": "Gateway",
                "metadata": {"name": "web", "namespace": "app", "labels": dict(labels or {})},
                "spec": {"gatewayClassName": kind, "listeners": [listener], **spec},
            }
        )
        self.world.advance(30)

    def get(self, path: str) -> Obj:
        found = self.local.get(path)
        assert found is not None, path
        return found

    def deployment(self, name: str = "web-istio") -> Obj | None:
        return self.local.get(f"/apis/apps/v1/namespaces/app/deployments/{name}")

    def rendered_by(self, name: str = "web-istio") -> str:
        """Revision that the gateway's template names."""
        found = self.deployment(name)
        assert found is not None
        return str(found["spec"]["template"]["metadata"]["annotations"]["istio.io/rev"])

    def templates(self) -> int:
        """How many templates the gateway's Deployment had so far."""
        return len(self.local.list("/apis/apps/v1/namespaces/app/replicasets"))

    def generation(self) -> int:
        found = self.deployment()
        assert found is not None
        return int(found["metadata"]["generation"])


@pytest.fixture
def mesh() -> Mesh:
    return Mesh()


@pytest.fixture
def mesh_class() -> type[Mesh]:
    return Mesh
