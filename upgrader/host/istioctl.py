"""istioctl on this machine: found, asked who it is, and never run again if the file has changed since."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from upgrader.host.process import Ended, Process, bare_environment, own_environment, run
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.installing import Binary, Origin
from upgrader.model.version import Version

ASKING = 30.0
"""Seconds for a question that no cluster has to answer."""
_NAME = re.compile(r"istioctl(-v?\d+\.\d+(\.\d+)?(-[0-9A-Za-z.-]+)?)?")
_SETTINGS = ("ISTIOCTL_", "ISTIOCONFIG")
"""Variables by which istioctl takes other defaults than those of its release."""
Place = tuple[Path, Origin]


@dataclass(frozen=True)
class Found:
    """What there is.

    Attributes:
        binaries: One for each release, the first by order of places.
        passed_over: Files that were no istioctl of a release, each with why.
    """

    binaries: tuple[Binary, ...] = ()
    passed_over: tuple[str, ...] = ()

    def of(self, version: Version) -> Binary | None:
        """The one of *version*, exactly."""
        return next((b for b in self.binaries if b.version == str(version)), None)

    @property
    def versions(self) -> tuple[Version, ...]:
        """Every release that there is one of, the oldest first."""
        return tuple(sorted(Version.parse(b.version) for b in self.binaries))

    @property
    def newest(self) -> Binary | None:
        """The one of the newest release."""
        return max(self.binaries, key=lambda b: Version.parse(b.version), default=None)


def places(option: Sequence[str], configured: str, cache: Path) -> Iterator[Place]:
    """Every file that may be one: named ones first, then ``CACHE/VERSION/istioctl``, then PATH.

    Raises:
        UpgradeError: UPG-0108: a file or folder that was named is not there, or holds none.
    """
    for origin, names in (("option", option), ("configuration", (configured,) if configured else ())):
        for name in names:
            yield from ((place, origin) for place in _named(Path(name).expanduser()))  # type: ignore[misc]
    yield from ((place, "cache") for place in sorted(cache.glob("*/istioctl")))
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if folder and Path(folder).is_dir():
            yield from ((place, "path") for place in _inside(Path(folder)))


def _named(path: Path) -> list[Path]:
    found = [*_inside(path), *sorted(path.glob("*/istioctl"))] if path.is_dir() else [path]
    if not found or not found[0].is_file():
        what = "it holds no file istioctl or istioctl-VERSION" if path.is_dir() else "there is no such file"
        raise not_istioctl(str(path), what)
    return found


def _inside(folder: Path) -> list[Path]:
    return sorted(p for p in folder.glob("istioctl*") if _NAME.fullmatch(p.name) and p.is_file())


def find(candidates: Iterator[Place], *, seconds: float = ASKING) -> Found:
    """Ask each of *candidates* which release it is of; the first of each release counts.

    Raises:
        UpgradeError: UPG-0108: a file that somebody named is none.
    """
    seen: set[Path] = set()
    binaries: dict[str, Binary] = {}
    passed: list[str] = []
    for place, origin in candidates:
        real = place.resolve()
        if real in seen:
            continue
        seen.add(real)
        asked = identify(real, origin, seconds=seconds)
        if isinstance(asked, Binary):
            binaries.setdefault(asked.version, asked)
        elif origin in {"option", "configuration"}:
            raise not_istioctl(str(place), asked)
        else:
            passed.append(f"{place}: {asked}")
    return Found(tuple(sorted(binaries.values(), key=lambda b: Version.parse(b.version))), tuple(passed))


def identify(path: Path, origin: Origin, *, seconds: float = ASKING) -> Binary | str:
    """Which release the file is of, by its own JSON; or why that cannot be told."""
    try:
        digest = _digest(path)
        with tempfile.TemporaryDirectory() as home:
            words = [str(path), "version", "--remote=false", "-o", "json"]
            ended = run(words, bare_environment(Path(home)), seconds=seconds)
    except OSError as error:
        return error.strerror or "it cannot be run"
    if ended.failed:
        return ended.failed
    try:
        told = json.loads(ended.out)["clientVersion"]["version"]
        version = Version.parse(told)
    except (ValueError, KeyError, TypeError):
        return "it does not say its version as JSON"
    if version.patch < 0:
        return f"it says {told}, which is no release"
    return Binary(version=str(version), path=str(path), sha256=digest, origin=origin)


def start(
    binary: Binary, words: Sequence[str], *, seconds: float, home: Path | None, kubeconfig: str = ""
) -> Process:
    """Run it, if it is still the file that was looked at.

    Args:
        binary: Which one.
        words: Its arguments.
        seconds: Deadline.
        home: Stands for the user's home, where nothing of the user is wanted; None runs it as this user.
        kubeconfig: Files, as in ``$KUBECONFIG``; empty leaves it to the environment.

    Raises:
        UpgradeError: UPG-0108: the file has changed, or cannot be run.
    """
    try:
        digest = _digest(Path(binary.path))
        if digest != binary.sha256:
            told = (
                f"SHA-256 {digest[:12]}, it was {binary.sha256[:12]} when it said that it is {binary.version}"
            )
            raise not_istioctl(binary.path, told)
        environment = bare_environment(home) if home else own_environment(_SETTINGS)
        environment |= {"KUBECONFIG": kubeconfig} if kubeconfig else {}
        return Process([binary.path, *words], environment, seconds=seconds)
    except OSError as error:
        raise not_istioctl(binary.path, error.strerror or "it cannot be run") from error


def ask(
    binary: Binary, words: Sequence[str], *, seconds: float, home: Path, stopped: Callable[[], object]
) -> Ended:
    """Run it to its end, away from this user's settings and credentials.

    Raises:
        UpgradeError: UPG-0108.
        KeyboardInterrupt: *stopped* said so.
    """
    with start(binary, words, seconds=seconds, home=home) as process:
        return process.finish(stopped)


def not_istioctl(path: str, what: str) -> UpgradeError:
    """UPG-0108: what is there is not what it should be."""
    return UpgradeError(
        "UPG-0108",
        f"{path} is not an istioctl that can be trusted",
        what=(what,),
        why="a hop is rendered by the istioctl of its own version, and by the very file that was looked at",
        do=(f"{path} version --remote=false -o json", "upgrade versions      # what is found, and where"),
        exit_code=Exit.BLOCKED,
    )


def _digest(path: Path) -> str:
    found = sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            found.update(piece)
    return found.hexdigest()
