from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog import Support
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


def kubernetes(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report each hop whose release does not go with the Kubernetes version of the cluster.

    Below what istioctl of that release accepts blocks; elsewhere outside of the supported versions is an advisory.
    """
    for number, target in enumerate(context.path[1:], start=1):
        support = context.catalog.supports(target.series, mesh.cluster.version)
        if support in _SAYS:
            yield _finding(mesh, context, number, target, support)
        elif support is Support.UNKNOWN:
            yield Finding(
                code="UPG-0304",
                severity=Severity.ADVISORY,
                subject="",
                summary=f"hop {number}: nothing is known about Istio {target.series} on Kubernetes {mesh.cluster.version}",
                why="the catalog of this release of upgrade does not have that minor",
                do=("read which Kubernetes versions that release supports, or use a newer upgrade",),
                hop=number,
            )


def _finding(mesh: Snapshot, context: Context, number: int, target: Version, support: Support) -> Finding:
    release = context.catalog.release(target.series)
    assert release is not None  # an unknown release is Support.UNKNOWN
    known = release.kubernetes
    too_old = support is Support.TOO_OLD
    oldest = known.minimum if too_old else known.supported[0]
    return Finding(
        code="UPG-0304",
        severity=Severity.BLOCKED if too_old else Severity.ADVISORY,
        subject="",
        summary=f"hop {number}: Kubernetes is {mesh.cluster.version}, and Istio {target.series} {_SAYS[support]}",
        what=(
            f"it supports Kubernetes {known.supported[0]} to {known.supported[1]}, and needs {known.minimum}",
        ),
        why=f"{release.source[0]}, read {release.seen}",
        do=("use it anyway, or pick another target",)
        if support is Support.NEWER
        else (f"upgrade Kubernetes to {oldest} or later before hop {number}",),
        hop=number,
        allowable=too_old,
    )
