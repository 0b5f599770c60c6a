"""Questions to the catalog. Pure: the catalog was read before, and today is an argument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import Enum

import msgspec

from upgrader.catalog.entries import (
    DefinitionVersions,
    EnvFlag,
    Fault,
    Floor,
    Hub,
    Profiles,
    Release,
    SkewRule,
)
from upgrader.model.version import Version

_MINOR = re.compile(r"^v?(\d+)\.(\d+)")


class Support(Enum):
    """How an Istio minor stands to a Kubernetes minor."""

    SUPPORTED = "supported"
    TESTED = "tested"
    OLDER = "older"
    NEWER = "newer"
    TOO_OLD = "too old"
    UNKNOWN = "unknown"


def minor_of(text: str) -> tuple[int, int] | None:
    """Major and minor of a version text such as ``v1.33.4-eks-1``; None when it has none."""
    found = _MINOR.match(text.strip())
    return (int(found[1]), int(found[2])) if found else None


def pair(minor: str) -> tuple[int, int]:
    """Major and minor of a text that ``load_catalog`` let in."""
    found = minor_of(minor)
    assert found is not None, minor
    return found


class Catalog(msgspec.Struct, frozen=True):
    """Everything that is known, each kind of entry by its key.

    Attributes:
        releases: By minor.
        skew: By part.
        floors: By id.
        definitions: By name and minor.
        flags: By name and minor of removal.
        profiles: By minor.
        hubs: By hub.
        site: SHA-256 by file of what a site laid over ours; empty without one.
    """

    releases: Mapping[str, Release]
    skew: Mapping[str, SkewRule] = {}
    floors: Mapping[str, Floor] = {}
    definitions: Mapping[str, DefinitionVersions] = {}
    flags: Mapping[str, EnvFlag] = {}
    profiles: Mapping[str, Profiles] = {}
    hubs: Mapping[str, Hub] = {}
    site: Mapping[str, str] = {}

    def release(self, minor: str) -> Release | None:
        """What is known about *minor* (``1.29``), or None."""
        return self.releases.get(minor)

    def minors(self) -> tuple[str, ...]:
        """Every known minor, oldest first."""
        return tuple(sorted(self.releases, key=Version.parse))

    def latest_patch(self, minor: str) -> Version | None:
        """The newest patch release of *minor* that was seen, or None for an unknown minor."""
        found = self.release(minor)
        return Version.parse(found.latest) if found else None

    def supports(self, minor: str, kubernetes: str) -> Support:
        """How Istio *minor* stands to a server that calls itself *kubernetes* (``v1.33.4``).

        ``TOO_OLD`` is below what istioctl of that minor accepts; ``OLDER`` and ``NEWER`` are outside of what was
        tried. ``UNKNOWN`` is an Istio minor that is not in the catalog or a version that can not be read.
        """
        found, have = self.release(minor), minor_of(kubernetes)
        if found is None or have is None:
            return Support.UNKNOWN
        known = found.kubernetes
        if have < pair(known.minimum):
            return Support.TOO_OLD
        if pair(known.supported[0]) <= have <= pair(known.supported[1]):
            return Support.SUPPORTED
        if pair(known.tested[0]) <= have <= pair(known.tested[1]):
            return Support.TESTED
        return Support.NEWER if have > pair(known.supported[1]) else Support.OLDER

    def fault(self, version: Version, part: str = "istiod") -> Fault | None:
        """Why an upgrade should not stop at *version* of *part*, or None."""
        found = self.release(version.series)
        bad = (f for f in found.known_bad if f.part == part) if found else ()
        return next((f for f in bad if str(version) in f.patches), None)

    def unmet(
        self, leaving: Version, entering: str, when: Iterable[str]
    ) -> tuple[tuple[Floor, Version], ...]:
        """Floors that *leaving* is below on its way to minor *entering*, each with the patch release it asks for.

        Args:
            leaving: What runs when the hop begins.
            entering: Minor of the hop's target.
            when: Conditions that hold in the mesh.
        """
        when = frozenset(when)
        asked = [f for f in self.floors.values() if f.entering in {"", entering} and f.when in when]
        oldest = [(f, v) for f in asked for v in map(Version.parse, f.leaving) if v.series == leaving.series]
        return tuple((f, v) for f, v in oldest if leaving < v and entering != leaving.series)

    def served(self, minor: str) -> dict[str, DefinitionVersions]:
        """Name of each CustomResourceDefinition that *minor* has to its versions there."""
        found: dict[str, DefinitionVersions] = {}
        for one in sorted(self.definitions.values(), key=lambda d: pair(d.since)):
            if pair(one.since) <= pair(minor):
                found[one.name] = one
        return found

    def newest(self) -> str:
        """The newest known minor, or empty."""
        return self.minors()[-1] if self.releases else ""

    def ended(self, minor: str, today: date) -> bool:
        """Whether support of *minor* is over; an unknown minor is not."""
        found = self.release(minor)
        return found is not None and found.end_of_life < today

    def supported(self, today: date) -> tuple[str, ...]:
        """The minors that were released before, and are supported on, *today*; oldest first."""
        return tuple(
            m for m in self.minors() if self.releases[m].released <= today <= self.releases[m].end_of_life
        )

    def age(self, today: date, minors: Iterable[str] = ()) -> timedelta:
        """How long ago the entry that was compared most recently was compared, of *minors* or of all."""
        known = [self.releases[m] for m in minors if m in self.releases] or list(self.releases.values())
        return today - max((r.seen for r in known), default=date.min)
