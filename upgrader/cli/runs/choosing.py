"""What is installed with what: the method, the versions on the way, the manifests of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Literal

from upgrader.cli.runs.istioctl import check_hops
from upgrader.cli.runs.rendering import Rendered
from upgrader.host.istioctl import Found
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.playbook import Playbook
from upgrader.model.snapshot import ControlPlane
from upgrader.model.version import Version
from upgrader.planning.route import explicit, route
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
    allow: tuple[str, ...] = ()
    reason: str = ""
    answer: tuple[str, ...] = ()
    valid_for: timedelta | None = None


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


def from_folder(folder: Path | None, plane: ControlPlane | None, wish: Wish) -> Rendered:
    """Manifests that somebody rendered.

    Raises:
        UpgradeError: as ``load_releases``, ``route`` and ``explicit``.
    """
    targets = () if plane is None else targets_of(Version.parse(plane.version), wish, available_in(folder))
    releases = load_releases(folder, targets) if targets and folder is not None else {}
    return Rendered(folder, targets, releases)


def hops_of(here: Version, wish: Wish, found: Found) -> tuple[Version, ...]:
    """The versions on the way, of those that there is an istioctl of.

    Raises:
        UpgradeError: UPG-0105 a minor has none, and what ``route`` and ``explicit`` raise.
    """
    try:
        return targets_of(here, wish, found.versions)
    except UpgradeError as error:
        if error.code == "UPG-0105":
            check_hops(_minors(here, wish), found)
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


def targets_of(here: Version, wish: Wish, available: Sequence[Version]) -> tuple[Version, ...]:
    """The versions on the way, of those that are *available*.

    Raises:
        UpgradeError: as ``route`` and ``explicit``.
    """
    if wish.path:
        return explicit(here, [_version(one) for one in wish.path], available)
    return route(here, None if wish.to == "next" else _version(wish.to), available)


def _minors(here: Version, wish: Wish) -> list[Version]:
    """The minor of each hop."""
    if wish.path:
        return [_version(one) for one in wish.path]
    ahead = 1 if wish.to == "next" else here.minors_to(_version(wish.to))
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
