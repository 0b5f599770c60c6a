from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.checks.context import Context
from upgrader.checks.images.expected import hub_of, named, text
from upgrader.checks.scope import kubectl, moving, pods, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Crowd, RunningImage, Snapshot, Workload

PARTS = {"istio-cni": ("istio-cni-node", "Cni"), "ztunnel": ("ztunnel", "Ztunnel")}
"""What exists once a node: DaemonSet and component, as the charts name them (1.12 to 1.31)."""


def node_parts(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report istio-cni or ztunnel of several images, or of another registry than the istiods that they work with.

    Which version they may be is ``skew``'s question. A DaemonSet that has not come to rest may run two images.
    """
    hubs = {hub_of(p.image.repository, context.mirrors) for p in mesh.control_planes if p.image.repository}
    ours = moving(mesh, context)
    theirs = sorted({text(p.image) for p in mesh.control_planes if p.revision in ours})
    for workload in mesh.daemon_sets:
        part = part_of(workload)
        if not part:
            continue
        running: list[Crowd | RunningImage] = [c for c in mesh.crowds if c.workload == workload.key]
        running += (r for r in mesh.running_images if r.workload == workload.key)
        yield from _several(part, workload, running, context)
        elsewhere = sorted(i for i in workload.images.values() if _is_istios(i) and _away(i, hubs, context))
        if hubs and elsewhere:
            yield _registry(part, workload, elsewhere, theirs)


def part_of(workload: Workload) -> str:
    """``istio-cni`` or ``ztunnel``; empty for every other DaemonSet."""
    told = {workload.ref.name, workload.labels.get("operator.istio.io/component", "")}
    return next((part for part, names in PARTS.items() if told & {*names}), "")


def _several(
    part: str, workload: Workload, running: Sequence[Crowd | RunningImage], context: Context
) -> Iterator[Finding]:
    """Pods of one DaemonSet that differ in release, registry, variant or digest, where both digests are known."""
    builds = {(named(c.image, context.mirrors), c.image.digest) for c in running}
    known = {name for name, _ in builds}, {build for build in builds if build[1]}
    differ = max(len(known[0]), len(known[1])) > 1
    if workload.settled and not differ:
        return
    many = (
        f"{pods(sum(c.count for c in running))} run several images"
        if differ
        else "its rollout has not finished"
    )
    way = f", strategy {workload.strategy}" if workload.strategy == "OnDelete" else ""
    yield Finding(
        code="UPG-0204",
        severity=Severity.ADVISORY,
        subject=workload.name,
        summary=f"{workload.name}: {many}{way}",
        what=tuple(
            f"{c.count} run {text(c.image)}{_build(c)}" for c in sorted(running, key=lambda c: -c.count)
        ),
        why=f"{part} serves every pod of its node: what works on one node need not work on the next",
        do=(
            kubectl(workload.ref, "rollout status"),
            kubectl(workload.ref, "rollout restart") + "      # where it hangs, or one tag has two digests",
        ),
        objects=(workload.key,),
    )


def _build(crowd: Crowd | RunningImage) -> str:
    return f" ({crowd.image.digest[:19]})" if crowd.image.digest and crowd.image.tag else ""


def _registry(part: str, workload: Workload, images: Sequence[str], theirs: Sequence[str]) -> Finding:
    return Finding(
        code="UPG-0204",
        severity=Severity.ADVISORY,
        subject=workload.name,
        summary=f"{workload.name}: {part} comes from another registry than istiod",
        what=(f"it names {some(images)}", f"istiod is {some(theirs)}"),
        why="what was tested together, scanned or copied for this mesh is in one place; the other is easily forgotten",
        do=(
            f"install {part} with the hub of istiod, at its next turn",
            "or declare in the playbook that one registry mirrors the other:  mirrors: {UPSTREAM: MIRROR}",
        ),
        objects=(workload.key,),
    )


def _is_istios(image: str) -> bool:
    return image.rpartition("/")[2].partition(":")[0].partition("@")[0] in {"install-cni", "ztunnel"}


def _away(image: str, hubs: set[str], context: Context) -> bool:
    repository = image.partition("@")[0]
    path, slash, last = repository.rpartition("/")
    return hub_of(f"{path}{slash}{last.partition(':')[0]}", context.mirrors) not in hubs
