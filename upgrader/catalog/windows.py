"""Kubernetes minors on which a whole chain of Istio minors may run."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from upgrader.catalog.query import Catalog, Support, minor_of, pair

_OUTSIDE = frozenset({Support.TOO_OLD, Support.OLDER})


class Window(msgspec.Struct, frozen=True):
    """Kubernetes minors, first and last.

    Attributes:
        supported: Every one of the Istio minors supports them; else at least one was only tried there.
    """

    first: str
    last: str
    supported: bool

    def __str__(self) -> str:
        return self.first if self.first == self.last else f"{self.first} to {self.last}"


def runs_on(catalog: Catalog, minor: str, kubernetes: str) -> bool:
    """Whether Istio *minor* may be moved to on that server: supported, tested, or newer than anybody tried.

    A server cannot be taken back, so one that is newer than an Istio minor is left by going on. What is not known is
    said by checks.
    """
    return catalog.supports(minor, kubernetes) not in _OUTSIDE


def window(catalog: Catalog, minors: Sequence[str], above: str = "") -> Window | None:
    """The Kubernetes minors that each of *minors* supports, or else was tested on; None when there is none.

    Args:
        catalog: Knows the minors; unknown ones say nothing.
        minors: Istio minors that run there, together or one after the other.
        above: The server as it is; it is never taken back.
    """
    known = [r.kubernetes for m in minors if (r := catalog.release(m))]
    if not known:
        return None
    least = minor_of(above) or (0, 0)
    last = min(pair(k.supported[1]) for k in known)
    oldest = [max(pair(k.supported[0]), pair(k.minimum)) for k in known]
    tried = [max(min(pair(k.tested[0]), pair(k.supported[0])), pair(k.minimum)) for k in known]
    for supported, firsts in ((True, oldest), (False, tried)):
        first = max(*firsts, least)
        if first <= last:
            return Window(_text(first), _text(last), supported)
    return None


def _text(minor: tuple[int, int]) -> str:
    return f"{minor[0]}.{minor[1]}"
