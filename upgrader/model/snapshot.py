"""The mesh at one moment, as the survey read it: frozen, serialisable, the only thing checks and planning see."""

from __future__ import annotations

from datetime import datetime

import msgspec

from upgrader.model.image import Image
from upgrader.model.kinds import Kind, Obj, Ref

Labels = dict[str, str]


class ClusterId(msgspec.Struct, frozen=True):
    """Which cluster this is.

    Attributes:
        uid: uid of the namespace kube-system; equal uid is the same cluster, whatever the context is called.
        version: Kubernetes version as the server says it: ``v1.34.4``.
    """

    uid: str
    context: str
    server: str
    version: str


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


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace and its labels."""

    name: str
    uid: str
    labels: Labels
    terminating: bool = False
    annotations: Labels = {}
    """Only those that say which tool keeps the object as a repository says (argocd.argoproj.io/, toolkit.fluxcd.io/)."""


class Workload(msgspec.Struct, frozen=True, kw_only=True):
    """What a restart is asked of: Deployment, StatefulSet, DaemonSet; or what a restart cannot reach: Job, CronJob, bare Pod, other owners.

    Attributes:
        kind: ``Deployment`` … ``Job``, ``CronJob``, ``Pod``, or the kind of a foreign owner such as ``Rollout``.
        strategy: ``RollingUpdate``, ``Recreate``, ``OnDelete`` or empty.
        partition: Of a StatefulSet; pods below this ordinal are not restarted.
        template_labels: Labels of its pod template.
        template_annotations: Annotations of its pod template.
        images: Container name to image text of the template (init containers too).
        gateway: ``""`` (an application), ``injected``, ``istioctl`` or ``api`` (made for a Gateway API gateway).
        gateway_owner: ``namespace/name`` of that Gateway API gateway.
        max_unavailable: As the strategy says it, text; empty for the default.
    """

    ref: Ref
    uid: str
    replicas: int
    strategy: str = ""
    partition: int = 0
    paused: bool = False
    settled: bool = True
    template_labels: Labels = {}
    template_annotations: Labels = {}
    images: Labels = {}
    host_network: bool = False
    gateway: str = ""
    gateway_owner: str = ""
    max_unavailable: str = ""
    max_surge: str = ""
    labels: Labels = {}
    template: Obj = {}
    """Its pod template, as far as checks ask about it: labels, annotations, containers without the values of their
    environment (those of ``istio-proxy`` are kept), volumes by name, security context, scheduling."""

    @property
    def name(self) -> str:
        """``namespace/name`` as people write it."""
        return f"{self.ref.namespace}/{self.ref.name}"


class Proxy(msgspec.Struct, frozen=True, kw_only=True):
    """One pod with a proxy of the mesh, live (not Succeeded or Failed).

    Attributes:
        kind: ``sidecar``, ``gateway``, ``waypoint`` or ``ztunnel``.
        workload: ``Kind namespace/name`` of the owner (Deployment, not ReplicaSet); ``Pod …`` when it has none.
        revision: Which control plane made it what it is: annotation istio.io/rev, else sidecar.istio.io/status, else
            the istiod it connects to; empty when nothing says.
        version: Of its image tag; empty when the tag names no release.
        native: The proxy is an init container with restartPolicy Always.
        pinned: Annotation ``sidecar.istio.io/proxyImage`` of the pod, or empty.
    """

    namespace: str
    pod: str
    uid: str
    kind: str
    workload: str
    revision: str
    version: str
    image: Image
    ready: bool
    restarts: int = 0
    native: bool = False
    terminating: bool = False
    pinned: str = ""
    phase: str = "Running"


class ApiGateway(msgspec.Struct, frozen=True, kw_only=True):
    """A Gateway of gateway.networking.k8s.io.

    Attributes:
        class_name: ``istio``, ``istio-waypoint`` …
        managed: Whether istiod makes a Deployment for it (no address, or one IP address).
        deployment: ``namespace/name`` of that Deployment, or empty.
        rendered_by: Revision in that Deployment's pod template, or empty.
    """

    ref: Ref
    uid: str
    labels: Labels
    class_name: str
    managed: bool
    deployment: str = ""
    rendered_by: str = ""


class CustomResource(msgspec.Struct, frozen=True, kw_only=True):
    """One Istio or Gateway API object; ``body`` has no managedFields and no status."""

    ref: Ref
    uid: str
    labels: Labels
    digest: str
    body: Obj


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """One object of Kubernetes that checks ask about, as far as they do; no value of a Secret is ever in it.

    Attributes:
        body: Without managedFields; what is kept of which kind is in ``survey.documents``.
    """

    ref: Ref
    labels: Labels = {}
    annotations: Labels = {}
    body: Obj = {}


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


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A CustomResourceDefinition of Istio or the Gateway API.

    Attributes:
        managers: Field manager to operation (``Apply`` or ``Update``) of those who own part of the spec.
    """

    name: str
    uid: str
    served: tuple[str, ...]
    storage: str
    stored: tuple[str, ...]
    bundle: str = ""
    managers: Labels = {}


class Disruption(msgspec.Struct, frozen=True, kw_only=True):
    """A PodDisruptionBudget."""

    ref: Ref
    selector: Obj
    min_available: str = ""
    max_unavailable: str = ""
    allowed: int = 0


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


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """Something the survey could not read. It is not "none"."""

    what: str
    why: str


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was read, sorted, so that equal clusters have equal snapshots."""

    at: datetime
    cluster: ClusterId
    root_namespace: str = "istio-system"
    """Where the (first) istiod is."""
    config_root: str = ""
    """``rootNamespace`` of the mesh configuration; empty when no configuration says one."""
    control_planes: tuple[ControlPlane, ...] = ()
    injectors: tuple[Webhook, ...] = ()
    validators: tuple[Webhook, ...] = ()
    tag_services: tuple[TagService, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    workloads: tuple[Workload, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    api_gateways: tuple[ApiGateway, ...] = ()
    resources: tuple[CustomResource, ...] = ()
    definitions: tuple[Definition, ...] = ()
    disruptions: tuple[Disruption, ...] = ()
    belongings: tuple[Belonging, ...] = ()
    services: tuple[str, ...] = ()
    """``namespace/name`` of every Service in the root namespace and of every Service a webhook names."""
    kinds: tuple[Kind, ...] = ()
    nodes: int = 0
    documents: tuple[Document, ...] = ()
    """Services, Nodes, NetworkPolicies and the like, by kind, namespace and name."""
    mesh_configs: dict[str, Obj] = {}
    """By revision: ``mesh`` of ConfigMap istio[-REV], read as YAML."""
    injector_values: dict[str, Obj] = {}
    """By revision: ``values`` of ConfigMap istio-sidecar-injector[-REV], read as JSON."""
    install_values: dict[str, Obj] = {}
    """By revision: what somebody set when it was installed (ConfigMap values[-REV], IstioOperator, Helm release)."""
    certificates: tuple[Certificate, ...] = ()
    unread: tuple[Unread, ...] = ()

    def plane(self, revision: str) -> ControlPlane | None:
        """The control plane of *revision*."""
        return next((p for p in self.control_planes if p.revision == revision), None)

    def namespace(self, name: str) -> Namespace | None:
        """The namespace of that name."""
        return next((n for n in self.namespaces if n.name == name), None)

    def proxies_of(self, revision: str) -> tuple[Proxy, ...]:
        """The proxies that *revision* serves."""
        return tuple(p for p in self.proxies if p.revision == revision)
