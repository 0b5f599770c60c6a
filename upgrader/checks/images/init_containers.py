from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.context import Context
from upgrader.checks.images.expected import hub_of, text
from upgrader.checks.scope import pods, some, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.image import Image
from upgrader.model.snapshot import Proxy, Snapshot
from upgrader.model.version import Version


def init_containers(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report pods whose istio-init or istio-validation is of another release or registry than their proxy.

    Both come from one injection, so they differ where ``global.proxy_init.image`` or a template of somebody's own names an
    image that stays (injection-template.yaml of Istio 1.12 to 1.31). Variants of one release do the same.
    """
    odd: dict[Image, list[Proxy]] = {}
    for proxy in mesh.proxies:
        init = proxy.init_image
        if init is None or proxy.terminating or not _differ(init, proxy.image, context.mirrors):
            continue
        if not stays(context, *proxy.workload.partition(" ")[2].split("/", 1)):
            odd.setdefault(init, []).append(proxy)
    for image, proxies in sorted(odd.items()):
        yield _finding(text(image), proxies)


def _differ(init: Image, proxy: Image, mirrors: Mapping[str, str]) -> bool:
    """Whether the two are of different releases, or from different registries."""
    one, other = Version.of_tag(init.tag), Version.of_tag(proxy.tag)
    apart = one != other if one and other else (init.tag, init.variant) != (proxy.tag, proxy.variant)
    return apart or hub_of(init.repository, mirrors) != hub_of(proxy.repository, mirrors)


def _finding(image: str, proxies: list[Proxy]) -> Finding:
    owners = list(dict.fromkeys(p.workload for p in proxies))
    beside = list(dict.fromkeys(text(p.image) for p in proxies))
    return Finding(
        code="UPG-0205",
        severity=Severity.ADVISORY,
        subject=f"init containers of {image}",
        summary=f"init containers of {image}: {pods(len(proxies))} with a proxy of another release or registry",
        what=(f"proxies beside it: {some(beside)}", f"pods of: {some(owners)}"),
        why="it lays the rules that lead traffic to the proxy: what it knows of ports and exceptions is that of its own release",
        do=(
            "take global.proxy_init.image out of the values of the next revision, or render it of the same release",
            "kubectl -n NAMESPACE get pod NAME -o jsonpath='{.spec.initContainers[*].image}'      # by hand",
        ),
        objects=tuple(owners),
    )
