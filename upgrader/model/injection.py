"""Which revision injects a pod at its next start: selectors of the API server, then istiod's own decision.

Facts: manifests/charts/istio-control/istio-discovery/templates/mutatingwebhook.yaml and pkg/kube/inject/inject.go
(``injectRequired``) of Istio 1.12.0 to 1.30.0; the reading of odd values changed in 1.27.0 (PR 56737). The order inside
istiod: host network, ignored namespaces, what the pod asks for, neverInjectSelector, alwaysInjectSelector, policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import msgspec

from upgrader.model.injector import DISABLED, ENABLED, InjectorSettings
from upgrader.model.snapshot import Snapshot, Webhook, Workload
from upgrader.model.version import Version

INJECT = "sidecar.istio.io/inject"
REVISION = "istio.io/rev"
ENTRY = "sidecar-injector.istio.io"
INJECTION = "istio-injection"
IGNORED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "local-path-storage"})
"""istiod never injects there, whatever a webhook matches."""

_YES = frozenset({"y", "yes", "true", "on"})
_STRICT_SINCE = (1, 27)
Likeness = tuple[str | bool | None, ...]


class Istiods(msgspec.Struct, frozen=True):
    """What decides inside istiod, by revision.

    Attributes:
        versions: The reading of odd ``sidecar.istio.io/inject`` values depends on it; a revision that is absent or has no
            release number is read by the rule of 1.27 and later.
        settings: Of its injector; a revision that is absent has what the charts install.
    """

    versions: Mapping[str, str]
    settings: Mapping[str, InjectorSettings] = {}

    @classmethod
    def of(cls, mesh: Snapshot) -> Self:
        """Those that are installed."""
        return cls({p.revision: p.version for p in mesh.control_planes}, mesh.injector_settings)

    def refusal(self, revision: str, labels: Mapping[str, str], annotations: Mapping[str, str]) -> str:
        """Why istiod *revision* does not inject a pod that its webhook was called for; empty when it does."""
        asked = _asked(labels, annotations, self.versions.get(revision, ""))
        settings = self.settings.get(revision, _USUAL)
        if asked is False:
            return f"{INJECT}={labels.get(INJECT, annotations.get(INJECT, ''))!r} opts out"
        if settings.policy not in {ENABLED, DISABLED}:
            return f"policy {settings.policy!r} of istiod {revision} injects nothing"
        if asked or (settings.policy == ENABLED and not settings.never):
            return ""
        if any(label_selector_matches(s, labels) for s in settings.never):
            return f"neverInjectSelector of istiod {revision} matches"
        if settings.policy == ENABLED or any(label_selector_matches(s, labels) for s in settings.always):
            return ""
        return f"policy of istiod {revision} is disabled, and nothing asks for a sidecar"


_USUAL = InjectorSettings()


class Injection(msgspec.Struct, frozen=True):
    """The answer.

    Attributes:
        revisions: Every revision that would inject the pod, sorted; more than one is a conflict.
        winner: The revision whose sidecar the pod keeps; empty when it gets none.
        why: One line: what decided.
    """

    revisions: tuple[str, ...]
    winner: str
    why: str

    @property
    def conflict(self) -> bool:
        """Whether several revisions inject the same pod."""
        return len(self.revisions) > 1


def label_selector_matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether *labels* satisfy a Kubernetes LabelSelector; an empty or absent selector matches everything.

    An operator that Kubernetes does not have matches nothing.
    """
    if not selector:
        return True
    wanted, expressions = selector.get("matchLabels"), selector.get("matchExpressions")
    if wanted and not wanted.items() <= labels.items():
        return False
    return not expressions or all(_expression_matches(e, labels) for e in expressions)


def _expression_matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = str(expression.get("key", "")), expression.get("values") or ()
    match expression.get("operator"):
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return key not in labels or labels[key] not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False


def injects(webhook: Webhook, ns_labels: Mapping[str, str], pod_labels: Mapping[str, str]) -> bool:
    """Whether an injection entry of *webhook* selects such a pod; what istiod then does is another question."""
    return any(
        entry.name.endswith(ENTRY)
        and label_selector_matches(entry.namespace_selector, ns_labels)
        and label_selector_matches(entry.object_selector, pod_labels)
        for entry in webhook.entries
    )


def injection(  # noqa: PLR0917  seven facts decide, and each caller has all seven
    namespace: str,
    ns_labels: Mapping[str, str],
    pod_labels: Mapping[str, str],
    pod_annotations: Mapping[str, str],
    host_network: bool,
    injectors: Sequence[Webhook],
    istiods: Istiods,
) -> Injection:
    """Which revision a pod with these labels and annotations gets when it starts in *namespace*.

    Args:
        namespace: Its name; a few are never injected.
        ns_labels: Labels of the namespace.
        pod_labels: Labels of the pod template.
        pod_annotations: Annotations of the pod template.
        host_network: Whether the pod uses the node's network.
        injectors: Mutating webhook configurations; other entries than injection are ignored.
        istiods: What those decide that the configurations lead to.

    Webhooks are called in the order of their configurations' names, and a later injection replaces an earlier one.
    """
    matching = sorted((w for w in injectors if injects(w, ns_labels, pod_labels)), key=lambda w: w.ref.name)
    if not matching:
        return Injection((), "", _why_none(ns_labels, pod_labels))
    refusal = _refused_anywhere(namespace, host_network)
    if refusal:
        return Injection((), "", refusal)
    said = [istiods.refusal(w.revision, pod_labels, pod_annotations) for w in matching]
    serving = [w for w, refused in zip(matching, said, strict=True) if not refused]
    if not serving:
        return Injection((), "", "; ".join(dict.fromkeys(said)))
    last = serving[-1]
    return Injection(
        tuple(sorted({w.revision for w in serving})), last.revision, f"{last.ref.name} selects it"
    )


