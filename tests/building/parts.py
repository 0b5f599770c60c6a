"""What all parts of the builder have in common."""

from __future__ import annotations

from typing import Any, Self

from upgrader.model.image import Image
from upgrader.model.kinds import Kind

ROOT = "istio-system"
HUB = "docker.io/istio/proxyv2"
VIRTUAL_SERVICE = Kind("networking.istio.io", "v1", "virtualservices", "VirtualService")
ROLLOUT = Kind("argoproj.io", "v1alpha1", "rollouts", "Rollout")


def image(text: str, digest_: str = "") -> Image:
    """``docker.io/istio/proxyv2:1.26.2-distroless`` taken apart."""
    repository, _, tag = text.rpartition(":")
    for variant in ("distroless", "debug"):
        if tag.endswith(f"-{variant}"):
            return Image(repository, tag.removesuffix(f"-{variant}"), variant, digest_)
    return Image(repository, tag, "", digest_)


class Parts:
    """Collects values by the field of the Snapshot that they end in."""

    def __init__(self, kubernetes: str = "v1.33.4") -> None:
        self._kubernetes = kubernetes
        self._parts: dict[str, list[Any]] = {}
        self._fields: dict[str, Any] = {}

    def _add(self, part: str, *values: Any) -> Self:
        self._parts.setdefault(part, []).extend(values)
        return self

    def _all(self, part: str) -> list[Any]:
        return self._parts.get(part, [])
