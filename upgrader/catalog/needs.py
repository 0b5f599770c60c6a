"""Which versions of which CustomResourceDefinitions an istiod needs, minor by minor; read strictly."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from upgrader.catalog.load import decoded, unusable
from upgrader.model.version import Version

FILE = Path(__file__).with_name("data") / "needs.yaml"


class Need(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What istiod needs of some definitions from a minor on.

    Attributes:
        minor: ``1.29``.
        names: Names of definitions: ``gateways.gateway.networking.k8s.io``.
        serves: The version that istiod reads.
        bundle: Oldest release of the Gateway API that has it, from the annotation of the definition; empty when none is.
        enforced: istiod leaves out a definition below that bundle, or without the annotation.
        optional: It is only read where the definition is there.
        alpha: Before this minor these kinds were only read with PILOT_ENABLE_ALPHA_GATEWAY_API.
        source: ``REPOSITORY TAG PATH``.
        seen: When it was last compared with them.
    """

    minor: str
    names: tuple[str, ...]
    serves: str
    source: tuple[str, ...]
    seen: date
    bundle: str = ""
    enforced: bool = False
    optional: bool = False
    alpha: bool = False


class NeedsFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``needs.yaml`` decodes into."""

    schema: Literal[1]
    needs: tuple[Need, ...]


@cache
def needs_of(minor: str) -> tuple[Need, ...]:
    """What *minor* (``1.29``) needs and the one before did not; none for an unknown one."""
    return tuple(n for n in read_needs(FILE) if n.minor == minor)


@cache
def read_needs(file: Path) -> tuple[Need, ...]:
    """Every need that *file* has.

    Raises:
        UpgradeError: UPG-0003 it is missing, has an unknown key or a wrong value, or an entry without a source.
    """
    found = decoded(file, NeedsFile).needs
    for need in found:
        try:
            Version.parse(need.minor)
            Version.parse(need.bundle or "0.0.0")
        except ValueError as error:
            raise unusable(file, f"{need.minor}: {error}") from error
        if not (need.names and need.source):
            raise unusable(file, f"{need.minor}: names no definition or no source")
    return found