class Injectors:
    """One set of webhook configurations, asked about many pods.

    Pods that differ in nothing that a selector or istiod looks at get the same answer, which is worked out once.
    """

    def __init__(self, injectors: Sequence[Webhook], istiods: Istiods) -> None:
        """*injectors* and *istiods* as ``injection`` takes them; neither may change afterwards."""
        self._injectors, self._istiods = injectors, istiods
        entries = [e for w in injectors for e in w.entries]
        own = [s for each in istiods.settings.values() for s in (*each.never, *each.always)]
        self._spaces = tuple(
            {REVISION, INJECTION}.union(*(selector_keys(e.namespace_selector) for e in entries))
        )
        selectors = (*(e.object_selector for e in entries), *own)
        self._pods = tuple({REVISION, INJECT}.union(*map(selector_keys, selectors)))
        self._known: dict[tuple[str | None, ...], Asking] = {}

    @classmethod
    def of(cls, mesh: Snapshot) -> Self:
        """Those that are installed."""
        return cls(mesh.injectors, Istiods.of(mesh))

    @property
    def pod_labels(self) -> tuple[str, ...]:
        """The labels of a pod that decide, by selectors of webhooks or of an istiod."""
        return self._pods

    def within(self, namespace: str, labels: Mapping[str, str]) -> Asking:
        """What answers for pods of a namespace with these labels."""
        key = (namespace if namespace in IGNORED_NAMESPACES else "", *map(labels.get, self._spaces))
        if (known := self._known.get(key)) is None:
            who = namespace, labels, self._injectors, self._istiods
            known = self._known[key] = Asking(who, self._pods, key)
        return known

    def next_proxy(self, mesh: Snapshot, workload: Workload) -> Injection:
        """Which revision the next pod of *workload* gets, as its namespace in *mesh* is labelled."""
        space = mesh.namespace(workload.ref.namespace)
        asking = self.within(workload.ref.namespace, space.labels if space else {})
        return asking.injection(
            workload.template_labels, workload.template_annotations, workload.host_network
        )


class Asking:
    """Pods of namespaces that are alike as far as injection goes."""

    __slots__ = ("_alike", "_keys", "_known", "_who")

    def __init__(
        self,
        who: tuple[str, Mapping[str, str], Sequence[Webhook], Istiods],
        keys: tuple[str, ...],
        alike: tuple[str | None, ...],
    ) -> None:
        """*who* are namespace, its labels, injectors and istiods; *keys* the labels of pods that decide.

        *alike* is what decides about the namespace.
        """
        self._who, self._keys, self._alike = who, keys, alike
        self._known: dict[tuple[object, ...], Injection] = {}

    def likeness(
        self, labels: Mapping[str, str], annotations: Mapping[str, str], host_network: bool = False
    ) -> Likeness:
        """Everything that decides about such a pod: two pods of equal likeness get the same answer."""
        return (*self._alike, host_network, annotations.get(INJECT), *map(labels.get, self._keys))

    def injection(
        self, labels: Mapping[str, str], annotations: Mapping[str, str], host_network: bool = False
    ) -> Injection:
        """What ``injection`` answers for a pod with these labels and annotations."""
        key = (host_network, annotations.get(INJECT), *map(labels.get, self._keys))
        if (known := self._known.get(key)) is None:
            namespace, ours, injectors, istiods = self._who
            known = self._known[key] = injection(
                namespace, ours, labels, annotations, host_network, injectors, istiods
            )
        return known


def selector_keys(selector: Mapping[str, Any] | None) -> set[str]:
    """The labels that a LabelSelector looks at."""
    chosen = selector or {}
    return {*(chosen.get("matchLabels") or ())} | {
        str(e.get("key", "")) for e in chosen.get("matchExpressions") or ()
    }


def _refused_anywhere(namespace: str, host_network: bool) -> str:
    if host_network:
        return "pods on the host network are not injected"
    if namespace in IGNORED_NAMESPACES:
        return f"namespace {namespace} is never injected"
    return ""


def _asked(labels: Mapping[str, str], annotations: Mapping[str, str], version: str) -> bool | None:
    """What ``sidecar.istio.io/inject`` says, None for nothing; the label goes before the annotation of the same name."""
    value = labels.get(INJECT, annotations.get(INJECT))
    if not value:
        return None
    if _strict(version):
        return {"true": True, "false": False}.get(value)
    return value.lower() in _YES


def _strict(version: str) -> bool:
    try:
        release = Version.parse(version)
    except ValueError:
        return True
    return (release.major, release.minor) >= _STRICT_SINCE


def _why_none(ns_labels: Mapping[str, str], pod_labels: Mapping[str, str]) -> str:
    if REVISION in ns_labels and INJECTION not in ns_labels:
        return f"nothing serves {REVISION}={ns_labels[REVISION]} of the namespace"
    if INJECTION in ns_labels:
        return f"nothing serves istio-injection={ns_labels['istio-injection']} of the namespace"
    if REVISION in pod_labels:
        return f"nothing serves {REVISION}={pod_labels[REVISION]} of the pod"
    return "neither namespace nor pod asks for injection"
