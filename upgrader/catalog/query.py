"""Questions to the catalog. Pure: the catalog was read before, and today is an argument."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from enum import Enum
from typing import Literal

import msgspec

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


class KubernetesRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Kubernetes minors, each pair first and last.

    Attributes:
        supported: The project helps with problems there.
        tested: It was tried there, nothing is promised.
        minimum: istioctl of that Istio minor objects below it.
    """

    supported: tuple[str, str]
    tested: tuple[str, str]
    minimum: str


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Patch releases that an upgrade should not stop at."""

    patches: tuple[str, ...]
    why: str
    source: str


class Release(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One Istio minor.

    Attributes:
        minor: ``1.29``.
        end_of_life: Last day of support.
        end: ``expected`` while that day lies ahead and was only announced.
        latest: The newest patch release that was seen.
        source: Upstream paths or pages that the entry was read from.
        seen: When it was last compared with them.
    """

    minor: str
    released: date
    end_of_life: date
    kubernetes: KubernetesRange
    latest: str
    source: tuple[str, ...]
    seen: date
    end: Literal["known", "expected"] = "known"
    known_bad: tuple[Fault, ...] = ()


def minor_of(text: str) -> tuple[int, int] | None:
    """Major and minor of a version text such as ``v1.33.4-eks-1``; None when it has none."""
    found = _MINOR.match(text.strip())
    return (int(found[1]), int(found[2])) if found else None


class Catalog(msgspec.Struct, frozen=True):
    """Every release that is known, by minor."""

    releases: Mapping[str, Release]

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
        if have < _pair(known.minimum):
            return Support.TOO_OLD
        if _pair(known.supported[0]) <= have <= _pair(known.supported[1]):
            return Support.SUPPORTED
        if _pair(known.tested[0]) <= have <= _pair(known.tested[1]):
            return Support.TESTED
        return Support.NEWER if have > _pair(known.supported[1]) else Support.OLDER

    def fault(self, version: Version) -> Fault | None:
        """Why an upgrade should not stop at *version*, or None."""
        found = self.release(version.series)
        return next((f for f in found.known_bad if str(version) in f.patches), None) if found else None

    def ended(self, minor: str, today: date) -> bool:
        """Whether support of *minor* is over; an unknown minor is not."""
        found = self.release(minor)
        return found is not None and found.end_of_life < today

    def supported(self, today: date) -> tuple[str, ...]:
        """The minors that were released before, and are supported on, *today*; oldest first."""
        return tuple(
            m for m in self.minors() if self.releases[m].released <= today <= self.releases[m].end_of_life
        )

    def age(self, today: date) -> timedelta:
        """How long ago the entry that was compared most recently was compared."""
        newest = max((r.seen for r in self.releases.values()), default=date.min)
        return today - newest


def _pair(minor: str) -> tuple[int, int]:
    found = minor_of(minor)
    assert found is not None, minor  # load_catalog lets no other text in
    return found
