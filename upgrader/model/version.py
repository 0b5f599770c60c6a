"""Istio release numbers and the revision names made of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import total_ordering

_FORM = re.compile(r"^v?(\d+)\.(\d+)(?:\.(\d+))?(?:-([0-9A-Za-z.-]+))?$")
_VARIANTS = ("-distroless", "-debug")
UNNAMED = "default"
"""What istiod calls itself when it was installed without a revision."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """One release such as 1.29.6 or 1.31.0-rc.0; ``patch`` is -1 when only the minor was given."""

    major: int
    minor: int
    patch: int = -1
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read ``1.29``, ``1.29.6``, ``v1.29.6`` or ``1.31.0-rc.0``.

        Raises:
            ValueError: the text is none of these.
        """
        found = _FORM.match(text.strip())
        if not found:
            raise ValueError(f"{text!r} is not a version such as 1.29 or 1.29.6")
        major, minor, patch, pre = found.groups()
        return cls(int(major), int(minor), -1 if patch is None else int(patch), pre or "")

    @classmethod
    def of_tag(cls, tag: str) -> Version | None:
        """The release an image tag names, without its variant; None for ``latest`` and other free tags."""
        for variant in _VARIANTS:
            tag = tag.removesuffix(variant)
        try:
            found = cls.parse(tag)
        except ValueError:
            return None
        return None if found.patch < 0 else found

    @property
    def series(self) -> str:
        """The minor as text: ``1.29``."""
        return f"{self.major}.{self.minor}"

    @property
    def revision(self) -> str:
        """The revision name of this release: dots are not allowed there, so ``1-29-6``."""
        return str(self).replace(".", "-")

    def minors_to(self, other: Version) -> int:
        """How many minors *other* is ahead; negative when it is behind."""
        return (other.major - self.major) * 1000 + other.minor - self.minor

    def _key(self) -> tuple[int, int, int, bool, tuple[tuple[int, int | str], ...]]:
        parts = tuple((0, int(p)) if p.isdigit() else (1, p) for p in re.split(r"[.-]", self.pre) if p)
        return self.major, self.minor, self.patch, not self.pre, parts

    def __lt__(self, other: Version) -> bool:
        return self._key() < other._key()

    def __str__(self) -> str:
        patch = "" if self.patch < 0 else f".{self.patch}"
        return f"{self.major}.{self.minor}{patch}" + (f"-{self.pre}" if self.pre else "")


def revision_suffix(revision: str) -> str:
    """What the names of a revision's objects end in: nothing for an installation without a revision, else ``-REVISION``."""
    return "" if revision in {"", UNNAMED} else f"-{revision}"
