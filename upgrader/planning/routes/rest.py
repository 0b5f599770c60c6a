"""What a plan says that ends before its target does."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog import Catalog, runs_on
from upgrader.model.finding import Finding, Severity
from upgrader.model.version import Version
from upgrader.planning.routes.reach import Reach, Stage

CODE = "UPG-0113"


def rest_of_the_way(running: str, found: Reach, kubernetes: str, catalog: Catalog) -> Iterator[Finding]:
    """UPG-0113: after which hop something else comes first, what, and every stretch from there to the target."""
    if not found.later:
        return
    target, here = found.later[-1].minors[-1], found.now[-1] if found.now else running
    before = found.later[0].minors[0]
    yield Finding(
        code=CODE,
        severity=Severity.ADVISORY,
        subject=f"Istio {target}",
        summary=f"Istio {target}: this plan ends at {here}; before {before}, {_first(found.later[0])}",
        what=tuple(_told(number, stage) for number, stage in enumerate(found.later, start=1)),
        why=_why(running, found, kubernetes, catalog),
        do=tuple(_do(number, stage) for number, stage in enumerate(found.later, start=1)),
        hop=len(found.now),
    )


def _first(stage: Stage) -> str:
    needed = [f"Kubernetes must be {stage.kubernetes}"] if stage.kubernetes else []
    needed += ["istio-cni has to follow"] if stage.plugin else []
    return " and ".join(needed) or "nobody knows which Kubernetes serves both"


def _told(number: int, stage: Stage) -> str:
    path = " -> ".join(stage.minors)
    served = stage.kubernetes
    on = f" on Kubernetes {served}" if served else ""
    tried = (
        ""
        if served is None or served.supported
        else ", which not every one of them supports, but was tried on"
    )
    return f"stretch {number}: Istio {path}{on}{tried}"


def _why(running: str, found: Reach, kubernetes: str, catalog: Catalog) -> str:
    passed, stage = (running, *found.now), found.later[0]
    here, before = passed[-1], stage.minors[0]
    if stage.plugin and stage.kubernetes is None:
        return f"istio-cni exists once and is not moved by a plan; it would be too old for istiod {before}"
    known = {m: r for m in passed if (r := catalog.release(m))}
    release = catalog.release(before)
    if release is None or runs_on(catalog, before, kubernetes) or not known:
        return f"Kubernetes must serve {here} and {before} while both run"
    least = max((release.kubernetes.minimum, release.kubernetes.tested[0]), key=Version.parse)
    first = min(known, key=lambda m: Version.parse(known[m].kubernetes.supported[1]))
    return (
        f"Istio {before} needs Kubernetes {least}, the cluster has {kubernetes}, and no single Kubernetes serves the "
        f"whole way: Istio {first} supports none after {known[first].kubernetes.supported[1]}"
    )


def _do(number: int, stage: Stage) -> str:
    begin = "after this plan" if number == 1 else "after that"
    steps = [f"upgrade Kubernetes to {stage.kubernetes}"] if stage.kubernetes else []
    steps += (
        ["move istio-cni to the minor that istiod has then, or one more, by its own installer"]
        if stage.plugin
        else []
    )
    return f"{begin}, {' and '.join(steps) or 'look again'}, and go on: upgrade plan --to {stage.minors[-1]}"
