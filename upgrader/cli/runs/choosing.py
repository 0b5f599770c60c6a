"""What is installed with what: the method, the versions on the way, the manifests of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from upgrader.catalog import Catalog
from upgrader.checks.scope import cni_version, gateway_conditions
from upgrader.cli.runs.istioctl import check_hops
from upgrader.cli.runs.rendering import Rendered
from upgrader.host.istioctl import Found
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.finding import Finding
from upgrader.model.playbook import Playbook
from upgrader.model.snapshot import ControlPlane, Snapshot
from upgrader.model.version import Version
from upgrader.planning.route import explicit, route
from upgrader.planning.routes.reach import Reach, reach
from upgrader.planning.routes.rest import rest_of_the_way
from upgrader.playbook.manifests import load_releases

Method = Literal["manifests", "istioctl"]


@dataclass(frozen=True)
class Wish:
    """What was asked for, as ``plan`` and ``apply`` take it.

    Attributes:
        to: Version, minor, or ``next``.
        path: Versions in order; instead of *to*.
        istioctl: Files and folders that ``--istioctl`` names.
        keep: Where manifests that are rendered for a saved plan stay; None for the cache.
        catalog: Folder of a site's own catalog files; empty for none.
        allow: ``CODE`` or ``CODE:OBJECT``.
        reason: Why, for all of *allow*.
        answer: ``ID=yes``, ``ID=no``, or either with ``:TEXT``.
    """

    to: str = "next"
    path: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    playbook: str = "canary"
    manifests: str = ""
    istioctl: tuple[str, ...] = ()
    keep: Path | None = None
    catalog: str = ""
    allow: tuple[str, ...] = ()
    reason: str = ""
    answer: tuple[str, ...] = ()
    valid_for: timedelta | None = None

    @property
    def site(self) -> Path | None:
        """The folder of *catalog*, as plans record it and commands name it: from wherever they are typed."""
        return Path(self.catalog).resolve() if self.catalog else None


def method_of(wish: Wish, playbook: Playbook, folder: Path | None, plane: ControlPlane | None) -> Method:
    """What was said, else what a folder that is there says, else what installed the mesh.

    Args:
        wish: ``--manifests`` says it, and so does ``--istioctl``.
        playbook: Its ``install.method`` says it too.
        folder: With manifests, found without being named.
        plane: What the upgrade starts from.
    """
    if wish.manifests:
        return "manifests"
    if playbook.install.method:
        return playbook.install.method
    if wish.istioctl:
        return "istioctl"
    by_istioctl = plane is not None and plane.installer == "istioctl"
    return "istioctl" if folder is None and by_istioctl else "manifests"


@dataclass(frozen=True)
class Way:
    """How a wish can be reached on the mesh as it is.

    Attributes:
        wish: What was asked for, in numbers.
        here: What runs.
        mesh: Says which Kubernetes and which parts there are.
        catalog: Says what goes with what.
    """

    wish: Wish
    here: Version
    mesh: Snapshot
    catalog: Catalog

    @property
    def reach(self) -> Reach:
        """How far it leads now, and what is left; what the catalog does not know is for a check to refuse."""
        minors = [v.series for v in minors_of(self.here, self.wish)]
        if any(self.catalog.release(m) is None for m in minors):
            return Reach(now=tuple(minors))
        kubernetes = self.mesh.cluster.version
        return reach(self.here.series, minors, kubernetes, self.catalog, cni_version(self.mesh))

    @property
    def findings(self) -> tuple[Finding, ...]:
        """UPG-0113 where it ends before its target."""
        kubernetes = self.mesh.cluster.version
        return tuple(rest_of_the_way(self.here.series, self.reach, kubernetes, self.catalog))

    def targets(self, available: Sequence[Version]) -> tuple[Version, ...]:
        """The versions of the hops that can be done now; the first one alone where not even that can be.

        Raises:
            UpgradeError: as ``route`` and ``explicit``.
        """
        found, wish = self.reach, self.wish
        kept = max(len(found.now), 1)
        if wish.path:
            path = explicit(self.here, [_version(one) for one in wish.path], available, self.catalog)
            near = {self.here.series, *found.now}
            return path if not found.later else tuple(v for v in path if v.series in near) or path[:1]
        asked = None if wish.to == "next" else _version(wish.to)
        if found.later:
            asked = minors_of(self.here, wish)[kept - 1]
        return route(self.here, asked, available, self.catalog, self._floor())

    def _floor(self) -> Version | None:
        """The oldest patch of the running minor that the next one must not be reached without."""
        after = Version(self.here.major, self.here.minor + 1).series
        unmet = self.catalog.unmet(self.here, after, gateway_conditions(self.mesh))
        return max((v for f, v in unmet if f.need == "must"), default=None)


def from_folder(folder: Path | None, way: Way | None) -> Rendered:
    """Manifests that somebody rendered.

    Raises:
        UpgradeError: as ``load_releases``, ``route`` and ``explicit``.
    """
    targets = () if way is None else way.targets(available_in(folder))
    releases = load_releases(folder, targets) if targets and folder is not None else {}
    return Rendered(folder, targets, releases)


def by_catalog(way: Way | None) -> Rendered:
    """Nothing to install: the way over the newest release of each minor that the catalog knows.

    Raises:
        UpgradeError: as ``route`` and ``explicit``.
    """
    if way is None:
        return Rendered(None, (), {})
    newest = [Version.parse(release.latest) for release in way.catalog.releases.values()]
    return Rendered(None, way.targets(newest), {})


def hops_of(way: Way, found: Found) -> tuple[Version, ...]:
    """The versions on the way, of those that there is an istioctl of.

    Raises:
        UpgradeError: UPG-0105 a minor has none, and what ``route`` and ``explicit`` raise.
    """
    try:
        return way.targets(found.versions)
    except UpgradeError as error:
        if error.code == "UPG-0105":
            minors = minors_of(way.here, way.wish)
            check_hops(minors[: max(len(way.reach.now), 1)] if way.reach.later else minors, found)
        raise


def available_in(folder: Path | None) -> list[Version]:
    """Versions that a folder has a sub-folder of."""
    if folder is None or not folder.is_dir():
        return []
    found: list[Version] = []
    for place in folder.iterdir():
        try:
            version = Version.parse(place.name)
        except ValueError:
            continue
        if place.is_dir() and version.patch >= 0:
            found.append(version)
    return sorted(found)


def minors_of(here: Version, wish: Wish) -> list[Version]:
    """The minor of each hop."""
    if wish.path:
        return [_version(one) for one in wish.path]
    goal = Version(here.major, here.minor + 1) if wish.to == "next" else _version(wish.to)
    ahead = here.minors_to(goal) if goal.major == here.major else 0
    return [Version(here.major, here.minor + n) for n in range(1, ahead + 1)]


def _version(text: str) -> Version:
    try:
        return Version.parse(text)
    except ValueError as error:
        raise UpgradeError(
            "UPG-0103",
            f"{text!r} is not a version",
            why="a version is a minor such as 1.29 or a release such as 1.29.6",
            do=("upgrade versions",),
            exit_code=Exit.USAGE,
        ) from error
