from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import cni_version, minors, parts_called, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def cni(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Istio's CNI plugin, which exists once and is not moved.

    Istio supports it one minor away from istiod in either direction (docs/setup/additional-setup/cni).
    """
    found = parts_called(mesh, "Cni", "istio-cni-node")
    if not found:
        return
    hops, version = len(context.path) - 1, cni_version(mesh)
    further = f"; after hop 2 of {hops} it would be two minors behind" if hops > 1 else ""
    behind = version.minors_to(context.path[-1]) if version and context.path else 0
    told = f"it is not moved, and stays one minor behind after a hop{further}"
    if version:
        told = f"it is {version} and is not moved" + (
            f"; {minors(behind)} behind in the end" if behind > 0 else ""
        )
    yield Finding(
        code="UPG-0335",
        severity=Severity.ADVISORY,
        subject="istio-cni",
        summary=f"istio-cni: {told}",
        what=(some(found),),
        why="Istio supports the CNI plugin one minor older or newer than istiod",
        do=(
            "move istio-cni by its own installer "
            + ("between the hops, so one hop per run" if hops > 1 else "after the run"),
        ),
        objects=tuple(found),
    )
