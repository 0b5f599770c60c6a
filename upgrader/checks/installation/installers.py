from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot

_OPERATED = {"sail": "the Sail Operator"}


def installers(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report control planes of several installers, and those that an operator keeps as its own resource says."""
    del context
    found = sorted({p.installer for p in mesh.control_planes} - {"unknown"})
    facts = tuple(f"{p.ref.namespace}/{p.ref.name}: {p.installer}" for p in mesh.control_planes)
    objects = tuple(str(p.ref) for p in mesh.control_planes)
    if len(found) > 1:
        yield Finding(
            code="UPG-0330",
            severity=Severity.BLOCKED,
            subject="",
            summary=f"control planes of {len(found)} installers: {', '.join(found)}",
            what=facts,
            why="each of them takes tags, validators and CRDs for its own, and what one removes the other needs",
            do=(
                "finish the change of installer first: move everything to one, and remove the other with its own tool",
            ),
            objects=objects,
        )
    for installer in found:
        if installer in _OPERATED:
            yield Finding(
                code="UPG-0330",
                severity=Severity.BLOCKED,
                subject=f"installer {installer}",
                summary=f"installer {installer}: {_OPERATED[installer]} keeps the control plane as its own resource says",
                what=facts,
                why="what a hop installs or removes there would be changed back",
                do=("kubectl get istios.sailoperator.io      # upgrade by its field spec.version",),
                objects=objects,
            )
