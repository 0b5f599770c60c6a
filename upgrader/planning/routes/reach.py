"""Where a route must end because Kubernetes, or a part that exists once, does not go further with it."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from upgrader.catalog import Catalog, Window, runs_on, window
from upgrader.model.version import Version


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of the way that is left: what has to be done first, and the minors that can be reached then.

    Attributes:
        kubernetes: What Kubernetes must be; None where it may stay.
        plugin: Whether the node plugin has to follow.
        minors: Istio minors, in order.
    """

    kubernetes: Window | None
    plugin: bool = False
    minors: tuple[str, ...]


class Reach(msgspec.Struct, frozen=True, kw_only=True):
    """How far a route leads.

    Attributes:
        now: The minors that can be reached on the cluster as it is, in order.
        later: What is left; empty when everything can be reached now.
        first: Kubernetes minors that serve every hop, where the present one does not; then nothing has to be done in
            between, and the whole route waits for that.
    """

    now: tuple[str, ...]
    later: tuple[Stage, ...] = ()
    first: Window | None = None


def reach(
    running: str, minors: Sequence[str], kubernetes: str, catalog: Catalog, plugin: Version | None = None
) -> Reach:
    """How far *minors* can be reached.

    While a hop is under way both of its minors run, so Kubernetes must serve both, and it is never taken back. It counts
    as served where the minor supports it or was tried on it, or came out before it.

    Args:
        running: Minor that runs.
        minors: Minors of the hops, in order, without a gap; a hop within one minor names it again.
        kubernetes: The server's version, as it says it.
        catalog: What is known.
        plugin: Version of Istio's node plugin, where the mesh has one whose version is known.
    """
    cap = _cap(plugin, catalog)
    good = [runs_on(catalog, m, kubernetes) for m in minors]
    kept = good.index(False) if False in good else len(minors)
    near = [m for m in minors if cap is None or Version.parse(m) <= cap]
    first = window(catalog, [running, *minors], kubernetes) if kept < len(minors) else None
    if first is not None:
        kept = len(minors)
    capped = len(near) < kept
    kept = min(kept, len(near))
    now = tuple(minors[:kept])
    here = now[-1] if now else running
    left = _stages(here, minors[kept:], kubernetes, catalog, fits=capped and first is None)
    if capped and left:
        left = (msgspec.structs.replace(left[0], plugin=True), *left[1:])
    return Reach(now=now, later=left, first=first)


def _cap(plugin: Version | None, catalog: Catalog) -> Version | None:
    """The newest minor of istiod that the plugin goes with."""
    rule = catalog.skew.get("cni")
    if plugin is None or rule is None:
        return None
    return Version(plugin.major, plugin.minor + rule.behind)


def _stages(
    here: str, minors: Sequence[str], kubernetes: str, catalog: Catalog, *, fits: bool
) -> tuple[Stage, ...]:
    """The fewest stretches, each as long as one Kubernetes minor can serve it.

    Args:
        here: Minor that runs when the first stretch begins.
        minors: What is left.
        kubernetes: Version of the server then.
        catalog: What is known.
        fits: Whether the server may stay as it is for the first stretch.
    """
    found: list[Stage] = []
    while minors:
        length, served = _longest(here, minors, kubernetes, catalog)
        if fits and all(runs_on(catalog, m, kubernetes) for m in minors[:length]):
            served = None
        found.append(Stage(kubernetes=served, minors=tuple(minors[:length])))
        here, kubernetes = minors[length - 1], served.first if served else kubernetes
        minors, fits = minors[length:], False
    return tuple(found)


def _longest(
    here: str, minors: Sequence[str], kubernetes: str, catalog: Catalog
) -> tuple[int, Window | None]:
    """How many of *minors* one Kubernetes serves, at least one, and which ones do; None where none is known."""
    best: tuple[int, Window | None] = (1, window(catalog, [here, minors[0]], kubernetes))
    for length in range(1, len(minors) + 1):
        found = window(catalog, [here, *minors[:length]], kubernetes)
        if found is None:
            break
        best = (length, found)
    return best
