from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.context import Context
from upgrader.checks.images.expected import canonical
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
    odd: dict[str, list[Proxy]] = {}
    for proxy in mesh.proxies:
        if not proxy.init_image or proxy.terminating or not _differs(proxy, context.mirrors):
            continue
        if not stays(context, *proxy.workload.partition(" ")[2].split("/", 1)):
            odd.setdefault(proxy.init_image, []).append(proxy)
    for image, proxies in sorted(odd.items()):
        yield _finding(image, proxies)


def _differs(proxy: Proxy, mirrors: Mapping[str, str]) -> bool:
    """Whether the two are of different releases, or from different registries."""
    repository, tag = _parts(proxy.init_image)
    release, other = Version.of_tag(tag), Version.of_tag(proxy.image.tag)
    apart = release != other if release and other else tag != _tag(proxy.image)
    return apart or _hub(repository, mirrors) != _hub(proxy.image.repository, mirrors)


def _parts(image: str) -> tuple[str, str]:
    """Repository and tag of an image as it is written."""
    place, slash, last = image.partition("@")[0].rpartition("/")
    name, _, tag = last.partition(":")
    return f"{place}{slash}{name}", tag


def _tag(image: Image) -> str:
    return f"{image.tag}-{image.variant}" if image.variant else image.tag


def _hub(repository: str, mirrors: Mapping[str, str]) -> str:
    return canonical(repository, mirrors).rpartition("/")[0]


def _finding(image: str, proxies: list[Proxy]) -> Finding:
    owners = list(dict.fromkeys(p.workload for p in proxies))
    beside = list(dict.fromkeys(f"{p.image.repository}:{_tag(p.image)}" for p in proxies))
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
