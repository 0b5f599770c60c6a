"""What becomes of the parts of Envoy that EnvoyFilters name, minor by minor; read strictly."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from upgrader.catalog.load import decoded, unusable
from upgrader.model.version import Version

FILE = Path(__file__).with_name("data") / "filters.yaml"


class FilterChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing that an EnvoyFilter may name, and that is not what it was from a minor on.

    Attributes:
        id: ``1.21-istio-authn``; the part before the first dash is the minor.
        place: Where it is named: ``anchor`` (a filter that a patch stands beside or changes), ``name``, ``type`` (an
            ``@type``) or ``text`` (any other text) of the value that a patch brings.
        names: Globs of it, case counts.
        patches: Values of ``applyTo`` for which it holds; empty for all.
        relative: It only matters to patches that stand before or after the anchor.
        unordered: It only matters to EnvoyFilters whose ``spec.priority`` is 0 or less.
        certain: Whether the patch is lost or the proxy refuses it; else somebody has to look.
        change: What is different from this minor on; goes on from "filters that …".
        do: What to do about it.
        source: ``REPOSITORY TAG PATH``.
        seen: When it was last compared with them.
    """

    id: str
    place: Literal["anchor", "name", "type", "text"]
    names: tuple[str, ...]
    change: str
    do: tuple[str, ...]
    source: tuple[str, ...]
    seen: date
    patches: tuple[str, ...] = ()
    relative: bool = False
    unordered: bool = False
    certain: bool = True

    @property
    def minor(self) -> str:
        """The minor one moves onto."""
        return self.id.partition("-")[0]


class FiltersFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``filters.yaml`` decodes into."""

    schema: Literal[1]
    changes: tuple[FilterChange, ...]


@cache
def filter_changes(minor: str) -> tuple[FilterChange, ...]:
    """Every change that arrives with *minor* (``1.21``), in the order of the file; none for an unknown one."""
    return tuple(c for c in read_filters(FILE) if c.minor == minor)


@cache
def read_filters(file: Path) -> tuple[FilterChange, ...]:
    """Every change that *file* has.

    Raises:
        UpgradeError: UPG-0003 it is missing, has an unknown key, a wrong value, an id twice, or an entry without a source.
    """
    return checked(decoded(file, FiltersFile).changes, file)


def checked(changes: tuple[FilterChange, ...], file: Path) -> tuple[FilterChange, ...]:
    """*changes*, if each has an id of its own that begins with a minor, names, and a source."""
    ids: set[str] = set()
    for change in changes:
        try:
            Version.parse(change.minor)
        except ValueError as error:
            raise unusable(file, f"{change.id}: {error}") from error
        if change.id in ids:
            raise unusable(file, f"{change.id} is there twice")
        if not (change.names and change.source and change.do):
            raise unusable(file, f"{change.id} has no names, nothing to do or no source")
        ids.add(change.id)
    return changes
