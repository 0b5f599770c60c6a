from __future__ import annotations

from collections.abc import Iterator, Mapping

import yaml

from upgrader.catalog.entries import EnvFlag
from upgrader.checks.context import Context
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version

_CONFIG = "proxy.istio.io/config"


def env_flags(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report environment variables that somebody set and that a minor on the path does not read any more.

    Only those that no note of a release names; advisories tell about the others. One finding a hop.
    """
    places = list(_set(mesh, context))
    for number, target in enumerate(context.path[1:], start=1):
        gone = [
            (flag, where, value)
            for flag in context.catalog.flags.values()
            for part, where, values in places
            if flag.part == part
            and (value := values.get(flag.name)) is not None
            and _ends(flag, context.path[number - 1], target)
        ]
        if gone:
            yield _finding(number, target, gone)


def _ends(flag: EnvFlag, old: Version, new: Version) -> bool:
    """Whether it is on this hop that nobody reads it any more."""
    return Version.parse(old.series) < Version.parse(flag.removed) <= Version.parse(new.series)


def _set(mesh: Snapshot, context: Context) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """Who reads it, where it stands, and every variable that is set there."""
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is not None:
            yield "istiod", str(plane.ref), plane.env
        yield (
            "proxy",
            f"mesh configuration of {revision}",
            _metadata(mesh.mesh_configs.get(revision, {}).get("defaultConfig")),
        )
    for workload in mesh.workloads:
        text = workload.template_annotations.get(_CONFIG, "")
        if "proxyMetadata" in text:
            yield "proxy", str(workload.ref), _metadata(_read(text))


def _read(text: str) -> object:
    try:
        found: object = yaml.safe_load(text)
    except yaml.YAMLError:
        return {}
    return found


def _metadata(config: object) -> Mapping[str, object]:
    found = config.get("proxyMetadata") if isinstance(config, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _finding(number: int, target: Version, gone: list[tuple[EnvFlag, str, object]]) -> Finding:
    names = sorted({flag.name for flag, _, _ in gone})
    source = gone[0][0]
    return Finding(
        code="UPG-0116",
        severity=Severity.ADVISORY,
        subject=f"environment of {target.series}",
        summary=f"environment of {target.series}: {some(names)} is set, and {target.series} does not read it",
        what=tuple(
            f"{where}: {flag.name}={value}; not read since {flag.removed}, the default was {flag.was}"
            + (f", read again since {flag.back}" if flag.back else "")
            for flag, where, value in gone
        ),
        why=f"what it was set for ends without a message; {source.source[0]}, read {source.seen}",
        do=(
            f"find out what it was set for before hop {number}, then take it out of the installation",
            *(f"kubectl get deployments -A -o yaml | grep -n {name}" for name in names[:1]),
        ),
        hop=number,
        objects=tuple(dict.fromkeys(where for _, where, _ in gone)),
    )
