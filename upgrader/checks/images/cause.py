"""Why a proxy does not run what its revision injects, and what makes it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from upgrader.checks.scope import ROLLED, kubectl
from upgrader.model.snapshot import ControlPlane, Proxy, Workload
from upgrader.model.snapshot.members import PROXY_IMAGE

PIN = PROXY_IMAGE
INJECTED = "sidecar.istio.io/status"
PROXY = "istio-proxy"
AUTO = "auto"


class Cause(msgspec.Struct, frozen=True):
    """One line that names the cause, and commands that remove it."""

    text: str
    do: tuple[str, ...]


def own_image(workload: Workload) -> str:
    """The proxy image that the template itself carries, or empty."""
    found = workload.images.get(PROXY, "")
    return "" if found == AUTO else found


def unpin(workload: Workload) -> str:
    """The command that removes the pinned image from a template."""
    path = "/spec/template/metadata/annotations/sidecar.istio.io~1proxyImage"
    return kubectl(workload.ref, "patch", f"""--type=json -p '[{{"op":"remove","path":"{path}"}}]'""")


def cause_of(workload: Workload | None, proxies: Sequence[Proxy], plane: ControlPlane) -> Cause:
    """Why *proxies* of *workload* differ from what *plane* injects."""
    if workload is None or workload.ref.kind.kind not in ROLLED:
        return _unrolled(proxies)
    pinned = workload.template_annotations.get(PIN, "")
    if pinned:
        return Cause(f"cause: annotation {PIN} pins {pinned}", (unpin(workload),))
    if workload.gateway == "istioctl":
        return _istioctl(workload, plane)
    if workload.gateway == "api":
        text = f"cause: istiod writes this Deployment for Gateway {workload.gateway_owner}, and it has not rolled"
        return Cause(text, (kubectl(workload.ref, "rollout status"), kubectl(workload.ref, "describe")))
    if INJECTED in workload.template_annotations:
        return Cause("cause: its template was written by istioctl kube-inject", (_again(workload, plane),))
    if own_image(workload):
        text = f"cause: its template carries its own {PROXY} container, {own_image(workload)}"
        return Cause(text, (kubectl(workload.ref, "set image", f"{PROXY}={AUTO}"),))
    if not workload.settled:
        return Cause("cause: its rollout has not finished", (kubectl(workload.ref, "rollout status"),))
    return Cause(
        "cause: not restarted since its revision changed", (kubectl(workload.ref, "rollout restart"),)
    )


def _unrolled(proxies: Sequence[Proxy]) -> Cause:
    first = proxies[0]
    kind = first.workload.partition(" ")[0]
    if kind == "Pod":
        text = "cause: a pod without an owner is never replaced"
        return Cause(text, (f"kubectl -n {first.namespace} delete pod {first.pod}",))
    text = f"cause: {first.workload} has not replaced its pods since its revision changed"
    return Cause(text, (f"kubectl -n {first.namespace} get pods      # then let that {kind} replace them",))


def _istioctl(workload: Workload, plane: ControlPlane) -> Cause:
    wanted = plane.proxy_image
    image = f"{wanted.repository}:{wanted.tag}" if wanted else f"docker.io/istio/proxyv2:{plane.version}"
    return Cause(
        f"cause: its image is written into its Deployment ({own_image(workload) or 'unknown'}), a restart keeps it",
        (kubectl(workload.ref, "set image", f"{PROXY}={image}"),),
    )


def _again(workload: Workload, plane: ControlPlane) -> str:
    return (
        f"kubectl -n {workload.ref.namespace} apply -f ORIGINAL.yaml      "
        f"# the manifest before kube-inject, or: istioctl kube-inject --revision {plane.revision} -f ORIGINAL.yaml"
    )
