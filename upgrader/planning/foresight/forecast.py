"""Who would inject a pod and who would own a Gateway, at a moment of the plan that has not come yet.

A forecast is the injection-relevant part of the cluster as values. Each planned move gives the next forecast; the
rules that answer are the same that the checks use on the live snapshot (``model.injection``, ``model.ownership``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any

import msgspec

from upgrader.model.injection import Asking, Injection, Injectors, Istiods, Likeness
from upgrader.model.injector import InjectorSettings, unusual
from upgrader.model.kinds import MUTATING_WEBHOOK, SERVICE, Ref
from upgrader.model.ownership import default_validator_of, gateway_owners, namespace_suffix
from upgrader.model.snapshot import ApiGateway, Labels, Snapshot, Webhook, Workload
from upgrader.planning.foresight.entries import entries_for

REV = "istio.io/rev"
INJECTION = "istio-injection"
INJECT = "sidecar.istio.io/inject"
DEFAULT_TAG = "default"
_TAG_WEBHOOK, _TAG_SERVICE = "istio-revision-tag-", "istiod-revision-tag-"


def relabelled(labels: Labels, changes: Mapping[str, str | None]) -> Labels:
    """*labels* after a merge patch with *changes*."""
    kept = {key: value for key, value in labels.items() if key not in changes}
    return kept | {key: value for key, value in changes.items() if value is not None}


class Forecast(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Labels, webhooks, tags and live control planes at one moment.

    Attributes:
        tags: Tag to the revisions that its webhook and its Service name; more than one means half-moved.
        versions: Revision to version, of every revision that is installed.
        settings: Revision to what decides inside its istiod, of those that are installed or will be.
        frozen: Revisions whose istiod is scaled to 0.
        templates: Workload (``Deployment shop/cart``) to the labels of its pod template.
        switched_off: Injectors (by name) whose selectors match nothing any more.
        listeners: ListenerSet (``XListenerSet shop/extra``) to its labels.
        unbound: Tags that decide about pods only: their objects lack the label by which istiods find their Gateways.
    """

    root_namespace: str
    namespaces: dict[str, Labels]
    injectors: tuple[Webhook, ...]
    tags: dict[str, frozenset[str]]
    versions: dict[str, str]
    gateways: dict[str, Labels]
    settings: dict[str, InjectorSettings] = {}
    default_validator: str = ""
    frozen: frozenset[str] = frozenset()
    templates: dict[str, Labels] = {}
    switched_off: frozenset[str] = frozenset()
    listeners: dict[str, Labels] = {}
    unbound: frozenset[str] = frozenset()

    @classmethod
    def of(cls, mesh: Snapshot) -> Forecast:
        """The forecast for now."""
        tags: dict[str, frozenset[str]] = {}
        root = mesh.root_namespace
        unbound = {tag: w.revision for w in mesh.injectors if not w.tag and (tag := tag_of(w.ref, root))}
        for tag, revision in [
            *((w.tag, w.revision) for w in mesh.injectors if w.tag),
            *((s.tag, s.revision) for s in mesh.tag_services),
            *unbound.items(),
        ]:
            tags[tag] = tags.get(tag, frozenset()) | {revision}
        return cls(
            root_namespace=mesh.root_namespace,
            namespaces={n.name: n.labels for n in mesh.namespaces},
            injectors=mesh.injectors,
            tags=tags,
            versions={p.revision: p.version for p in mesh.control_planes},
            settings=dict(mesh.injector_settings),
            gateways={gateway_name(g): g.labels for g in mesh.api_gateways},
            default_validator=default_validator_of(mesh),
            frozen=frozenset(p.revision for p in mesh.control_planes if p.replicas == 0),
            templates={w.key: w.template_labels for w in mesh.workloads},
            listeners={str(one.ref): one.labels for one in mesh.listener_sets},
            unbound=frozenset(unbound),
        )

    def injects(self, namespace: str, pod_labels: Labels, annotations: Labels | None = None) -> Injection:
        """Which revision the next pod with these labels gets in *namespace*."""
        return self._within(namespace).injection(pod_labels, annotations or {})

    def next_proxy(self, workload: Workload) -> Injection:
        """Which revision the next pod of *workload* gets."""
        if workload.host_network:
            return Injection((), "", "pods on the host network are not injected")
        labels = self.templates.get(workload.key, workload.template_labels)
        return self._within(workload.ref.namespace).injection(labels, workload.template_annotations)

    def likeness(self, workload: Workload, labels: Labels) -> Likeness:
        """Everything that decides who injects the next pod of *workload*, once its template has *labels*."""
        asking = self._within(workload.ref.namespace)
        return asking.likeness(labels, workload.template_annotations, workload.host_network)

    def owners(self, gateway: ApiGateway) -> frozenset[str]:
        """Every live revision that would act on *gateway*; more than one fight, none leaves it alone."""
        live = {r: v for r, v in self.versions.items() if r not in self.frozen}
        return self.owners_by(self._labels_of(gateway), gateway.ref.namespace, live)

    def claimants(self, gateway: ApiGateway) -> frozenset[str]:
        """Every installed revision that *gateway* belongs to, frozen ones as well."""
        return self.owners_by(self._labels_of(gateway), gateway.ref.namespace, self.versions)

    def _labels_of(self, gateway: ApiGateway) -> Labels:
        return self.gateways.get(gateway_name(gateway), gateway.labels)

    def owners_by(self, labels: Labels, namespace: str, live: Mapping[str, str]) -> frozenset[str]:
        """Every revision of *live* that takes an object with *labels* in *namespace* for its own."""
        return gateway_owners(
            labels,
            self.namespaces.get(namespace, {}),
            {tag: revisions for tag, revisions in self.tags.items() if tag not in self.unbound},
            live,
            self.default_validator,
            DEFAULT_TAG in self.tags,
        )

    @property
    def pod_labels(self) -> tuple[str, ...]:
        """The labels of a pod that decide about injection."""
        return self._active.pod_labels

    @property
    def own_settings(self) -> dict[str, InjectorSettings]:
        """By revision: settings that are others than what the charts install."""
        return unusual(self.settings)

    def configured(self, revision: str, settings: InjectorSettings) -> Forecast:
        """With *settings* of the istiod *revision*, which may be installed later."""
        if self.settings.get(revision, InjectorSettings()) == settings:
            return self
        return msgspec.structs.replace(self, settings=self.settings | {revision: settings})

    def installed(self, revision: str, version: str) -> Forecast:
        """After *revision* was installed beside the others."""
        service = f"{self.root_namespace}/istiod-{revision}"
        own = self._webhook(f"istio-sidecar-injector-{revision}", revision, "", service)
        others = tuple(w for w in self.injectors if self._tag(w) or w.revision != revision)
        return msgspec.structs.replace(
            self, injectors=(*others, own), versions=self.versions | {revision: version}
        )

    def labelled(self, namespace: str, changes: Mapping[str, str | None]) -> Forecast:
        """After the labels of *namespace* changed."""
        after = self.namespaces | {namespace: relabelled(self.namespaces.get(namespace, {}), changes)}
        return self._with(namespaces=after)

    def gateway_labelled(self, gateway: str, value: str | None) -> Forecast:
        """After label ``istio.io/rev`` of *gateway* (``namespace/name``) became *value*, or went."""
        after = self.gateways | {gateway: relabelled(self.gateways[gateway], {REV: value})}
        return self._with(gateways=after)

    def listeners_labelled(self, listeners: str, value: str | None) -> Forecast:
        """After label ``istio.io/rev`` of *listeners* (``XListenerSet shop/extra``) became *value*, or went."""
        labels = relabelled(self.listeners.get(listeners, {}), {REV: value})
        return self._with(listeners=self.listeners | {listeners: labels})

    def tagged(
        self,
        tag: str,
        revision: str,
        parts: Collection[str] = ("webhook",),
        *,
        deactivate: bool = False,
        binds_gateways: bool = True,
    ) -> Forecast:
        """After *tag* points at *revision*, and at nothing else.

        Args:
            tag: Its name.
            revision: Where it points then.
            parts: Which objects it has: ``webhook``, ``service``, ``validator``.
            deactivate: The injector of an installation without a revision is switched off with it.
            binds_gateways: It decides about Gateways as well.
        """
        others = [w for w in self.injectors if self._tag(w) != tag]
        unnamed = (w for w in others if w.revision == DEFAULT_TAG and not self._tag(w))
        off = {w.ref.name for w in unnamed if deactivate}
        moved = (self._moved_webhook(tag, revision),) if "webhook" in parts else ()
        return msgspec.structs.replace(
            self,
            injectors=(*others, *moved),
            tags=self.tags | {tag: frozenset({revision})},
            default_validator=revision if "validator" in parts else self.default_validator,
            switched_off=self.switched_off | off,
            unbound=self.unbound - {tag} if binds_gateways else self.unbound | {tag},
        )

    def untagged(self, tag: str) -> Forecast:
        """After webhook and Service of *tag* were removed."""
        return msgspec.structs.replace(
            self,
            injectors=tuple(w for w in self.injectors if self._tag(w) != tag),
            tags={name: revisions for name, revisions in self.tags.items() if name != tag},
            unbound=self.unbound - {tag},
        )

    def without(self, revision: str) -> Forecast:
        """After *revision* was retired."""
        return msgspec.structs.replace(
            self,
            injectors=tuple(w for w in self.injectors if w.revision != revision),
            versions={r: v for r, v in self.versions.items() if r != revision},
            frozen=self.frozen - {revision},
        )

    def scaled(self, revision: str, replicas: int) -> Forecast:
        """After the istiod of *revision* was frozen (0) or brought back."""
        frozen = self.frozen - {revision} if replicas else self.frozen | {revision}
        return msgspec.structs.replace(self, frozen=frozen)

    def template_labelled(self, workload: str, changes: Mapping[str, str | None]) -> Forecast:
        """After the pod-template labels of *workload* (``Deployment shop/cart``) changed."""
        after = self.templates | {workload: relabelled(self.templates.get(workload, {}), changes)}
        return self._with(templates=after)

    def _with(self, **labels: Any) -> Forecast:
        """With other labels; the injectors stay, and what is known about them."""
        later = msgspec.structs.replace(self, **labels)
        later.__dict__["_active"] = self._active
        return later

    def _within(self, namespace: str) -> Asking:
        if (asking := self._asking.get(namespace)) is None:
            labels = self.namespaces.get(namespace, {})
            asking = self._asking[namespace] = self._active.within(namespace, labels)
        return asking

    @cached_property
    def _asking(self) -> dict[str, Asking]:
        return {}

    @cached_property
    def _active(self) -> Injectors:
        active = [w for w in self.injectors if w.ref.name not in self.switched_off]
        return Injectors(active, Istiods(self.versions, self.settings))

    def _tag(self, webhook: Webhook) -> str:
        return webhook.tag or tag_of(webhook.ref, self.root_namespace)

    def _moved_webhook(self, tag: str, revision: str) -> Webhook:
        """A tag's webhook keeps its selectors when it moves; a new ``default`` takes over those of an unnamed istiod."""
        former = next((w for w in self.injectors if self._tag(w) == tag), None)
        if former is not None:
            return msgspec.structs.replace(former, revision=revision)
        made = self._webhook(
            f"istio-revision-tag-{tag}", revision, tag, f"{self.root_namespace}/istiod-{revision}"
        )
        unnamed = next((w for w in self.injectors if w.revision == DEFAULT_TAG and not self._tag(w)), None)
        if tag != DEFAULT_TAG or unnamed is None or unnamed.ref.name in self.switched_off:
            return made
        taken = {e.name: e for e in (*made.entries, *unnamed.entries)}
        return msgspec.structs.replace(made, entries=tuple(taken.values()))

    def _webhook(self, name: str, revision: str, tag: str, service: str) -> Webhook:
        key = tag or revision
        return Webhook(
            ref=Ref(MUTATING_WEBHOOK, name),
            uid="",
            revision=revision,
            tag=tag,
            entries=entries_for(key, service, default=tag == DEFAULT_TAG),
        )


def tag_of(ref: Ref, root: str) -> str:
    """The tag that *ref* is the webhook or the Service of, by its name, or an empty string.

    Webhooks end in the namespace of their istiod where that is not istio-system (chart revision-tags.yaml).
    """
    if ref.kind == SERVICE:
        return ref.name.removeprefix(_TAG_SERVICE) if ref.name.startswith(_TAG_SERVICE) else ""
    if ref.kind != MUTATING_WEBHOOK or not ref.name.startswith(_TAG_WEBHOOK):
        return ""
    return ref.name.removeprefix(_TAG_WEBHOOK).removesuffix(namespace_suffix(root))


def gateway_name(gateway: ApiGateway) -> str:
    """``namespace/name``."""
    return f"{gateway.ref.namespace}/{gateway.ref.name}"
