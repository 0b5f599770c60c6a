"""What is installed of Istio itself: control planes, the webhooks that lead to them, what belongs to them, their authority."""

from __future__ import annotations

from datetime import datetime

import msgspec

from upgrader.model.image import Image
from upgrader.model.kinds import Labels, Obj, Ref


class ControlPlane(msgspec.Struct, frozen=True, kw_only=True):
    """One istiod Deployment.

    Attributes:
        revision: Its name; ``default`` when it was installed without one.
        version: From the tag of its discovery image; empty when the tag names no release.
        replicas: Wanted; 0 means frozen.
        installer: ``istioctl``, ``helm``, ``sail``, ``manifests`` or ``unknown``, from labels and annotations.
        desired_images: Container name to image of the pod template.
    """

    ref: Ref
    uid: str
    revision: str
    version: str
    image: Image
    proxy_image: Image | None
    replicas: int
    ready: int
    settled: bool
    installer: str
    labels: Labels = {}
    env: Labels = {}
    annotations: Labels = {}
    """Only those that say which tool keeps the object as a repository says (argocd.argoproj.io/, toolkit.fluxcd.io/)."""

    @property
    def unnamed(self) -> bool:
        """Whether it was installed without a revision."""
        return self.revision == "default"


class WebhookEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook of a configuration.

    Attributes:
        service: ``namespace/name`` that it calls, or empty when it calls a URL.
        ca: Whether a caBundle is set.
        resources: ``group/version/resource`` patterns of its rules.
    """

    name: str
    service: str
    ca: bool
    failure_policy: str
    namespace_selector: Obj = {}
    object_selector: Obj = {}
    resources: tuple[str, ...] = ()


class Webhook(msgspec.Struct, frozen=True, kw_only=True):
    """A mutating or validating webhook configuration that belongs to Istio (or names an istiod).

    Attributes:
        revision: Label ``istio.io/rev``.
        tag: Label ``istio.io/tag``; empty for a revision's own.
    """

    ref: Ref
    uid: str
    revision: str
    tag: str
    entries: tuple[WebhookEntry, ...]
    labels: Labels = {}


class TagService(msgspec.Struct, frozen=True, kw_only=True):
    """Service ``istiod-revision-tag-TAG``, which 1.28 and later put beside a tag's webhook."""

    ref: Ref
    uid: str
    tag: str
    revision: str


class Belonging(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """One object that an installer made for a control plane, beside what has a type of its own here.

    Attributes:
        revision: Label ``istio.io/rev``, or what its name says; ``default`` for an installation without a revision,
            empty for what all revisions share.
        component: ``Pilot``, ``IngressGateways``, ``EgressGateways``, ``Cni``, ``Ztunnel`` or empty.
        managers: Field manager to operation (``Apply`` or ``Update``) of those who own part of it.
    """

    ref: Ref
    uid: str
    revision: str
    component: str = ""
    managers: Labels = {}


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A CustomResourceDefinition of Istio or the Gateway API.

    Attributes:
        managers: Field manager to operation (``Apply`` or ``Update``) of those who own part of the spec.
        marks: The label and annotations by which Helm knows its own (``app.kubernetes.io/managed-by``,
            ``meta.helm.sh/release-name`` and ``-namespace``, ``helm.sh/resource-policy``), those that are there; None in
            a snapshot of a release that did not look at them.
    """

    name: str
    uid: str
    served: tuple[str, ...]
    storage: str
    stored: tuple[str, ...]
    bundle: str = ""
    managers: Labels = {}
    marks: Labels | None = None


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of an authority, public facts only.

    Attributes:
        where: ``Secret istio-system/cacerts ca-cert.pem``.
        role: ``root`` or ``issuing``.
        fingerprint: SHA-256 of the DER form, lower case hexadecimal.
        key: ``RSA 4096``, ``EC P-256``.
    """

    where: str
    role: str
    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    key: str = ""
