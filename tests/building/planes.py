"""Control planes, their webhooks, and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

from tests.building.parts import HUB, ROOT, Parts
from upgrader.model import kinds
from upgrader.model.image import Image
from upgrader.model.kinds import Obj, Ref
from upgrader.model.snapshot import ControlPlane, TagService, Webhook, WebhookEntry
from upgrader.model.version import Version


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


class Planes(Parts):
    """Control planes, their webhooks, and tags."""

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
