"""Container images, taken apart."""

from __future__ import annotations

import msgspec


class Image(msgspec.Struct, frozen=True, order=True):
    """One image reference.

    Attributes:
        repository: Hub and name without tag: ``docker.io/istio/proxyv2``.
        tag: Without variant; empty when only a digest was given.
        variant: ``distroless``, ``debug`` or empty.
        digest: ``sha256:…`` when known (from the spec or from the running container), else empty.
    """

    repository: str
    tag: str = ""
    variant: str = ""
    digest: str = ""
