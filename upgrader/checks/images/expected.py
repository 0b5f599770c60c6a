"""What a proxy should run, and how what it runs differs from that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from upgrader.model.image import Image
from upgrader.model.snapshot import ControlPlane, Crowd, RunningImage
from upgrader.model.version import Version

UPSTREAM = "docker.io/istio"
_SAME = ("registry.istio.io/release", "gcr.io/istio-release", "istio")
"""Where the project itself publishes (or published) the same images: hubs of the releases 1.12 to 1.31."""


class Deviation(msgspec.Struct, frozen=True, order=True):
    """How an image differs from the expected one.

    Attributes:
        how: ``version``, ``unnamed``, ``hub`` or ``digest``.
        behind: Minors that the proxy is older than its istiod; negative when it is newer.
    """

    how: str
    behind: int = 0


def canonical(repository: str, mirrors: Mapping[str, str]) -> str:
    """*repository* under the name that its mirrors stand for."""
    known = [
        *((mirror, upstream) for upstream, mirror in mirrors.items()),
        *((hub, UPSTREAM) for hub in _SAME),
    ]
    for hub, upstream in known:
        if repository == hub or repository.startswith(f"{hub}/"):
            return canonical_upstream(upstream) + repository.removeprefix(hub)
    return repository


def hub_of(repository: str, mirrors: Mapping[str, str]) -> str:
    """Where *repository* is, without its own name; with mirrors taken for what they mirror."""
    return canonical(repository, mirrors).rpartition("/")[0]


def canonical_upstream(hub: str) -> str:
    """The first name of a hub that the project publishes under several."""
    return UPSTREAM if hub in _SAME else hub


def usual_digests(
    running: Iterable[Crowd | RunningImage], mirrors: Mapping[str, str]
) -> dict[tuple[str, str, str], str]:
    """Image without digest to the digest that most pods run; the smallest when there are as many of each."""
    seen: dict[tuple[str, str, str], Counter[str]] = {}
    counts: Counter[Image] = Counter()
    for crowd in running:
        counts[crowd.image] += crowd.count
    for image, count in counts.items():
        if image.digest and image.tag:
            seen.setdefault(named(image, mirrors), Counter())[image.digest] += count
    return {key: min(count, key=lambda d: (-count[d], d)) for key, count in seen.items()}


def named(image: Image, mirrors: Mapping[str, str]) -> tuple[str, str, str]:
    """Repository, tag and variant, with mirrors taken for what they mirror."""
    return canonical(image.repository, mirrors), image.tag, image.variant


def deviation(
    image: Image,
    plane: ControlPlane,
    mirrors: Mapping[str, str],
    digests: Mapping[tuple[str, str, str], str],
) -> Deviation | None:
    """How *image* of a proxy differs from what *plane* injects, or None.

    The variant (distroless, debug) is the workload's own choice and never counts.
    """
    wanted = plane.proxy_image
    if wanted and wanted.digest and wanted.digest == image.digest:
        return None
    expected, actual = (
        Version.of_tag(wanted.tag if wanted else plane.version),
        Version.of_tag(image.tag),
    )
    if actual is None or expected is None:
        return None if _same_text(image, wanted, mirrors) else Deviation("unnamed")
    if actual != expected:
        return Deviation("version", actual.minors_to(expected))
    if wanted and canonical(image.repository, mirrors) != canonical(wanted.repository, mirrors):
        return Deviation("hub")
    usual = digests.get(named(image, mirrors), "")
    return Deviation("digest") if usual and image.digest and image.digest != usual else None


def _same_text(image: Image, wanted: Image | None, mirrors: Mapping[str, str]) -> bool:
    if wanted is None:
        return False
    return (canonical(image.repository, mirrors), image.tag) == (
        canonical(wanted.repository, mirrors),
        wanted.tag,
    )


def text(image: Image) -> str:
    """The image as people write it."""
    variant = f"-{image.variant}" if image.variant else ""
    tag = f":{image.tag}{variant}" if image.tag else f"@{image.digest}"
    return image.repository + tag
