"""What decides about injection and about who has a Gateway, as it is at this moment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from upgrader.cluster.read import (
    control_plane_of,
    is_control_plane,
    tag_service_of,
    webhooks_of,
)
from upgrader.model.kinds import (
    DEPLOYMENT,
    K8S_GATEWAY,
    K8S_GATEWAY_CLASS,
    MUTATING_WEBHOOK,
    NAMESPACE,
    SERVICE,
    VALIDATING_WEBHOOK,
    Obj,
)
from upgrader.model.ownership import DEFAULT_TAG, DEFAULT_VALIDATOR, DEFAULT_WEBHOOK, gateway_owners
from upgrader.model.snapshot import ControlPlane, Labels, Webhook
from upgrader.model.step import Reader


class Deciders(msgspec.Struct, frozen=True):
    """Control planes, webhooks, tags and labels of namespaces, read once.

    Attributes:
        tags: Tag to the revisions that its objects name.
    """

    planes: tuple[ControlPlane, ...]
    injectors: tuple[Webhook, ...]
    validators: tuple[Webhook, ...]
    tags: dict[str, frozenset[str]]
    namespaces: dict[str, Labels]

    @property
    def versions(self) -> dict[str, str]:
        """Every revision with its version."""
        return {p.revision: p.version for p in self.planes}

    def live(self) -> dict[str, str]:
        """Revisions whose istiod is wanted with at least one replica, each with its version."""
        return {p.revision: p.version for p in self.planes if p.replicas > 0}

    def owners(self, labels: Labels, namespace: str, live: Mapping[str, str]) -> frozenset[str]:
        """Which of *live* would act on a Gateway with these labels there."""
        validator = next((v.revision for v in self.validators if v.ref.name == DEFAULT_VALIDATOR), "")
        has_default = any(w.tag == DEFAULT_TAG or w.ref.name == DEFAULT_WEBHOOK for w in self.injectors)
        bound = self.namespaces.get(namespace, {})
        return gateway_owners(labels, bound, self.tags, live, validator, has_default)


def read_deciders(cluster: Reader, root_namespace: str) -> Deciders:
    """Everything of it, now.

    Raises:
        ClusterFailure: something could not be read.
    """
    mutating = webhooks_of(cluster.list(MUTATING_WEBHOOK))
    validating = webhooks_of(cluster.list(VALIDATING_WEBHOOK))
    services = [tag_service_of(s) for s in cluster.list(SERVICE, namespace=root_namespace)]
    tags: dict[str, frozenset[str]] = {}
    pairs = [(w.tag, w.revision) for w in mutating if w.tag]
    for tag, revision in [*pairs, *((s.tag, s.revision) for s in services if s)]:
        tags[tag] = tags.get(tag, frozenset()) | {revision}
    deployments = cluster.list(DEPLOYMENT, namespace=root_namespace)
    return Deciders(
        tuple(control_plane_of(d) for d in deployments if is_control_plane(d)),
        tuple(mutating),
        tuple(validating),
        tags,
        {n["metadata"]["name"]: n["metadata"].get("labels") or {} for n in cluster.list(NAMESPACE)},
    )


def istios_gateways(cluster: Reader) -> Iterator[Obj]:
    """The Gateways of the Gateway API whose class is Istio's."""
    classes = {
        c["metadata"]["name"]
        for c in cluster.list(K8S_GATEWAY_CLASS)
        if str((c.get("spec") or {}).get("controllerName", "")).startswith("istio.io/")
    }
    for gateway in cluster.list(K8S_GATEWAY):
        if (gateway.get("spec") or {}).get("gatewayClassName") in classes:
            yield gateway
