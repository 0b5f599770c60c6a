from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def unread(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report what could not be read: it is not "none", so nothing may be concluded from its absence."""
    del context
    if not mesh.unread:
        return
    yield Finding(
        code="UPG-0303",
        severity=Severity.BLOCKED,
        subject="",
        summary=f"{len(mesh.unread)} kinds of objects could not be read"
        if len(mesh.unread) > 1
        else f"{mesh.unread[0].what} could not be read",
        what=tuple(f"{entry.what}: {entry.why}" for entry in mesh.unread),
        why="a plan made without them could leave something behind, or break it",
        do=(
            "kubectl auth can-i --list      # get and list on it are enough",
            "upgrade check",
        ),
        objects=tuple(entry.what for entry in mesh.unread),
    )
