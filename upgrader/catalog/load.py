"""Reading the catalog, strictly; a site may lay its own entries over ours."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from upgrader.catalog.query import Catalog, Release, minor_of
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.version import Version

CODE = "UPG-0003"
FILE = "releases.yaml"
_DATA = Path(__file__).with_name("data")


class ReleasesFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``releases.yaml`` decodes into."""

    schema: Literal[1]
    releases: tuple[Release, ...]


@cache
def load_catalog(folder: Path | None = None) -> Catalog:
    """What is known about Istio; entries of *folder*/releases.yaml replace ours, minor by minor.

    Read once per folder and process.

    Raises:
        UpgradeError: UPG-0003 the file of *folder* is missing, unreadable, or has an unknown key or a wrong value.
    """
    known = {r.minor: r for r in _read(_DATA / FILE).releases}
    if folder is not None:
        known |= {r.minor: r for r in _read(folder / FILE).releases}
    return Catalog(known)


def _read(file: Path) -> ReleasesFile:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        found = yaml.load(file.read_bytes(), Loader=loader)  # noqa: S506  a safe loader, in C when there is one
        decoded = msgspec.convert(found, ReleasesFile)
    except OSError as error:
        raise _wrong(file, error.strerror or "can not be read") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise _wrong(file, " ".join(str(error).split())) from error
    for release in decoded.releases:
        _check(release, file)
    return decoded


def _check(release: Release, file: Path) -> None:
    """Every version text can be read, so that questions never fail later."""
    known = release.kubernetes
    minors = (release.minor, known.minimum, *known.supported, *known.tested)
    odd = next((text for text in minors if minor_of(text) is None), None)
    if odd is not None:
        raise _wrong(file, f"{release.minor}: {odd!r} is not a minor such as 1.29")
    for text in (release.latest, *(p for fault in release.known_bad for p in fault.patches)):
        try:
            series = Version.parse(text).series
        except ValueError as error:
            raise _wrong(file, f"{release.minor}: {error}") from error
        if series != release.minor:
            raise _wrong(file, f"{text} is not a release of {release.minor}")
    if not release.source:
        raise _wrong(file, f"{release.minor} names no source")


def _wrong(file: Path, reason: str) -> UpgradeError:
    return UpgradeError(
        CODE,
        f"the catalog file {file} is not usable",
        what=(reason,),
        why="what is not understood is not believed: a version that is wrongly called safe costs an outage",
        do=("correct that file, or run without it",),
        exit_code=Exit.CONFIG,
    )
