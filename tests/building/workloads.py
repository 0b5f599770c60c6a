"""Namespaces, and what runs there."""

from __future__ import annotations

from typing import Any, Self

from tests.building.parts import HUB, ROLLOUT, Parts, image
from upgrader.model import kinds
from upgrader.model.image import Image
from upgrader.model.injection import Istiods, injection
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.snapshot import Labels, Namespace, Proxy, Workload
from upgrader.model.version import Version

PROXY_IMAGE = "sidecar.istio.io/proxyImage"
DEFAULT_STRATEGY = {
    "Deployment": "RollingUpdate",
    "StatefulSet": "RollingUpdate",
    "DaemonSet": "RollingUpdate",
}


class Workloads(Parts):
    """Namespaces, and what runs there."""

    def namespace(self, name: str, *, rev: str | None = None, injection: str = "", **fields: Any) -> Self:
        """A namespace; *rev* and *injection* are its two injection labels."""
        labels = {"kubernetes.io/metadata.name": name} | fields.pop("labels", {})
        if rev is not None:
            labels["istio.io/rev"] = rev
        if injection:
            labels["istio-injection"] = injection
        return self._add("namespaces", Namespace(name=name, uid=f"uid-ns-{name}", labels=labels, **fields))

    def deployment(self, name: str, **fields: Any) -> Self:
        return self.workload(kinds.DEPLOYMENT, name, **fields)

    def stateful_set(self, name: str, **fields: Any) -> Self:
        return self.workload(kinds.STATEFUL_SET, name, **fields)

    def daemon_set(self, name: str, **fields: Any) -> Self:
        return self.workload(kinds.DAEMON_SET, name, **fields)

    def job(self, name: str, **fields: Any) -> Self:
        return self.workload(kinds.JOB, name, **fields)

    def cron_job(self, name: str, **fields: Any) -> Self:
        return self.workload(kinds.CRON_JOB, name, **fields)

    def pod(self, name: str, **fields: Any) -> Self:
        """A pod that nothing would replace."""
        return self.workload(kinds.POD, name, **({"proxies": 1} | fields))

    def rollout(self, name: str, **fields: Any) -> Self:
        """A workload of another controller."""
        return self.workload(ROLLOUT, name, **fields)

    def workload(
        self,
        kind: Kind,
        name: str,
        *,
        proxies: int = 0,
        on: str = "",
        version: str = "",
        run: str = "",
        digest_: str = "",
        pins: str = "",
        annotations: Labels | None = None,
        template: Labels | None = None,
        asks: Obj | None = None,
        spec: Obj | None = None,
        **fields: Any,
    ) -> Self:
        """Any workload, with *proxies* pods.

        Args:
            kind: Of the workload.
            name: ``namespace/name``.
            proxies: How many pods with a proxy it has.
            on: Revision of those proxies, instead of the one that would inject them.
            version: Of their image, instead of what that revision injects.
            run: Their whole image, instead of both.
            digest_: Digest of the image that runs.
            pins: Annotation ``sidecar.istio.io/proxyImage`` of the template; the proxies run it.
            annotations: Of the template.
            template: Labels of the template.
            asks: Resources of its one container.
            spec: Of its pods, instead.
            fields: Further fields of ``Workload``.
        """
        namespace, _, short = name.partition("/")
        notes = dict(annotations or {}) | ({PROXY_IMAGE: pins} if pins else {})
        settings: dict[str, Any] = {
            "ref": Ref(kind, short, namespace),
            "uid": f"uid-{kind.kind}-{name}",
            "replicas": proxies or 1,
            "strategy": DEFAULT_STRATEGY.get(kind.kind, ""),
            "template_labels": {"app": short} | (template or {}),
            "template_annotations": notes,
            "images": {"app": f"docker.io/shop/{short}:1"},
        }
        if asks is not None:
            settings["template"] = {"spec": {"containers": [{"name": "app", "resources": asks}]}}
        if spec is not None:
            settings["template"] = {"spec": spec}
        made = Workload(**(settings | fields))
        self._add("workloads", made)
        revision = on or self._injected(made)
        text = run or pins or self._image_of(revision, version)
        return self._proxies(made, proxies, revision, image(text, digest_), pins)

    def pods_of(
        self, name: str, count: int, *, on: str, version: str = "", run: str = "", **fields: Any
    ) -> Self:
        """*count* further pods of the workload *name*, unlike the others."""
        made = next(w for w in self._all("workloads") if w.name == name)
        text = run or self._image_of(on, version)
        return self._proxies(made, count, on, image(text, fields.pop("digest_", "")), "", **fields)

    def _proxies(
        self, made: Workload, count: int, revision: str, runs: Image, pinned: str, **fields: Any
    ) -> Self:
        release = Version.of_tag(runs.tag)
        first = len([p for p in self._all("proxies") if p.workload == str(made.ref)])
        bare = made.ref.kind == kinds.POD
        for number in range(first, first + count):
            pod = made.ref.name if bare else f"{made.ref.name}-{number}"
            settings: dict[str, Any] = {
                "namespace": made.ref.namespace,
                "pod": pod,
                "uid": f"uid-pod-{made.ref.namespace}-{pod}",
                "kind": "gateway" if made.gateway else "sidecar",
                "workload": str(made.ref),
                "revision": revision,
                "version": str(release) if release else "",
                "image": runs,
                "ready": True,
                "pinned": pinned,
            }
            self._add("proxies", Proxy(**(settings | fields)))
        return self

    def _injected(self, made: Workload) -> str:
        space = next((n for n in self._all("namespaces") if n.name == made.ref.namespace), None)
        versions = {p.revision: p.version for p in self._all("control_planes")}
        found = injection(
            made.ref.namespace,
            space.labels if space else {},
            made.template_labels,
            made.template_annotations,
            made.host_network,
            self._all("injectors"),
            Istiods(versions),
        )
        return found.winner or next(iter(versions), "")

    def _image_of(self, revision: str, version: str) -> str:
        plane = next((p for p in self._all("control_planes") if p.revision == revision), None)
        return f"{HUB}:{version or (plane.image.tag if plane else revision.replace('-', '.'))}"
