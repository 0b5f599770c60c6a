"""Reading the catalog, strictly; a site may lay its own entries over ours."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from upgrader.catalog.entries import (
    DefinitionVersions,
    EnvFlag,
    Floor,
    Hub,
    Profiles,
    Release,
    SkewRule,
)
from upgrader.catalog.query import Catalog, minor_of
from upgrader.model.errors import Exit, UpgradeError
from upgrader.model.said_once import once_loader
from upgrader.model.version import Version

ADVISORIES = "advisories"
"""Folder in a catalog with a file for each minor; read by ``catalog.advisories``."""
Decoded = TypeVar("Decoded")
_DATA = Path(__file__).with_name("data")
_ENTRY = re.compile(r"\$\.(\w+)\[(\d+)\]")
_NAMES = ("id", "name", "minor", "part", "hub")


class _Kind(msgspec.Struct, frozen=True):
    """One file of the catalog: the list in it, what its entries are, and what tells them apart."""

    name: str
    entry: type
    key: Callable[[Any], str]
    minors: Callable[[Any], tuple[str, ...]] = lambda _: ()
    """Texts of an entry that must be minors."""


FILES: Mapping[str, _Kind] = {
    "releases.yaml": _Kind(
        "releases",
        Release,
        lambda e: e.minor,
        lambda e: (e.minor, e.kubernetes.minimum, *e.kubernetes.supported, *e.kubernetes.tested),
    ),
    "skew.yaml": _Kind("skew", SkewRule, lambda e: e.part),
    "floors.yaml": _Kind(
        "floors", Floor, lambda e: e.id, lambda e: (*e.leaving, *((e.entering,) if e.entering else ()))
    ),
    "definitions.yaml": _Kind(
        "definitions", DefinitionVersions, lambda e: f"{e.name} {e.since}", lambda e: (e.since,)
    ),
    "env.yaml": _Kind(
        "flags",
        EnvFlag,
        lambda e: f"{e.name} {e.removed}",
        lambda e: (e.removed, *((e.back,) if e.back else ())),
    ),
    "profiles.yaml": _Kind("profiles", Profiles, lambda e: e.minor, lambda e: (e.minor, *e.behaves)),
    "hubs.yaml": _Kind("hubs", Hub, lambda e: e.hub, lambda e: (e.last,)),
}
"""File name to what is in it; the name of the list is that of the catalog's field, ``rules`` for ``skew``."""


@cache
def load_catalog(folder: Path | None = None) -> Catalog:
    """What is known about Istio; entries of the files of *folder* replace ours, key by key.

    Read once per folder and process.

    Raises:
        UpgradeError: UPG-0003 the folder has no file of the catalog or one of another name, or a file is unreadable, or
            has an unknown key or a wrong value.
    """
    known = {kind.name: _read(_DATA / name, kind) for name, kind in FILES.items()}
    for file in _files(folder) if folder is not None else ():
        kind = FILES[file.name]
        known[kind.name] |= _read(file, kind)
    return Catalog(**known, site=site_digests(folder) if folder is not None else {})


def site_digests(folder: Path) -> dict[str, str]:
    """SHA-256 (hex) of every file of a site's folder, by its name in a plan: ``catalog/advisories/1.28.yaml``.

    Raises:
        UpgradeError: UPG-0003 the folder or a file cannot be read, or has a name that no file of a catalog has.
    """
    try:
        return {
            f"catalog/{file.relative_to(folder)}": sha256(file.read_bytes()).hexdigest()
            for file in (*_files(folder), *_advisories(folder))
        }
    except OSError as error:
        raise unusable(folder, error.strerror or "can not be read") from error


def _files(folder: Path) -> list[Path]:
    """The files of a site's folder, without its advisories."""
    try:
        found = _yaml(folder)
    except OSError as error:
        raise unusable(folder, error.strerror or "can not be read") from error
    for file in found:
        if file.name not in FILES:
            near = difflib.get_close_matches(file.name, FILES, 1)
            meant = f"did you mean {near[0]}?" if near else f"files are {', '.join(FILES)}"
            raise unusable(file, f"the catalog has no file of that name; {meant}")
    if not found and not _advisories(folder):
        raise unusable(
            folder / "releases.yaml", f"it has none of {', '.join(FILES)}, and no {ADVISORIES}/MINOR.yaml"
        )
    return found


