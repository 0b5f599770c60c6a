from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.ownership import DEFAULT_TAG, tags_of
from upgrader.model.snapshot import Snapshot


def tag_named_like_revision(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report tags that are called like a revision which is installed, or which a hop will install.

    A label ``istio.io/rev`` then means two things. ``default`` is the exception that Istio itself makes.
    """
    taken = {p.revision for p in mesh.control_planes} | {v.revision for v in context.path[1:]}
    for tag, revisions in tags_of(mesh).items():
        if tag not in taken or tag == DEFAULT_TAG:
            continue
        yield Finding(
            code="UPG-0337",
            severity=Severity.BLOCKED,
            subject=f"tag {tag}",
            summary=f"tag {tag}: a revision has, or will get, the same name",
            what=(f"the tag stands for {', '.join(sorted(revisions))}",),
            why=f"istio.io/rev={tag} would mean both, and both would inject the pods it selects",
            do=(
                f"istioctl tag set NAME --revision {next(iter(sorted(revisions)))}      # another name, then relabel what used this one",
                f"istioctl tag remove {tag}",
            ),
        )
