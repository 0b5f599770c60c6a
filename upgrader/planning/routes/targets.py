"""Every minor that can be reached from a mesh, with what each needs first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import msgspec

from upgrader.catalog import Catalog
from upgrader.checks.scope import cni_version, gateway_conditions
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version
from upgrader.planning.route import running
from upgrader.planning.routes.reach import reach

_ANY = frozenset({"managed-gateways"})


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """Where an upgrade begins.

    Attributes:
        version: What runs.
        kubernetes: As the server says it, or a minor; empty when nobody said it.
        revision: Of the control plane that runs; empty when no cluster was read.
        conditions: Conditions of floors that hold; None when no cluster was read.
        plugin: Version of istio-cni, where there is one and something says it.
    """

    version: Version
    kubernetes: str = ""
    revision: str = ""
    conditions: frozenset[str] | None = None
    plugin: Version | None = None


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """One minor that can be reached.

    Attributes:
        hops: Minors on the way, itself among them.
        best: The newest patch release that was seen.
        over: Whether support has ended.
        end: ``expected`` while that day was only announced.
        kubernetes: Supported minors, first and last.
        needs: What has to be done first, in order; empty for nothing.
        avoid: Patch releases with a known fault, each with why.
    """

    minor: str
    hops: tuple[str, ...]
    best: str
    end_of_life: date
    over: bool
    end: str
    kubernetes: tuple[str, str]
    needs: tuple[str, ...] = ()
    avoid: dict[str, str] = {}


def start_of(mesh: Snapshot) -> Start | None:
    """Where an upgrade of *mesh* begins, or None when no istiod says its version."""
    plane = running(mesh)
    if plane is None:
        return None
    return Start(
        version=Version.parse(plane.version),
        kubernetes=mesh.cluster.version,
        revision=plane.revision,
        conditions=gateway_conditions(mesh),
        plugin=cni_version(mesh),
    )


def targets(start: Start, catalog: Catalog, today: date) -> tuple[Target, ...]:
    """The running minor, where a newer patch of it is known, and every newer one in order."""
    here = start.version.series
    latest = catalog.latest_patch(here)
    ahead = [m for m in catalog.minors() if Version.parse(here) < Version.parse(m)]
    patch = [here] if latest and latest > start.version else []
    return tuple(_target(start, [], m, catalog, today) for m in patch) + tuple(
        _target(start, ahead[: n + 1], m, catalog, today) for n, m in enumerate(ahead)
    )


def _target(start: Start, path: Sequence[str], minor: str, catalog: Catalog, today: date) -> Target:
    release = catalog.releases[minor]
    return Target(
        minor=minor,
        hops=tuple(path or [minor]),
        best=release.latest,
        end_of_life=release.end_of_life,
        over=catalog.ended(minor, today),
        end=release.end,
        kubernetes=release.kubernetes.supported,
        needs=tuple(_needs(start, path, catalog)),
        avoid={
            patch if fault.part == "istiod" else f"istio-cni {patch}": f"it {fault.why}"
            for fault in release.known_bad
            for patch in fault.patches
        },
    )


def _needs(start: Start, path: Sequence[str], catalog: Catalog) -> Iterator[str]:
    if not path:
        return
    known = start.conditions
    for floor, oldest in catalog.unmet(start.version, path[0], _ANY if known is None else known):
        if floor.need == "must":
            yield f"{oldest} or later" + (", where istiod runs Gateways" if known is None else "")
    found = reach(start.version.series, path, start.kubernetes, catalog, start.plugin)
    if found.first:
        yield f"Kubernetes {found.first}"
    for stage in found.later:
        told = [f"Kubernetes {stage.kubernetes}"] if stage.kubernetes else []
        told += ["istio-cni to follow"] if stage.plugin else []
        yield f"{' and '.join(told) or 'a Kubernetes that serves it'} before {stage.minors[0]}"
