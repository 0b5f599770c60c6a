from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.webhooks.reach import dangles
from upgrader.model.finding import Finding, Severity
from upgrader.model.ownership import tags_of
from upgrader.model.snapshot import Snapshot


def half_moved_tag(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report tags whose webhook and Service name different revisions, and tags of a revision that is not installed.

    Two owners then act on each Gateway that the tag binds, and undo each other without end. The plan moves both
    objects, so a half-moved tag between installed revisions heals by itself. A tag whose webhook calls a Service that
    is gone is told by ``dangling``.
    """
    del context
    installed = {p.revision for p in mesh.control_planes}
    for tag, revisions in tags_of(mesh).items():
        missing = sorted(revisions - installed)
        if missing and not _dangles(tag, mesh):
            yield _finding(
                mesh, tag, f"leads to {', '.join(missing)}, which is not installed", Severity.BLOCKED
            )
        elif len(revisions) > 1:
            yield _finding(mesh, tag, f"leads to {' and '.join(sorted(revisions))}", Severity.ADVISORY)


def _dangles(tag: str, mesh: Snapshot) -> bool:
    mine = [w for w in mesh.injectors if w.tag == tag]
    return bool(mine) and all(dangles(e, mesh) for w in mine for e in w.entries)


def _finding(mesh: Snapshot, tag: str, trouble: str, severity: Severity) -> Finding:
    made = [(str(w.ref), w.revision) for w in mesh.injectors if w.tag == tag]
    made += [(str(s.ref), s.revision) for s in mesh.tag_services if s.tag == tag]
    live = next((p.revision for p in mesh.control_planes if p.replicas), "REVISION")
    blocked = severity is Severity.BLOCKED
    return Finding(
        code="UPG-0325",
        severity=severity,
        subject=f"tag {tag}",
        summary=f"tag {tag}: {trouble}",
        what=tuple(f"{ref}: {revision}" for ref, revision in made),
        why="what it binds would have no control plane"
        if blocked
        else "two control planes act on each Gateway that it binds; the plan moves both objects to one revision",
        do=(f"istioctl tag set {tag} --revision {live} --overwrite",),
        objects=tuple(ref for ref, _ in made),
    )
