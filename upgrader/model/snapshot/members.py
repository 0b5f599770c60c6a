"""What runs in the mesh, and what a restart of it meets."""

from __future__ import annotations

import msgspec

from upgrader.model.image import Image
from upgrader.model.kinds import Labels, Obj, Ref
from upgrader.model.once import Once

PROXY_IMAGE = "sidecar.istio.io/proxyImage"


class Namespace(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace and its labels.

    Attributes:
        label_owners: ``istio-injection`` and ``istio.io/rev``, where it has them, to the field managers that wrote them,
            such as ``argocd-controller``; several are joined by commas. Empty where the API server tells none.
    """

    name: str
    uid: str
    labels: Labels
    terminating: bool = False
    annotations: Labels = {}
    """Only those that say which tool keeps the object as a repository says (argocd.argoproj.io/, toolkit.fluxcd.io/)."""
    label_owners: Labels = {}


class Workload(msgspec.Struct, frozen=True, kw_only=True, dict=True):
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
        min_ready: Seconds that a pod must stay ready before it counts.
        progress_deadline: Seconds after which a rollout that gets no further is called failed; 0 for never.
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
    min_ready: int = 0
    progress_deadline: int = 0
    labels: Labels = {}
    template: Obj = {}
    """Its pod template in its own shape (``metadata``, ``spec``), as far as checks ask about it; without affinity, values
    of environment and arguments (those of Istio's own containers are kept). See ``cluster.read.templates``."""

    @Once
    def key(self) -> str:
        """``Kind namespace/name``, as proxies name their owner."""
        return str(self.ref)

    @Once
    def chosen_image(self) -> str:
        """The image that it names for its proxy itself, which wins over the injected one (``ProxyImage``); empty for none."""
        written = self.images.get("istio-proxy", "")
        return self.template_annotations.get(PROXY_IMAGE) or ("" if written == "auto" else written)

    @Once
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
        init_image: Image of istio-init or istio-validation where its text is not that of the proxy's; else None.
        ready_after: Seconds from its creation until it was ready; -1 when it is not, or when a container came back since.
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
    init_image: Image | None = None
    ready_after: int = -1


class Crowd(msgspec.Struct, frozen=True):
    """Proxies that are alike but for their pods, and how many they are; none of them is on its way out."""

    workload: str
    kind: str
    revision: str
    version: str
    image: Image
    native: bool
    pinned: str
    count: int


class RunningImage(msgspec.Struct, frozen=True, kw_only=True, order=True):
    """Pods of one istiod or istio-cni that run the same; they have no proxy, so they are no ``Proxy``.

    Attributes:
        workload: ``Kind namespace/name`` of their owner.
        image: Of the container ``discovery`` or ``install-cni``, with the digest that the kubelet tells; it need not.
        count: Pods that are on their way out are left out.
    """

    workload: str
    image: Image
    count: int


class Disruption(msgspec.Struct, frozen=True, kw_only=True):
    """A PodDisruptionBudget."""

    ref: Ref
    selector: Obj
    min_available: str = ""
    max_unavailable: str = ""
    allowed: int = 0
