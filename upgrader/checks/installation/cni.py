from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import cni_version, minors, moving, parts_called, some
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
        what=(some(found), *_kept(mesh, context)),
        why="Istio supports the CNI plugin one minor older or newer than istiod",
        do=(
            "move istio-cni by its own installer "
            + ("between the hops, so one hop per run" if hops > 1 else "after the run"),
        ),
        objects=tuple(found),
    )


def _kept(mesh: Snapshot, context: Context) -> Iterator[str]:
    """Who owns it, and that it outlives the revision whose label it carries.

    Fact: ``istioctl uninstall --revision`` deletes what has that label and component ``Cni`` (operator/pkg/uninstall); a run
    deletes by the names of istiod's own objects only. Hazards, row 49.
    """
    parts = [b for b in mesh.belongings if b.component == "Cni"]
    if owners := sorted({manager for part in parts for manager in part.managers}):
        yield f"owned by {', '.join(owners)}"
    named = {w.labels.get("istio.io/rev", "") for w in mesh.workloads if w.ref.name == "istio-cni-node"}
    for revision in sorted(({b.revision for b in parts} | named) & moving(mesh, context)):
        yield (
            f"it carries the label of revision {revision}: a run retires that and leaves it, while "
            f"`istioctl uninstall --revision {revision}` by hand takes it along"
        )
