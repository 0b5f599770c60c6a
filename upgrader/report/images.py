"""Which image every part of the mesh runs, and which of them it should not: the pods of istio-system, and all the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from upgrader.checks.images.expected import deviation, named, text, usual_digests
from upgrader.checks.images.node_parts import part_of
from upgrader.cluster.clean import clean_line
from upgrader.model.image import Image
from upgrader.model.snapshot import ControlPlane, Crowd, Snapshot
from upgrader.report.style import Style

_MOVING = "its rollout has not finished"
_HEAD = ("COMPONENT", "REVISION", "PODS", "IMAGE", "DIGEST", "REMARK")
_WORDS = {
    "version": "another release than its revision injects",
    "unnamed": "names no release",
    "hub": "another registry than its revision injects",
    "digest": "same tag, other digest",
}
_ORDER = ("istiod", "gateway", "waypoint", "sidecar", "native sidecar", "ztunnel", "istio-cni")


class ImageRow(msgspec.Struct, frozen=True, kw_only=True):
    """One image of one component on one revision.

    Attributes:
        component: ``istiod``, ``gateway``, ``waypoint``, ``sidecar``, ``native sidecar``, ``ztunnel`` or ``istio-cni``.
        revision: Empty for what no revision made.
        pods: How many run it; of an istio-cni or istiod whose pods were not seen, how many are wanted or ready.
        digest: Of what runs; empty when nobody says it.
        remark: What is odd about it; empty when nothing is.
    """

    component: str
    revision: str
    pods: int
    image: str
    digest: str = ""
    remark: str = ""


def image_rows(mesh: Snapshot, mirrors: Mapping[str, str]) -> tuple[ImageRow, ...]:
    """Every image that the mesh runs, by component and revision, odd ones first."""
    rows = [*_istiods(mesh, mirrors), *_proxies(mesh, mirrors), *_plugins(mesh, mirrors)]
    return tuple(
        sorted(rows, key=lambda r: (_ORDER.index(r.component), r.revision, not r.remark, -r.pods, r.image))
    )


def images_text(rows: Sequence[ImageRow], style: Style) -> str:
    """A table; for a voice one line each."""
    if style.accessible:
        return "\n".join(_spoken(row) for row in rows)
    cells = [_HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in lines)


def _cells(row: ImageRow) -> tuple[str, ...]:
    digest = row.digest.removeprefix("sha256:")[:12]
    told = (row.component, row.revision or "-", str(row.pods), row.image, digest or "-", row.remark)
    return tuple(map(clean_line, told))


def _spoken(row: ImageRow) -> str:
    of = f" of revision {row.revision}" if row.revision else ""
    digest = f", digest {row.digest.removeprefix('sha256:')[:12]}" if row.digest else ""
    remark = f": {row.remark}" if row.remark else ""
    return clean_line(f"{row.component}{of}: {row.pods} run {row.image}{digest}{remark}")


def _istiods(mesh: Snapshot, mirrors: Mapping[str, str]) -> Iterator[ImageRow]:
    for plane in mesh.control_planes:
        state = ("" if plane.settled else _MOVING) if plane.replicas else "scaled to 0"
        row = ImageRow(
            component="istiod",
            revision=plane.revision,
            pods=plane.ready,
            image=text(plane.image),
            digest=plane.image.digest,
            remark=state,
        )
        yield from _seen(mesh, str(plane.ref), row, mirrors) or (row,)


def _seen(mesh: Snapshot, owner: str, row: ImageRow, mirrors: Mapping[str, str]) -> list[ImageRow]:
    """*row* for each image that pods of *owner* run; none where they were not seen."""
    running = [one for one in mesh.running_images if one.workload == owner]
    usual = usual_digests(running, mirrors)
    found = []
    for one in running:
        most = usual.get(named(one.image, mirrors), "")
        odd = one.image.digest and one.image.digest != most
        remark = _WORDS["digest"] if odd and not row.remark else row.remark
        seen = {"pods": one.count, "image": text(one.image), "digest": one.image.digest, "remark": remark}
        found.append(msgspec.structs.replace(row, **seen))
    return found


def _proxies(mesh: Snapshot, mirrors: Mapping[str, str]) -> Iterator[ImageRow]:
    planes = {plane.revision: plane for plane in mesh.control_planes}
    digests = usual_digests(mesh.crowds, mirrors)
    counts: Counter[tuple[str, str, Image]] = Counter()
    for crowd in mesh.crowds:
        counts[_component(crowd), crowd.revision, crowd.image] += crowd.count
    for (component, revision, image), count in counts.items():
        odd = "" if component == "ztunnel" else _remark(image, planes.get(revision), mirrors, digests)
        yield ImageRow(
            component=component,
            revision=revision,
            pods=count,
            image=text(image),
            digest=image.digest,
            remark=odd,
        )


def _component(crowd: Crowd) -> str:
    return "native sidecar" if crowd.native and crowd.kind == "sidecar" else crowd.kind


def _remark(
    image: Image,
    plane: ControlPlane | None,
    mirrors: Mapping[str, str],
    digests: Mapping[tuple[str, str, str], str],
) -> str:
    if plane is None:
        return "no istiod of that revision"
    found = deviation(image, plane, mirrors, digests)
    return _WORDS[found.how] if found else ""


def _plugins(mesh: Snapshot, mirrors: Mapping[str, str]) -> Iterator[ImageRow]:
    """istio-cni: what its pods run, or what its DaemonSet names where they were not seen."""
    for workload in mesh.daemon_sets:
        if part_of(workload) != "istio-cni":
            continue
        remark = "" if workload.settled else _MOVING
        rows = [
            ImageRow(component="istio-cni", revision="", pods=workload.replicas, image=image, remark=remark)
            for image in sorted({i for i in workload.images.values() if "install-cni" in i})
        ]
        blank = ImageRow(component="istio-cni", revision="", pods=0, image="", remark=remark)
        yield from _seen(mesh, workload.key, blank, mirrors) or rows
