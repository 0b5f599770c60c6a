from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.ownership import default_validator_of, tags_of
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted
from upgrader.model.version import Version


def set_aside(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report older revisions that a hop neither leaves nor leads to, although something names them or runs on them.

    As a rule nothing runs on them, so the plan starts elsewhere, or says that nothing is to be done. Proxies that do run
    there, and what names them, stay where they are, and each hop puts them one minor more behind.
    """
    leaves = moving(mesh, context)
    target = context.path[-1] if context.path else None
    for plane in mesh.control_planes:
        newer = target is None or not plane.version or Version.parse(plane.version) >= target
        on_the_way = any(plane.version == str(v) for v in context.path)
        if newer or on_the_way or plane.revision in leaves:
            continue
        names = [*_naming(mesh, plane.revision)]
        if names or mesh.proxies_on(plane.revision):
            yield Finding(
                code="UPG-0343",
                severity=Severity.ADVISORY,
                subject=f"revision {plane.revision}",
                summary=f"revision {plane.revision} ({plane.version}): {_serves(mesh, plane.revision)}no step of a plan moves it",
                what=(f"named by {some(names)}",) if names else (),
                why="a plan leaves one revision at a time; what starts there later would be left behind",
                do=(
                    f"kubectl -n {plane.ref.namespace} get deployment {plane.ref.name}      # is it still wanted",
                    *_away(mesh, plane.revision, min(leaves, default="REVISION")),
                ),
                objects=(str(plane.ref),),
            )


def _naming(mesh: Snapshot, revision: str) -> Iterator[str]:
    tags = [tag for tag, revisions in tags_of(mesh).items() if revision in revisions]
    yield from (f"tag {tag}" for tag in tags)
    named = {revision, *tags}
    yield from (f"namespace {n.name}" for n in mesh.namespaces if n.labels.get(REVISION) in named)
    if default_validator_of(mesh) == revision:
        yield "the default validator"


def _away(mesh: Snapshot, revision: str, to: str) -> Iterator[str]:
    """Commands that lead what names *revision* to the revision that serves, where it is not wanted any more."""
    spaces = [n.name for n in mesh.namespaces if n.labels.get(REVISION) == revision]
    if spaces:
        yield f"kubectl label namespace {' '.join(spaces)} {REVISION}={to} --overwrite"
    for tag, revisions in sorted(tags_of(mesh).items()):
        if revision in revisions:
            yield f"istioctl tag set {tag} --revision {to} --overwrite"


def _serves(mesh: Snapshot, revision: str) -> str:
    """What is known of its proxies: nothing where pods could not be read."""
    if count := mesh.proxies_on(revision):
        return f"{counted(count, 'pod')} run{'s' if count == 1 else ''} on it, and "
    return "" if mesh.unseen("pods") else "no proxy runs on it, and "
