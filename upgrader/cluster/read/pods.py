"""Pods and the proxies in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from upgrader.cluster.read.images import image_of, version_of
from upgrader.model.image import Image
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import Proxy
from upgrader.model.snapshot.members import PROXY_IMAGE
from upgrader.model.version import UNNAMED

PROXY = "istio-proxy"
"""The container of every Istio proxy, also of ztunnel."""
REVISION = "istio.io/rev"
STATUS = "sidecar.istio.io/status"
SETS_UP = frozenset({"istio-init", "istio-validation"})
"""The container before the proxy that leads traffic to it, or looks whether istio-cni did (injection-template.yaml)."""
MANAGED = "gateway.istio.io/managed"
TEMPLATES = "inject.istio.io/templates"
COMPONENT = "operator.istio.io/component"
GATEWAY_COMPONENTS = frozenset({"IngressGateways", "EgressGateways"})
_PARTS = frozenset({"discovery", "install-cni"})
"""Containers of istiod and of istio-cni, as the charts name them (1.12 to 1.31)."""
_FINISHED = frozenset({"Succeeded", "Failed"})
_ADDRESSES = ("CA_ADDR", "XDS_ADDRESS", "CA_ADDRESS")
_ISTIOD = re.compile(r"^(?:https?://)?istiod(?:-([a-z0-9-]+))?\.[a-z0-9-]+(?:\.svc\b|:)")
_DISCOVERY = re.compile(r"discoveryAddress[\"']?\s*:\s*[\"']?([^\s\"',}]+)")


def is_live(pod: Obj) -> bool:
    """Whether its containers can still run: neither Succeeded nor Failed. A terminating pod is live."""
    return pod.get("status", {}).get("phase") not in _FINISHED


def is_ready(pod: Obj) -> bool:
    """Whether it serves: condition Ready, and nobody has asked it to go."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    conditions = pod.get("status", {}).get("conditions") or ()
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in conditions)


def proxy_container(pod: Obj) -> Obj | None:
    """The proxy of *pod* (or of a pod template) as its spec has it; native sidecars are init containers."""
    spec = pod.get("spec") or {}
    for place in ("containers", "initContainers"):
        for container in spec.get(place) or ():
            if container.get("name") == PROXY:
                found: Obj = container
                return found
    return None


def is_native(pod: Obj) -> bool:
    """Whether the proxy is an init container that goes on running (restartPolicy Always)."""
    containers = (pod.get("spec") or {}).get("initContainers") or ()
    return any(c.get("name") == PROXY and c.get("restartPolicy") == "Always" for c in containers)


def init_image(pod: Obj) -> Image | None:
    """Image of what sets traffic up for the proxy of *pod*, where it is another text than the proxy's; else None."""
    proxy = (proxy_container(pod) or {}).get("image", "")
    containers = (pod.get("spec") or {}).get("initContainers") or ()
    found = (str(c.get("image", "")) for c in containers if c.get("name") in SETS_UP)
    return next((image_of(image) for image in found if image != proxy), None)


def injected_revision(pod: Obj) -> str:
    """The revision whose webhook (or gateway template) made *pod*, as istiod wrote it there; empty when it wrote none.

    Source: istio.io/rev is written by injection and gateway templates since 1.18, the JSON of sidecar.istio.io/status
    has had ``revision`` since 1.11 (pkg/kube/inject/inject.go).
    """
    annotations = pod["metadata"].get("annotations") or {}
    return str(annotations.get(REVISION) or _of_status(annotations.get(STATUS, "")))


def revision_of(pod: Obj) -> str:
    """The revision that serves the proxy of *pod*; empty when nothing says.

    What istiod wrote there, else the istiod it talks to. The pod's own label ``istio.io/rev`` is a wish, so it is
    asked last, when nothing else says.
    """
    found = injected_revision(pod)
    if found:
        return found
    container = proxy_container(pod) or {}
    for address in _addresses(container):
        match = _ISTIOD.match(address)
        if match:
            return match.group(1) or UNNAMED
    return str((pod["metadata"].get("labels") or {}).get(REVISION, ""))


