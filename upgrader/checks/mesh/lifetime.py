from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import parts_called, plan_command
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version


def lifetime(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report hops that stop at a release with a known fault, and a target whose support is over."""
    for number, target in enumerate(context.path[1:], start=1):
        fault = context.catalog.fault(target)
        if fault:
            latest = context.catalog.latest_patch(target.series)
            yield Finding(
                code="UPG-0104",
                severity=Severity.BLOCKED,
                subject=f"Istio {target}",
                summary=f"Istio {target}: it {fault.why}",
                why=fault.source,
                do=(f"{plan_command(context)}      # with manifests of {latest}",),
                hop=number,
                allowable=True,
            )
        yield from _plugin(mesh, context, number, target)
    if len(context.path) < 2:
        return
    target = context.path[-1]
    if context.catalog.ended(target.series, mesh.at.date()):
        yield _ended(mesh, context, target)


def _plugin(mesh: Snapshot, context: Context, number: int, target: Version) -> Iterator[Finding]:
    """The node plugin is not moved by a hop, but whoever moves it after one takes the same number."""
    fault = context.catalog.fault(target, "cni")
    if fault and parts_called(mesh, "Cni", "istio-cni-node"):
        yield Finding(
            code="UPG-0104",
            severity=Severity.ADVISORY,
            subject=f"istio-cni {target}",
            summary=f"istio-cni {target}: it {fault.why}",
            why=fault.source,
            do=(
                f"when istio-cni follows after hop {number}, take another patch of {target.series}, or the minor before",
            ),
            hop=number,
        )


def _ended(mesh: Snapshot, context: Context, target: Version) -> Finding:
    release = context.catalog.release(target.series)
    assert release is not None  # an unknown release has not ended
    ends = "was expected to end" if release.end == "expected" else "ended"
    alive = context.catalog.supported(mesh.at.date())
    return Finding(
        code="UPG-0104",
        severity=Severity.ADVISORY,
        subject=f"Istio {target.series}",
        summary=f"Istio {target.series}: its support {ends} on {release.end_of_life}",
        why=f"faults found later are not fixed there; {release.source[0]}, read {release.seen}",
        do=(f"upgrade plan --to {alive[0]}      # the oldest minor that is still supported",)
        if alive
        else (),
        hop=len(context.path) - 1,
    )
