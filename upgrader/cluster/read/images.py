"""Container images."""

from __future__ import annotations

from upgrader.model.image import Image
from upgrader.model.version import Version

_VARIANTS = ("distroless", "debug")
_DIGEST = "@sha256:"


def image_of(text: str, image_id: str = "") -> Image:
    """The image that *text* of a container spec names.

    Args:
        text: ``docker.io/istio/proxyv2:1.27.9-distroless``, with or without tag and ``@sha256:`` digest.
        image_id: ``imageID`` of the container's status. Only a repository digest in it counts: a bare ``sha256:…``
            is the id of the unpacked image on one node, which no registry knows.
    """
    named, _, digest = text.partition("@")
    repository, tag = _split_tag(named)
    tag, variant = _split_variant(tag)
    running = image_id.rpartition("@")[2] if _DIGEST in image_id else ""
    return Image(repository, tag, variant, running or digest)


def text_of(image: Image) -> str:
    """*image* as a container spec names it by tag; by digest when it has no tag."""
    if not image.tag:
        return f"{image.repository}@{image.digest}" if image.digest else image.repository
    return f"{image.repository}:{image.tag}" + (f"-{image.variant}" if image.variant else "")


def version_of(image: Image) -> str:
    """The release that the tag names; empty when it names none, such as ``latest``."""
    found = Version.of_tag(image.tag)
    return str(found) if found else ""


def _split_tag(named: str) -> tuple[str, str]:
    """A colon before the last slash is the port of a registry."""
    path, slash, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    return f"{path}{slash}{name}", tag


def _split_variant(tag: str) -> tuple[str, str]:
    for variant in _VARIANTS:
        if tag.endswith(f"-{variant}"):
            return tag.removesuffix(f"-{variant}"), variant
    return tag, ""
