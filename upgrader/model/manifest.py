"""Documents of rendered manifests, as plans and steps name them."""

from __future__ import annotations

from typing import Literal

import msgspec

from upgrader.model.kinds import Ref

Part = Literal["crds", "base", "control-plane", "ingress-gateway"]
MANIFEST_DIGEST = "upgrader.istio/manifest"
"""Annotation on everything that we applied: SHA-256 of the document."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """One document of a manifest file of the run directory.

    Attributes:
        ref: The object it describes.
        file: Relative to the run directory: ``manifests/1.28.10/istiod.yaml``.
        index: Position among the non-empty documents of that file, lists unfolded, from 0.
        digest: SHA-256 of the document's canonical JSON.
        manager: Field manager; another installer's name where we act as its successor.
        update: Send it as an update (merge patch) instead of server-side apply, because *manager* owns the object by
            updates, as helm and client-side kubectl do.
        existed: The object was there when the plan was made; going back leaves it.
        binds: The role that it gives; unset, and left out of the file, where it is no RoleBinding or ClusterRoleBinding.
    """

    ref: Ref
    file: str
    index: int
    digest: str
    manager: str = "upgrader"
    update: bool = False
    existed: bool = False
    binds: Ref | msgspec.UnsetType = msgspec.UNSET


class Owned(msgspec.Struct, frozen=True, order=True):
    """One object of a control plane.

    Attributes:
        uid: As seen when the plan was made; empty for objects that the plan itself creates.
    """

    ref: Ref
    uid: str = ""
