"""Reading the advisories, strictly, one minor at a time; a site may lay its own entries over ours."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from upgrader.catalog.advisory import UNSET, AdvisoriesFile, Advisory, Detector, Pattern
from upgrader.catalog.load import ADVISORIES, decoded, unusable
from upgrader.catalog.paths import PathError, compiled
from upgrader.model.snapshot.documented import DOCUMENTED

_DATA = Path(__file__).with_name("data")
TESTS = (
    "exists", "empty", "equals", "differs", "among", "outside", "matches", "contains", "below", "at_least", "above",
    "longer",
)  # fmt: skip
VIEWS = frozenset({
    "Workload", "IstiodEnv", "ProxyEnv", "CniEnv", "MeshConfig", "InjectorValues", "InstallValues", "Proxy",
    "ControlPlane", "Cluster",
})  # fmt: skip
"""Kinds that no API server serves; made in ``checks.advisories.views``."""
KUBERNETES = frozenset(kind.kind for kind in DOCUMENTED) | {
    "CustomResourceDefinition", "MutatingWebhookConfiguration", "Namespace", "ValidatingWebhookConfiguration",
}  # fmt: skip
"""Kinds that a snapshot has something of; how much of each is told in ``survey.documents``."""
_GROUPED = re.compile(r"^[A-Z]\w+\.([a-z0-9.-]+\.)?(istio\.io|k8s\.io|sailoperator\.io|cert-manager\.io)$")
_ID = re.compile(r"^(\d+\.\d+)-[a-z0-9]+([-.][a-z0-9]+)*$")
_SELECTOR = re.compile(r"^!?[\w./-]+$|^[\w./-]+\s*(=|==|!=)\s*[\w.-]*$")
_NUMBERS = re.compile(r"^v?\d+\.\d+(\.\d+)?(-[\w.]+)?$")


@cache
def advisories_of(minor: str, folder: Path | None = None) -> tuple[Advisory, ...]:
    """What changes when one moves onto *minor*, as the file says it; those of *folder* replace ours by id.

    A minor without a file has none. Read once per file and process.

    Raises:
        UpgradeError: UPG-0003 a file has an unknown key or a wrong value.
    """
    found = {a.id: a for a in _read(_DATA / ADVISORIES / f"{minor}.yaml")}
    if folder is not None:
        found |= {a.id: a for a in _read(folder / ADVISORIES / f"{minor}.yaml")}
    return tuple(found.values())


def minors_with_advisories(folder: Path | None = None) -> tuple[str, ...]:
    """Every minor that has a file, oldest first."""
    places = [_DATA / ADVISORIES, *([folder / ADVISORIES] if folder else [])]
    found = {file.stem for place in places for file in place.glob("*.yaml")}
    return tuple(sorted(found, key=lambda minor: [int(n) for n in re.findall(r"\d+", minor)]))


def advisory(id_: str, folder: Path | None = None) -> Advisory | None:
    """The advisory of that id (in any case), or None."""
    wanted = id_.strip().lower()
    return next((a for a in advisories_of(wanted.partition("-")[0], folder) if a.id == wanted), None)


def near_ids(id_: str, among: Collection[str]) -> tuple[str, ...]:
    """Ids of *among* that somebody may have meant who typed *id_*; the nearest first."""
    bare = {one.partition("-")[2]: one for one in among}
    found = [*get_close_matches(id_, among, n=3, cutoff=0.6)]
    found += [bare[b] for b in get_close_matches(id_.partition("-")[2] or id_, bare, n=2, cutoff=0.7)]
    return tuple(dict.fromkeys(found))[:3]


def _read(file: Path) -> tuple[Advisory, ...]:
    if not file.is_file():
        return ()
    found = decoded(file, AdvisoriesFile).advisories
    seen: set[str] = set()
    for one in found:
        trouble = [*_entry(one, file.stem), *(["its id is used twice"] if one.id in seen else [])]
        seen.add(one.id)
        if trouble:
            raise unusable(file, *(f"{one.id}: {text}" for text in trouble))
    return found


def _entry(one: Advisory, minor: str) -> Iterator[str]:
    form = _ID.match(one.id)
    if form is None:
        yield "an id is a minor and words with dashes, such as 1.13-port-22"
    elif form[1] != minor:
        yield f"its id belongs into {form[1]}.yaml"
    if one.undetectable and (one.detect or one.ask):
        yield "undetectable goes with neither detect nor ask"
    if not (one.undetectable or one.detect or one.ask):
        yield "one of detect, ask and undetectable is needed"
    if one.certain and not one.detect:
        yield "only what a detector saw is certain"
    if not one.source or not all(len(text) > 5 for text in one.source):
        yield "names no source"
    if not one.do and not one.undetectable:
        yield "says nothing to do"
    if "\n" in one.title or one.title.endswith(".") or not one.title:
        yield "a title is one line without a full stop"
    for number, detector in enumerate(one.detect):
        yield from (f"detect[{number}]: {text}" for text in _detector(detector))


def _detector(one: Detector) -> Iterator[str]:
    if one.check:
        if one != Detector(check=one.check):
            yield "a named check stands alone"
        return
    yield from _question(one)
    for field, patterns in (("also", one.also), ("unless", one.unless)):
        for number, pattern in enumerate(patterns):
            yield from (f"{field}[{number}]: {text}" for text in _question(pattern))


def _question(one: Pattern) -> Iterator[str]:
    if one.kind not in VIEWS | KUBERNETES and not _GROUPED.match(one.kind):
        yield f"kind {one.kind!r} is none: kinds of Istio and the Gateway API have their group (Gateway.networking.istio.io)"
    if one.injected is not UNSET and one.kind != "Workload":
        yield "only a Workload is injected or not"
    for part in one.selector.split(",") if one.selector else ():
        if not _SELECTOR.match(part.strip()):
            yield f"selector {part!r} is not key=value, key!=value, key or !key"
    yield from _test(one)


def _test(one: Pattern) -> Iterator[str]:
    said = [name for name in TESTS if getattr(one, name) is not UNSET]
    if len(said) > 1:
        yield f"{' and '.join(said)}: one test is asked at a time, further ones stand in where"
    try:
        compiled(one.path)
    except PathError as error:
        yield f"path {error}"
    if isinstance(one.matches, str):
        try:
            re.compile(one.matches)
        except re.error as error:
            yield f"matches {one.matches!r}: {error}"
    for text in (one.below, one.at_least):
        if isinstance(text, str) and not _NUMBERS.match(text):
            yield f"{text!r} is not a version such as 1.24 or v1.1.0"
    for number, inner in enumerate(one.where):
        if inner.kind or inner.name or inner.namespace or inner.selector or inner.injected is not UNSET:
            yield f"where[{number}]: it is asked of the same value, so kind, name, namespace, selector and injected stay empty"
        yield from (f"where[{number}]: {text}" for text in _test(inner))