def proxy_kind(pod: Obj) -> str:
    """What its proxy is for: ``sidecar``, ``gateway``, ``waypoint`` or ``ztunnel``."""
    metadata = pod["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    container = proxy_container(pod) or {}
    role = [*(container.get("args") or ()), *(container.get("command") or ())][:2]
    if labels.get("app") == "ztunnel" or "ztunnel" in role:
        return "ztunnel"
    if labels.get(MANAGED) == "istio.io-mesh-controller" or "waypoint" in role:
        return "waypoint"
    templates = [name.strip() for name in str(annotations.get(TEMPLATES, "")).split(",")]
    signs = (
        MANAGED in labels,
        "router" in role,
        "gateway" in templates,
        labels.get(COMPONENT) in GATEWAY_COMPONENTS,
    )
    return "gateway" if any(signs) else "sidecar"


def owner_of(pod: Obj) -> tuple[str, str]:
    """Kind and name of what a restart of *pod* is asked of; ``Pod`` and its own name when nothing controls it.

    A ReplicaSet of a Deployment ends in the pod's ``pod-template-hash``, so the Deployment is told without reading
    the ReplicaSet; any other ReplicaSet is its own owner.
    """
    metadata = pod["metadata"]
    owner = next((o for o in metadata.get("ownerReferences") or () if o.get("controller")), None)
    if owner is None:
        return "Pod", str(metadata["name"])
    kind, name = str(owner["kind"]), str(owner["name"])
    labels = metadata.get("labels") or {}
    if kind == "ReplicaSet":
        for label, above in (("rollouts-pod-template-hash", "Rollout"), ("pod-template-hash", "Deployment")):
            ending = f"-{labels.get(label, '')}"
            if len(ending) > 1 and name.endswith(ending):
                return above, name.removesuffix(ending)
    return kind, name


def owner_text(pod: Obj) -> str:
    """``Kind namespace/name`` of the owner, as ``Proxy.workload`` has it."""
    kind, name = owner_of(pod)
    return f"{kind} {pod['metadata']['namespace']}/{name}"


def proxy_of(pod: Obj, workload: str = "") -> Proxy | None:
    """The proxy in *pod*; None when it has none or is finished.

    Args:
        pod: The whole object.
        workload: ``Kind namespace/name``; told from the pod when empty.
    """
    container = proxy_container(pod)
    if container is None or not is_live(pod):
        return None
    metadata = pod["metadata"]
    status = _status_of(pod)
    image = image_of(str(container.get("image", "")), str(status.get("imageID", "")))
    return Proxy(
        namespace=metadata["namespace"],
        pod=metadata["name"],
        uid=metadata.get("uid", ""),
        kind=proxy_kind(pod),
        workload=workload or owner_text(pod),
        revision=revision_of(pod),
        version=version_of(image),
        image=image,
        ready=is_ready(pod),
        restarts=int(status.get("restartCount", 0)),
        native=is_native(pod),
        terminating=bool(metadata.get("deletionTimestamp")),
        pinned=(metadata.get("annotations") or {}).get(PROXY_IMAGE, ""),
        init_image=init_image(pod),
        phase=pod.get("status", {}).get("phase", ""),
        ready_after=ready_after(pod),
    )


def part_image(pod: Obj) -> Image | None:
    """What istiod or istio-cni runs in *pod*, with its digest where the kubelet tells it; None for every other pod."""
    container = next((c for c in pod["spec"].get("containers") or () if c.get("name") in _PARTS), None)
    if container is None:
        return None
    status = _status_of(pod, container["name"])
    image = image_of(str(container.get("image", "")), str(status.get("imageID", "")))
    istiod = (pod["metadata"].get("labels") or {}).get("app") == "istiod" or image.repository.endswith(
        "pilot"
    )
    return image if istiod or container["name"] != "discovery" else None


def ready_after(pod: Obj) -> int:
    """Seconds from the creation of *pod* until it became ready, as its condition says.

    -1 when it is not ready, or when one of its containers came back since: then the condition tells of a later time.
    """
    status = pod.get("status") or {}
    if any(each.get("restartCount") for each in status.get("containerStatuses") or ()):
        return -1
    ready: Obj = next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), {})
    moment, made = ready.get("lastTransitionTime"), pod["metadata"].get("creationTimestamp")
    if ready.get("status") != "True" or not moment or not made:
        return -1
    return max(0, int((datetime.fromisoformat(moment) - datetime.fromisoformat(made)).total_seconds()))


def _status_of(pod: Obj, container: str = PROXY) -> Obj:
    status = pod.get("status") or {}
    for place in ("containerStatuses", "initContainerStatuses"):
        for each in status.get(place) or ():
            if each.get("name") == container:
                found: Obj = each
                return found
    return {}


def _of_status(text: str) -> str:
    if not text:
        return ""
    try:
        told: Any = json.loads(text)
    except ValueError:
        return ""
    return str(told.get("revision") or "") if isinstance(told, dict) else ""


def _addresses(container: Obj) -> Iterator[str]:
    values = {e["name"]: str(e["value"]) for e in container.get("env") or () if e.get("value")}
    yield from (values[name] for name in _ADDRESSES if name in values)
    found = _DISCOVERY.search(values.get("PROXY_CONFIG", ""))
    if found:
        yield found.group(1)
