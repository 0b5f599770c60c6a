"""What a plan says about how its manifests came to be: programs, options, and what they change."""

from __future__ import annotations

from typing import Literal

import msgspec

from upgrader.model.injector import InjectorSettings
from upgrader.model.kinds import Obj

Origin = Literal["option", "configuration", "cache", "path"]


class Binary(msgspec.Struct, frozen=True, kw_only=True):
    """A program of one Istio release on this machine.

    Attributes:
        version: As it says itself.
        sha256: Of the file, when its version was asked.
        origin: Where it was found: named by option or configuration, in the cache, or in PATH.
    """

    version: str
    path: str
    sha256: str
    origin: Origin = "path"


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One setting of the running installation, and what becomes of it.

    Attributes:
        key: Dotted, as in an IstioOperator: ``values.global.logging.level``.
        value: In JSON, cut when it is long.
        fate: Whether the new revision gets it.
        why: The reason, in a few words.
    """

    key: str
    value: str
    fate: Literal["carried", "dropped"]
    why: str


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Where the options of a hop come from and what became of each.

    Attributes:
        source: Objects and files that they were read from; empty when nothing says.
        same: How many settings equal the new release's own defaults and are not listed.
    """

    source: tuple[str, ...] = ()
    decided: tuple[Option, ...] = ()
    same: int = 0


class Configured(msgspec.Struct, frozen=True, kw_only=True):
    """What the manifests of a control plane say about it, as far as checks ask.

    Attributes:
        revision: Its name.
        config: ``mesh`` of ConfigMap istio[-REV], read as YAML; None where they have none, or none that can be read.
        values: ``values`` of its injector's ConfigMap.
        injecting: What ``config`` of the same ConfigMap says about who is injected; None likewise.
        env: Environment of istiod, of variables with a value.
    """

    revision: str
    config: Obj | None = None
    values: Obj = {}
    injecting: InjectorSettings | None = None
    env: dict[str, str] = {}


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """One object of the new revision against its counterpart of the old one, names without their revision.

    Attributes:
        subject: ``Deployment istiod``.
        fields: ``spec.replicas: 1 -> 2``, the first ones of them.
        more: How many fields are not listed.
    """

    subject: str
    change: Literal["changed", "added", "removed"]
    fields: tuple[str, ...] = ()
    more: int = 0