def _advisories(folder: Path) -> list[Path]:
    """One file for each minor."""
    place = folder / ADVISORIES
    found = _yaml(place) if place.is_dir() else []
    for file in found:
        if file.suffix != ".yaml" or minor_of(file.stem) is None:
            raise unusable(
                file, "advisories are in files that are named after the minor one moves onto: 1.28.yaml"
            )
    return found


def _yaml(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if p.suffix in {".yaml", ".yml"})


def site_flag(folder: Path | str | None) -> str:
    """`` --catalog DIR`` for a command that is to know the site's own catalog; empty where there is none."""
    return f" --catalog {shlex.quote(str(folder))}" if folder else ""


def decoded(file: Path, kind: type[Decoded]) -> Decoded:
    """*file* as a value of *kind*.

    Raises:
        UpgradeError: UPG-0003 it cannot be read, has a key twice, an unknown one, or a wrong value.
    """
    import yaml

    found: Any = None
    try:
        found = yaml.load(file.read_bytes(), Loader=once_loader())  # noqa: S506  a safe loader
        return msgspec.convert(found, kind)
    except OSError as error:
        raise unusable(file, error.strerror or "can not be read") from error
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise unusable(file, _named(found, " ".join(str(error).split()))) from error


def _named(found: Any, message: str) -> str:
    """The decoder tells the number of an entry; people know what it is called."""
    place = _ENTRY.search(message)
    try:
        entry = found[place[1]][int(place[2])] if place else {}
        name = next((entry[key] for key in _NAMES if key in entry), "")
    except (KeyError, IndexError, TypeError):
        return message
    return f"{name}: {message}" if name else message


def _read(file: Path, kind: _Kind) -> dict[str, Any]:
    whole: Any = decoded(file, _document(kind))
    entries: dict[str, Any] = {}
    for entry in getattr(whole, _list_of(kind)):
        _check(entry, kind, file)
        if entries.setdefault(kind.key(entry), entry) is not entry:
            raise unusable(file, f"{kind.key(entry)} is there twice")
    return entries


def _list_of(kind: _Kind) -> str:
    return "rules" if kind.name == "skew" else kind.name


@cache
def _document(kind: _Kind) -> type:
    """What a whole file decodes into."""
    return msgspec.defstruct(
        f"{kind.entry.__name__}File",
        [("schema", Literal[1]), (_list_of(kind), tuple[kind.entry, ...])],  # type: ignore[name-defined]
        frozen=True,
        kw_only=True,
        forbid_unknown_fields=True,
    )


def _check(entry: Any, kind: _Kind, file: Path) -> None:
    """Every version text can be read, so that questions never fail later."""
    name = kind.key(entry)
    odd = next((text for text in kind.minors(entry) if minor_of(text) is None), None)
    if odd is not None:
        raise unusable(file, f"{name}: {odd!r} is not a minor such as 1.29")
    if not entry.source:
        raise unusable(file, f"{name} names no source")
    if isinstance(entry, Floor):
        _releases(entry.leaving, name, file)
    if isinstance(entry, Release):
        patches = (entry.latest, *(p for fault in entry.known_bad for p in fault.patches))
        for text, version in zip(patches, _releases(patches, name, file), strict=True):
            if version.series != entry.minor:
                raise unusable(file, f"{text} is not a release of {entry.minor}")


def _releases(texts: tuple[str, ...], name: str, file: Path) -> list[Version]:
    try:
        return [Version.parse(text) for text in texts]
    except ValueError as error:
        raise unusable(file, f"{name}: {error}") from error


def unusable(file: Path | str, *reasons: str) -> UpgradeError:
    """UPG-0003: what is the matter with a file, one of ours or one of a site."""
    ours = isinstance(file, Path) and file.is_relative_to(_DATA)
    return UpgradeError(
        "UPG-0003",
        f"the catalog file {file} is not usable",
        what=reasons,
        why="what is not understood is not believed: a version that is wrongly called safe, or silence, costs an outage",
        do=("install upgrade again",) if ours else ("correct that file, or run without it",),
        exit_code=Exit.CONFIG,
    )
