from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog import Support, window
from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version

_SAYS = {
    Support.TESTED: "was tried with it, but is not supported on it",
    Support.NEWER: "was released before it",
    Support.OLDER: "supports only newer ones",
    Support.TOO_OLD: "needs a newer one",
}
_REFUSED = frozenset({Support.OLDER, Support.TOO_OLD})
_LEFT_BEHIND = frozenset({Support.NEWER, *_REFUSED})


def kubernetes(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report each hop whose release does not go with the Kubernetes version of the cluster, and a running one that does not.

    Below what was tried, or what istioctl of that release accepts, it blocks; elsewhere outside of the supported versions
    it is an advisory. Both releases of a hop run at the same time. A minor that is newer than the catalog is not
    asked about; ``newer`` refuses it.
    """
    version, known = mesh.cluster.version, set(context.catalog.minors())
    for number, target in enumerate(context.path[1:], start=1):
        support = context.catalog.supports(target.series, version)
        if support in _SAYS:
            yield _finding(version, context, number, support)
        elif support is Support.UNKNOWN and (target.series in known or not _newer(target, context)):
            yield Finding(
                code="UPG-0304",
                severity=Severity.ADVISORY,
                subject="",
                summary=f"hop {number}: nothing is known about Istio {target.series} on Kubernetes {version}",
                why="the catalog does not have that minor, or the server does not say a version",
                do=("read which Kubernetes versions that release supports, or use a newer upgrade",),
                hop=number,
            )
    if len(context.path) > 1 and context.catalog.supports(context.path[0].series, version) in _LEFT_BEHIND:
        yield _running(version, context)


def _newer(target: Version, context: Context) -> bool:
    newest = context.catalog.newest()
    return bool(newest) and Version.parse(newest) < Version.parse(target.series)


def _running(version: str, context: Context) -> Finding:
    """The release that runs is outside already; it goes on running until the first hop has ended."""
    old = context.path[0]
    release = context.catalog.release(old.series)
    assert release is not None  # an unknown release is Support.UNKNOWN
    known = release.kubernetes.supported
    return Finding(
        code="UPG-0304",
        severity=Severity.ADVISORY,
        subject="",
        summary=f"hop 1: Kubernetes is {version}, and Istio {old.series}, which runs, supports {known[0]} to {known[1]}",
        why=f"both releases run during the hop; {release.source[0]}, read {release.seen}",
        do=(f"go on: hop 1 leaves Istio {old.series}",),
        hop=1,
    )


def _finding(version: str, context: Context, number: int, support: Support) -> Finding:
    target = context.path[number]
    release = context.catalog.release(target.series)
    assert release is not None  # an unknown release is Support.UNKNOWN
    known = release.kubernetes
    refused = support in _REFUSED
    return Finding(
        code="UPG-0304",
        severity=Severity.BLOCKED if refused else Severity.ADVISORY,
        subject="",
        summary=f"hop {number}: Kubernetes is {version}, and Istio {target.series} {_SAYS[support]}",
        what=(
            f"it supports Kubernetes {known.supported[0]} to {known.supported[1]}, and needs {known.minimum}",
        ),
        why=f"{release.source[0]}, read {release.seen}",
        do=("use it anyway, or pick another target",)
        if support is Support.NEWER
        else tuple(_ways(version, context, number, support)),
        hop=number,
        allowable=refused,
    )


def _ways(version: str, context: Context, number: int, support: Support) -> Iterator[str]:
    """What helps: a Kubernetes that serves the whole path, else one that serves both releases of this hop."""
    series = [v.series for v in context.path]
    whole = window(context.catalog, series, version)
    both = whole or window(context.catalog, series[number - 1 : number + 1], version)
    oldest = context.catalog.releases[series[number]].kubernetes.supported[0]
    if support is Support.TESTED or both is None:
        yield f"upgrade Kubernetes to {oldest} or later before hop {number}"
    else:
        serves = "every hop" if whole else f"{series[number - 1]} and {series[number]}"
        yield f"upgrade Kubernetes to {both} before hop {number}; that serves {serves}"
    if number > 1 and support in _REFUSED:
        yield f"or stop before it: upgrade plan --to {series[number - 1]}"
