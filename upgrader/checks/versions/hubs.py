from __future__ import annotations

from collections.abc import Iterator

from upgrader.catalog.entries import Hub
from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version


def hubs(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report images that are pulled from a registry of the project which ends.

    A mirror that the playbook declares is another registry, and is not meant.
    """
    starts = {f"{hub.hub}/": hub for hub in context.catalog.hubs.values()}
    pulled = tuple(_pulled(mesh, tuple(starts)))
    for start, hub in starts.items():
        if found := {who for image, who in pulled if image.startswith(start)}:
            yield _finding(hub, sorted(found), context)


def _pulled(mesh: Snapshot, starts: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Each image from there that runs, or is injected, and what pulls it."""
    for plane in mesh.control_planes:
        for image in (plane.image, plane.proxy_image):
            if image and image.repository.startswith(starts):
                yield image.repository, str(plane.ref)
    for crowd in mesh.crowds:
        if crowd.image.repository.startswith(starts):
            yield crowd.image.repository, crowd.workload
    for workload in mesh.workloads:
        for text in workload.images.values():
            if text.startswith(starts):
                yield text, workload.key


def _finding(hub: Hub, pulled: list[str], context: Context) -> Finding:
    past = next(
        (n for n, v in enumerate(context.path) if n and Version.parse(hub.last) < Version.parse(v.series)), 0
    )
    outages = (f"switched off for a while (UTC): {', '.join(hub.outages)}",) if hub.outages else ()
    what = f", and has no images of {context.path[past].series}" if past else ""
    return Finding(
        code="UPG-0118",
        severity=Severity.ADVISORY,
        subject=f"images of {hub.hub}",
        summary=f"images of {hub.hub}: that registry ends in {hub.ends}{what}",
        what=(
            f"{len(pulled)} pull from it: {some(pulled)}",
            f"{hub.last} is the last minor it gets",
            *outages,
        ),
        why=f"a pod that is made anew then cannot pull its image; {hub.source[0]}, read {hub.seen}",
        do=(
            f"install with global.hub={hub.instead}, or with a mirror of your own",
            "a hop from manifests with that hub moves every image; the same images under another name are no difference here",
        ),
        hop=past,
        objects=tuple(pulled),
    )
