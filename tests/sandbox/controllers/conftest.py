"""A world with two nodes and few words to say what happens in it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from upgrader.sandbox.store import Obj
from upgrader.sandbox.world import World

MERGE = "application/merge-patch+json"
_PATHS = {
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "StatefulSet": "/apis/apps/v1/namespaces/{}/statefulsets",
    "DaemonSet": "/apis/apps/v1/namespaces/{}/daemonsets",
    "ReplicaSet": "/apis/apps/v1/namespaces/{}/replicasets",
    "Job": "/apis/batch/v1/namespaces/{}/jobs",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "Pod": "/api/v1/namespaces/{}/pods",
    "Service": "/api/v1/namespaces/{}/services",
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "PodDisruptionBudget": "/apis/policy/v1/namespaces/{}/poddisruptionbudgets",
}
_VERSIONS = {"Job": "batch/v1", "CronJob": "batch/v1", "PodDisruptionBudget": "policy/v1"}


class Scene:
    """Objects of the namespace ``default``, unless told otherwise, in one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.local = world.local()

    def path(self, kind: str, name: str = "", namespace: str = "default") -> str:
        return _PATHS[kind].format(namespace) + (f"/{name}" if name else "")

    def create(
        self, kind: str, name: str, namespace: str = "default", meta: Obj | None = None, **body: Any
    ) -> Obj:
        version = _VERSIONS.get(kind, "v1" if kind in {"Pod", "Service", "ConfigMap"} else "apps/v1")
        about = {"name": name, "namespace": namespace, **(meta or {})}
        obj = {"apiVersion": version, "kind": kind, "metadata": about, **body}
        stored = self.local.create(self.path(kind, namespace=namespace), obj)
        self.world.settle()
        return stored

    def workload(
        self,
        kind: str,
        name: str = "web",
        *,
        template: Obj | None = None,
        meta: Obj | None = None,
        **spec: Any,
    ) -> Obj:
        labels = {"app": name}
        pod = {"metadata": {"labels": labels}, "spec": template or containers()}
        return self.create(
            kind, name, meta=meta, spec={"selector": {"matchLabels": labels}, "template": pod, **spec}
        )

    def at(self, path: str) -> Obj:
        """The object at a path; it must be there."""
        found = self.local.get(path)
        assert found is not None
        return found

    def get(self, kind: str, name: str = "web", namespace: str = "default") -> Obj:
        return self.at(self.path(kind, name, namespace))

    def status(self, kind: str, name: str = "web") -> Obj:
        found: Obj = self.get(kind, name).get("status") or {}
        return found

    def condition(self, kind: str, name: str, word: str) -> tuple[str, str]:
        found = {
            c["type"]: (c["status"], c.get("reason", ""))
            for c in self.status(kind, name).get("conditions") or ()
        }
        return found.get(word, ("", ""))

    def patch(self, kind: str, name: str, patch: Obj, namespace: str = "default") -> None:
        self.local.patch(self.path(kind, name, namespace), orjson.dumps(patch), MERGE)
        self.world.settle()

    def mark(self, kind: str, name: str = "web", value: str | None = "now") -> None:
        """Restart a workload by an annotation of its template; None takes the annotation away."""
        self.patch(kind, name, {"spec": {"template": {"metadata": {"annotations": {"restarted": value}}}}})

    def delete(self, kind: str, name: str = "web", namespace: str = "default", **options: Any) -> None:
        self.local.delete(self.path(kind, name, namespace), **options)
        self.world.settle()

    def names(self, kind: str, namespace: str = "default") -> list[str]:
        return [obj["metadata"]["name"] for obj in self.local.list(self.path(kind, namespace=namespace))]

    def pods(self) -> list[Obj]:
        return self.local.list(self.path("Pod"))

    def ready(self) -> list[str]:
        return [
            pod["metadata"]["name"]
            for pod in self.pods()
            if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        ]

    def addresses(self, service: str = "web") -> list[str]:
        found = self.world.store.get(("", "endpoints", "default", service)) or {}
        return [a["targetRef"]["name"] for s in found.get("subsets") or () for a in s.get("addresses") or ()]


def is_ready(pod: Obj) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions") or ())


def containers(image: str = "registry.example/web:1", **spec: Any) -> Obj:
    return {
        "containers": [{"name": "app", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}],
        **spec,
    }


@pytest.fixture
def world() -> World:
    return World(nodes=2)


@pytest.fixture
def scene(world: World) -> Scene:
    return Scene(world)
