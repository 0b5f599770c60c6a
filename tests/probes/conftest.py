"""A mesh that a probe can look at: objects, what dry runs answer, what pods answer, and what cannot be read."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from upgrader.model.change import ApiChange, Create
from upgrader.model.failures import ClusterFailure, Unreachable
from upgrader.model.kinds import (
    DEPLOYMENT,
    ENDPOINTS,
    MUTATING_WEBHOOK,
    NAMESPACE,
    POD,
    REPLICA_SET,
    SERVICE,
    VALIDATING_WEBHOOK,
    Kind,
    Obj,
    Ref,
)

OLD, NEW, ROOT = "1-27-9", "1-28-10", "istio-system"


class Mesh:
    """A reader over a dict.

    Attributes:
        served: What discovery says.
        answers: What pods say: ``pod /path`` to text.
        dry_run: What a dry run of a creation gives.
        broken: Kind (plural), ``discovery``, ``dry run`` or ``fetch`` to the failure that reading it ends in.
        asked: Every dry run.
        synced: Pod to what it says at /debug/syncz, look after look; the last one is repeated.
        forwarded: Pods that were asked by port-forward.
    """

    def __init__(self) -> None:
        self.served: list[Kind] = []
        self.answers: dict[str, str] = {}
        self.dry_run: Callable[[Obj], Obj] = lambda body: body
        self.broken: dict[str, ClusterFailure] = {}
        self.asked: list[Obj] = []
        self.synced: dict[str, list[bytes | tuple[int, bytes] | ClusterFailure]] = {}
        self.forwarded: list[str] = []
        self._objects: dict[Ref, Obj] = {}

    def get(self, ref: Ref) -> Obj | None:
        self._fail(ref.kind.plural)
        return copy.deepcopy(self._objects.get(ref))

    def list(self, kind: Kind, *, namespace: str = "", labels: str = "") -> Sequence[Obj]:
        self._fail(kind.plural)
        wanted = dict(part.split("=") for part in labels.split(",") if "=" in part)
        return [
            copy.deepcopy(obj)
            for ref, obj in sorted(self._objects.items())
            if ref.kind == kind
            and namespace in {"", ref.namespace}
            and wanted.items() <= obj["metadata"]["labels"].items()
        ]

    def kinds(self) -> Sequence[Kind]:
        self._fail("discovery")
        return self.served

    def rehearse(self, change: ApiChange) -> Obj | None:
        self._fail("dry run")
        assert isinstance(change, Create)
        self.asked.append(change.manifest)
        return self.dry_run(copy.deepcopy(change.manifest))

    def fetch(self, pod: Ref, port: int, path: str) -> str:
        self._fail("fetch")
        assert port == 15014
        if f"{pod.name} {path}" not in self.answers:
            raise Unreachable(f"{pod.name} does not answer", request=f"GET {path}")
        return self.answers[f"{pod.name} {path}"]

    def forward(self, pod: Ref, port: int, path: str) -> tuple[int, bytes]:
        self.forwarded.append(pod.name)
        self._fail("forward")
        assert (port, path) == (15014, "/debug/syncz")
        told = self.synced[pod.name]
        found = told.pop(0) if len(told) > 1 else told[0]
        if isinstance(found, ClusterFailure):
            raise found
        return found if isinstance(found, tuple) else (200, found)

    def saved(self, path: str) -> bytes | None:
        raise AssertionError(f"no probe reads files: {path}")

    def _fail(self, what: str) -> None:
        if what in self.broken:
            raise self.broken[what]

    def put(self, ref: Ref, **body: Any) -> Obj:
        """Make or replace an object."""
        metadata: Obj = {
            "labels": {},
            "generation": 1,
            **body.pop("metadata", {}),
            "name": ref.name,
            "uid": f"uid of {ref}",
        }
        metadata |= {"namespace": ref.namespace} if ref.namespace else {}
        obj = {"apiVersion": ref.kind.api_version, "kind": ref.kind.kind, "metadata": metadata, **body}
        self._objects[ref] = obj
        return obj

    def drop(self, ref: Ref) -> None:
        """Take an object away."""
        del self._objects[ref]

    def change(self, ref: Ref, **metadata: Any) -> None:
        """Set parts of an object's metadata."""
        self._objects[ref]["metadata"] |= metadata

    def plane(self, revision: str, *, replicas: int = 1, version: str = "") -> None:
        """A control plane that serves."""
        suffix = "" if revision == "default" else f"-{revision}"
        version = version or revision.replace("-", ".")
        labels = {"app": "istiod", "istio.io/rev": revision}
        container = {"name": "discovery", "image": f"docker.io/istio/pilot:{version}"}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
        self.workload(
            Ref(DEPLOYMENT, f"istiod{suffix}", ROOT),
            labels,
            template,
            replicas=replicas,
            metadata={"labels": labels},
        )
        self.put(
            Ref(SERVICE, f"istiod{suffix}", ROOT), metadata={"labels": labels}, spec={"selector": labels}
        )
        ready = [{"addresses": [{"ip": "10.0.0.1"}]}] if replicas else []
        self.put(Ref(ENDPOINTS, f"istiod{suffix}", ROOT), subsets=ready)
        entries = [entry("rev.namespace.", suffix, ns={"istio.io/rev": revision})]
        if revision == "default":
            entries.append(entry("namespace.", "", ns={"istio-injection": "enabled"}))
        self.injector(f"istio-sidecar-injector{suffix}", revision, entries)
        self.put(
            Ref(VALIDATING_WEBHOOK, f"istio-validator{suffix}-{ROOT}"),
            metadata={"labels": labels},
            webhooks=[entry("rev.validation.istio.io", suffix)],
        )
        for number in range(replicas):
            pod = f"istiod{suffix}-{number}"
            self.pod(Ref(POD, pod, ROOT), labels=labels, container="discovery", image=container["image"])
            self.answers[f"{pod} /version"] = f"{version}-0123abcd-Clean"
            self.connected(pod, {})
            self.synced[pod] = [b"[]"]

    def connected(self, pod: str, proxies: dict[str, int]) -> None:
        """What an istiod pod counts."""
        lines = [f'pilot_xds{{version="{version}"}} {count}' for version, count in proxies.items()]
        self.answers[f"{pod} /metrics"] = "\n".join(['pilot_info{version="x"} 1', *lines, ""])

    def injector(self, name: str, revision: str, entries: Sequence[Obj], tag: str = "") -> None:
        """A mutating webhook configuration."""
        labels = {"app": "sidecar-injector", "istio.io/rev": revision} | (
            {"istio.io/tag": tag} if tag else {}
        )
        self.put(Ref(MUTATING_WEBHOOK, name), metadata={"labels": labels}, webhooks=entries)

    def namespace(self, name: str, **labels: str) -> None:
        """A namespace; ``rev`` stands for istio.io/rev, ``injection`` for istio-injection."""
        names = {"rev": "istio.io/rev", "injection": "istio-injection"}
        self.put(Ref(NAMESPACE, name), metadata={"labels": {names.get(k, k): v for k, v in labels.items()}})

    def workload(
        self,
        ref: Ref,
        selector: dict[str, str],
        template: Obj,
        *,
        replicas: int = 1,
        metadata: Obj | None = None,
    ) -> None:
        """A settled Deployment and its ReplicaSet."""
        counts = {"replicas": replicas, "updatedReplicas": replicas, "availableReplicas": replicas}
        status = {**counts, "readyReplicas": replicas, "observedGeneration": 1}
        spec = {"replicas": replicas, "selector": {"matchLabels": selector}, "template": template}
        made = self.put(ref, metadata=metadata or {}, spec=spec, status=status)
        by = {"controller": True, "kind": "Deployment", "name": ref.name, "uid": made["metadata"]["uid"]}
        place = Ref(REPLICA_SET, f"{ref.name}-1", ref.namespace)
        self.put(place, metadata={"labels": selector, "ownerReferences": [by]})

    def app(self, name: str, revision: str, *, pods: int = 1, template: Obj | None = None) -> Ref:
        """An application in ``shop`` with ready pods of *revision*."""
        ref, labels = Ref(DEPLOYMENT, name, "shop"), {"app": name}
        self.workload(ref, labels, template or {"metadata": {"labels": labels}}, replicas=pods)
        for number in range(pods):
            self.app_pod(name, str(number), revision)
        return ref

    def app_pod(self, name: str, number: str, revision: str, **more: Any) -> Ref:
        """One more pod of an application."""
        place = Ref(POD, f"{name}-{number}", "shop")
        owner = Ref(REPLICA_SET, f"{name}-1", "shop")
        notes = {"istio.io/rev": revision} if revision else {}
        version = revision.replace("-", ".")
        self.pod(
            place,
            labels={"app": name},
            notes=notes,
            owner=owner,
            container="istio-proxy" if revision else "app",
            image=more.pop("image", f"docker.io/istio/proxyv2:{version}"),
            **more,
        )
        return place

    def pod(self, ref: Ref, *, labels: dict[str, str], container: str, image: str, **more: Any) -> None:
        """A pod."""
        metadata: Obj = {"labels": labels, "annotations": more.get("notes", {})}
        if owner := more.get("owner"):
            by = {"controller": True, "kind": "ReplicaSet", "name": owner.name, "uid": f"uid of {owner}"}
            metadata |= {"ownerReferences": [by]}
        metadata |= {"deletionTimestamp": "2026-01-01T00:00:00Z"} if more.get("going") else {}
        status = {
            "phase": more.get("phase", "Running"),
            "conditions": [{"type": "Ready", "status": "True" if more.get("ready", True) else "False"}],
            "containerStatuses": [{"name": container, "restartCount": more.get("restarts", 0)}],
        }
        self.put(
            ref, metadata=metadata, spec={"containers": [{"name": container, "image": image}]}, status=status
        )


def entry(prefix: str, suffix: str, ns: dict[str, str] | None = None) -> Obj:
    """One webhook entry that calls the istiod of a suffix, with a caBundle."""
    name = prefix if prefix.endswith(".io") else f"{prefix}sidecar-injector.istio.io"
    client = {"service": {"name": f"istiod{suffix}", "namespace": ROOT}, "caBundle": "cm9vdA=="}
    selector = {"matchLabels": ns} if ns else {}
    return {"name": name, "clientConfig": client, "namespaceSelector": selector, "objectSelector": {}}


@pytest.fixture
def mesh() -> Mesh:
    """Two control planes, one application on each."""
    made = Mesh()
    for name, revision in (("shop", NEW), (ROOT, "")):
        made.namespace(name, **({"rev": revision} if revision else {}))
    made.plane(OLD)
    made.plane(NEW)
    made.app("cart", NEW, pods=2)
    made.connected(f"istiod-{NEW}-0", {"1.28.10": 2})
    return made


@pytest.fixture
def make_entry() -> Callable[..., Obj]:
    return entry
