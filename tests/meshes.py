"""Snapshots that read like the situation they show.

    mesh().plane("1.26.2").namespace("shop", rev="1-26-2").deployment("shop/cart", proxies=3).snapshot()

Planes, tags and namespaces come before the workloads that they bind: a workload's proxies belong to the revision that
would inject them at that moment, unless ``on=`` says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Self

import msgspec

from upgrader.model import kinds
from upgrader.model.codec import digest
from upgrader.model.injection import injection
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.snapshot import (
    ApiGateway,
    Belonging,
    ClusterId,
    ControlPlane,
    CustomResource,
    Definition,
    Disruption,
    Image,
    Labels,
    Namespace,
    Proxy,
    Snapshot,
    TagService,
    Unread,
    Webhook,
    WebhookEntry,
    Workload,
)
from upgrader.model.version import Version

NOW = datetime(2026, 9, 14, 12, 31, tzinfo=UTC)
ROOT = "istio-system"
HUB = "docker.io/istio/proxyv2"
PROXY_IMAGE = "sidecar.istio.io/proxyImage"
VIRTUAL_SERVICE = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
ROLLOUT = Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout")
DEFAULT_STRATEGY = {
    "Deployment": "RollingUpdate",
    "StatefulSet": "RollingUpdate",
    "DaemonSet": "RollingUpdate",
}


def image(text: str, digest_: str = "") -> Image:
    """``docker.io/istio/proxyv2:1.26.2-distroless`` taken apart."""
    repository, _, tag = text.rpartition(":")
    for variant in ("distroless", "debug"):
        if tag.endswith(f"-{variant}"):
            return Image(repository, tag.removesuffix(f"-{variant}"), variant, digest_)
    return Image(repository, tag, "", digest_)


def entries(key: str, service: str, *, default: bool, **fields: Any) -> tuple[WebhookEntry, ...]:
    """The injection entries of revision or tag *key*, as the charts of Istio 1.12 to 1.31 write them."""

    def wants(label: str, operator: str, *values: str) -> Obj:
        return {"key": label, "operator": operator} | ({"values": list(values)} if values else {})

    not_refused = wants("sidecar.istio.io/inject", "NotIn", "false")
    no_rev, no_injection = wants("istio.io/rev", "DoesNotExist"), wants("istio-injection", "DoesNotExist")
    selectors = {
        "rev.namespace.": ([wants("istio.io/rev", "In", key), no_injection], [not_refused]),
        "rev.object.": ([no_rev, no_injection], [not_refused, wants("istio.io/rev", "In", key)]),
    }
    if default:
        selectors["namespace."] = ([wants("istio-injection", "In", "enabled")], [not_refused])
        selectors["object."] = (
            [no_injection, no_rev],
            [wants("sidecar.istio.io/inject", "In", "true"), no_rev],
        )
    settings: dict[str, Any] = {"ca": True, "failure_policy": "Fail"} | fields
    return tuple(
        WebhookEntry(
            name=f"{prefix}sidecar-injector.istio.io",
            service=service,
            namespace_selector={"matchExpressions": on_namespace},
            object_selector={"matchExpressions": on_pod},
            resources=("/v1/pods",),
            **settings,
        )
        for prefix, (on_namespace, on_pod) in selectors.items()
    )


class Mesh:
    """Collects parts; ``snapshot`` sorts and freezes them."""

    def __init__(self, kubernetes: str = "v1.33.4") -> None:
        self._kubernetes = kubernetes
        self._parts: dict[str, list[Any]] = {}
        self._fields: dict[str, Any] = {}

    def _add(self, part: str, *values: Any) -> Self:
        self._parts.setdefault(part, []).extend(values)
        return self

    def _all(self, part: str) -> list[Any]:
        return self._parts.get(part, [])

    # control planes, tags, webhooks

    def plane(
        self,
        version: str,
        revision: str = "",
        *,
        namespace: str = ROOT,
        injector: bool = True,
        service: bool = True,
        webhook: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Self:
        """An istiod with its injector, validator and Service; ``revision="default"`` is one without a revision."""
        release = Version.parse(version) if version[:1].isdigit() else None
        revision = revision or (release.revision if release else version)
        name = "istiod" if revision == "default" else f"istiod-{revision}"
        settings: dict[str, Any] = {
            "ref": Ref(kinds.DEPLOYMENT, name, namespace),
            "uid": f"uid-{name}-{len(self._all('control_planes'))}",
            "revision": revision,
            "version": version if release else "",
            "image": Image("docker.io/istio/pilot", version),
            "proxy_image": Image(HUB, version),
            "replicas": 2,
            "ready": 2,
            "settled": True,
            "installer": "istioctl",
        }
        self._add("control_planes", ControlPlane(**(settings | fields)))
        if service:
            self._add("services", f"{namespace}/{name}")
        if injector:
            suffix = "" if revision == "default" else f"-{revision}"
            called = f"{namespace}/{name}"
            made = entries(revision, called, default=revision == "default", **(webhook or {}))
            self.webhook(f"istio-sidecar-injector{suffix}", revision, made)
            self.validator(f"istio-validator{suffix}-{namespace}", revision, called)
        return self

    def webhook(
        self, name: str, revision: str, made: tuple[WebhookEntry, ...], *, tag: str = "", **fields: Any
    ) -> Self:
        """A mutating webhook configuration."""
        ref = Ref(kinds.MUTATING_WEBHOOK, name)
        return self._add(
            "injectors",
            Webhook(ref=ref, uid=f"uid-{name}", revision=revision, tag=tag, entries=made, **fields),
        )

    def validator(self, name: str, revision: str, service: str, **fields: Any) -> Self:
        """A validating webhook configuration."""
        settings: dict[str, Any] = {"ca": True, "failure_policy": "Fail", "resources": ("*/*/*",)}
        entry = WebhookEntry(name="validation.istio.io", service=service, **(settings | fields))
        ref = Ref(kinds.VALIDATING_WEBHOOK, name)
        return self._add(
            "validators", Webhook(ref=ref, uid=f"uid-{name}", revision=revision, tag="", entries=(entry,))
        )

    def default_validator(self, revision: str, **fields: Any) -> Self:
        """``istiod-default-validator`` at *revision*."""
        name = "istiod" if revision == "default" else f"istiod-{revision}"
        return self.validator("istiod-default-validator", revision, f"{ROOT}/{name}", **fields)

    def tag(self, tag: str, revision: str, *, service_at: str | None = None, **fields: Any) -> Self:
        """A revision tag; ``service_at`` adds its Service (1.28 and later), which may point elsewhere."""
        called = f"{ROOT}/istiod" if revision == "default" else f"{ROOT}/istiod-{revision}"
        made = entries(tag, called, default=tag == "default", **fields)
        self.webhook(f"istio-revision-tag-{tag}", revision, made, tag=tag)
        if tag == "default":
            self.default_validator(revision)
        if service_at is not None:
            name = f"istiod-revision-tag-{tag}"
            ref = Ref(kinds.SERVICE, name, ROOT)
            self._add("tag_services", TagService(ref=ref, uid=f"uid-{name}", tag=tag, revision=service_at))
        return self

    # namespaces and what runs there

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
            versions,
        )
        return found.winner or next(iter(versions), "")

    def _image_of(self, revision: str, version: str) -> str:
        plane = next((p for p in self._all("control_planes") if p.revision == revision), None)
        return f"{HUB}:{version or (plane.image.tag if plane else revision.replace('-', '.'))}"

    # gateways

    def injected_gateway(self, name: str, **fields: Any) -> Self:
        """A gateway of the gateway chart: istiod fills in its image."""
        injected = {"sidecar.istio.io/inject": "true"} | fields.pop("template", {})
        settings: dict[str, Any] = {
            "gateway": "injected",
            "images": {"istio-proxy": "auto"},
            "template": injected,
        }
        return self.deployment(name, **(settings | {"proxies": 2} | fields))

    def ingress_gateway(
        self, version: str, *, name: str = "istio-system/istio-ingressgateway", **fields: Any
    ) -> Self:
        """A gateway that istioctl made: a Deployment with the image written into it."""
        settings: dict[str, Any] = {
            "gateway": "istioctl",
            "images": {"istio-proxy": f"{HUB}:{version}"},
            "template": {"sidecar.istio.io/inject": "false"},
            "version": version,
            "proxies": 1,
        }
        return self.deployment(name, **(settings | fields))

    def api_gateway(
        self,
        name: str,
        *,
        rev: str | None = None,
        made_by: str = "",
        class_name: str = "istio",
        **fields: Any,
    ) -> Self:
        """A Gateway API gateway; with *made_by*, that revision has made a Deployment with one pod for it."""
        namespace, _, short = name.partition("/")
        labels = fields.pop("labels", {}) | ({} if rev is None else {"istio.io/rev": rev})
        deployment = f"{namespace}/{short}-{class_name}" if made_by else ""
        if made_by:
            self.deployment(
                deployment,
                gateway="api",
                gateway_owner=name,
                proxies=1,
                on=made_by,
                template={"sidecar.istio.io/inject": "false"},
                images={"istio-proxy": self._image_of(made_by, "")},
            )
        settings: dict[str, Any] = {
            "ref": Ref(kinds.K8S_GATEWAY, short, namespace),
            "uid": f"uid-gw-{name}",
            "labels": labels,
            "class_name": class_name,
            "managed": True,
            "deployment": deployment,
            "rendered_by": made_by,
        }
        return self._add("api_gateways", ApiGateway(**(settings | fields)))

    # the rest

    def resource(self, name: str, *, kind: Kind = VIRTUAL_SERVICE, labels: Labels | None = None) -> Self:
        """An Istio object."""
        namespace, _, short = name.partition("/")
        metadata = {"name": short, "namespace": namespace, "labels": labels or {}}
        body: Obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}
        made = CustomResource(
            ref=Ref(kind, short, namespace),
            uid=f"uid-{kind.kind}-{name}",
            labels=labels or {},
            digest=digest(body),
            body=body,
        )
        return self._add("resources", made)

    def definition(self, name: str, **managers: str) -> Self:
        """A CustomResourceDefinition; ``istio_operator="Apply"`` names an owner (``_`` becomes ``-``)."""
        owners = {key.replace("_", "-"): value for key, value in managers.items()}
        made = Definition(
            name=name, uid=f"uid-{name}", served=("v1",), storage="v1", stored=("v1",), managers=owners
        )
        return self._add("definitions", made)

    def budget(self, name: str, selector: Labels, **fields: Any) -> Self:
        """A PodDisruptionBudget."""
        namespace, _, short = name.partition("/")
        ref = Ref(kinds.PDB, short, namespace)
        return self._add("disruptions", Disruption(ref=ref, selector={"matchLabels": selector}, **fields))

    def belonging(self, ref: Ref, revision: str, component: str) -> Self:
        """An object that an installer made for a control plane."""
        return self._add(
            "belongings", Belonging(ref=ref, uid=f"uid-{ref}", revision=revision, component=component)
        )

    def unread(self, what: str, why: str = "forbidden") -> Self:
        """Something that could not be read."""
        return self._add("unread", Unread(what=what, why=why))

    def having(self, **fields: Any) -> Self:
        """Fields of the Snapshot itself."""
        self._fields |= fields
        return self

    def snapshot(self) -> Snapshot:
        """All of it, frozen."""
        cluster = ClusterId(
            uid="11111111-1111", context="sandbox", server="https://sandbox", version=self._kubernetes
        )
        parts = {name: tuple(_sorted(values)) for name, values in self._parts.items()}
        settings: dict[str, Any] = {"at": NOW, "cluster": cluster, "nodes": 3} | parts
        return Snapshot(**(settings | self._fields))


def _sorted(values: Sequence[Any]) -> list[Any]:
    return sorted(values, key=lambda value: value if isinstance(value, str) else msgspec.json.encode(value))


def mesh(kubernetes: str = "v1.33.4") -> Mesh:
    """An empty cluster to fill."""
    return Mesh(kubernetes)


def shop(version: str = "1.27.9") -> Mesh:
    """A healthy mesh: one plane, a tag, and one namespace for each way of being bound to it."""
    revision = Version.parse(version).revision
    return (
        mesh()
        .plane(version)
        .tag("prod", revision)
        .tag("default", revision)
        .namespace("istio-system")
        .namespace("sandbox", rev=revision)
        .namespace("shop", rev="prod")
        .namespace("payments", injection="enabled")
        .namespace("monitoring")
        .namespace("istio-ingress", rev=revision)
        .deployment("sandbox/httpbin", proxies=2)
        .deployment("shop/frontend", proxies=3)
        .deployment("shop/cart", proxies=2)
        .stateful_set("shop/redis-cart", proxies=3)
        .deployment("payments/api", proxies=2)
        .daemon_set("monitoring/log-agent", proxies=3, template={"istio.io/rev": revision})
        .injected_gateway("istio-ingress/istio-ingressgateway")
        .api_gateway("istio-ingress/web", rev=revision, made_by=revision)
    )
