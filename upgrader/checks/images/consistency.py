from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from upgrader.checks.context import Context
from upgrader.checks.images.cause import cause_of
from upgrader.checks.images.expected import Deviation, deviation, text, usual_digests
from upgrader.checks.scope import leave_behind, minors, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.image import Image
from upgrader.model.snapshot import ControlPlane, Proxy, Snapshot, Workload


class _Odd(msgspec.Struct, frozen=True):
    """The proxies of one workload on one revision that differ, and how the worst of them does."""

    proxies: tuple[Proxy, ...]
    of: int
    worst: Deviation
    plane: ControlPlane


def consistency(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report workloads and gateways whose proxies do not run what their revision injects.

    A stale proxy was not restarted after the last change: moving it now would mix two changes in one restart, and
    going back would not bring back what ran before. A pinned one does not move at all. Skew rule of Istio
    (docs/releases/supported-releases): a proxy may be one minor behind its istiod, never ahead.
    """
    digests = usual_digests(mesh.crowds, context.mirrors)
    workloads = {w.key: w for w in mesh.workloads}
    planes = {p.revision: p for p in mesh.control_planes}
    found: dict[tuple[str, Image], Deviation | None] = {
        (revision, image): deviation(image, planes[revision], context.mirrors, digests)
        for revision, image in {(c.revision, c.image) for c in mesh.crowds}
        if revision in planes
    }
    if not any(found.values()):
        return
    for owner, proxies in sorted(mesh.live.items()):
        name = owner.partition(" ")[2]
        if stays(context, *name.split("/", 1)):
            continue
        for revision in sorted({p.revision for p in proxies} & planes.keys()):
            mine = [p for p in proxies if p.revision == revision]
            plane = planes[revision]
            how = {p.uid: found[revision, p.image] for p in mine}
            odd = tuple(p for p in mine if how[p.uid])
            if odd and plane.version:
                worst = max((d for d in how.values() if d), key=_weight)
                yield _finding(name, workloads.get(owner), _Odd(odd, len(mine), worst, plane), context)


def _weight(found: Deviation) -> tuple[int, int]:
    return abs(found.behind), ("digest", "hub", "unnamed", "version").index(found.how)


def _finding(name: str, workload: Workload | None, odd: _Odd, context: Context) -> Finding:
    cause = cause_of(workload, odd.proxies, odd.plane)
    wanted = odd.plane.proxy_image
    expected = text(wanted) if wanted else odd.plane.version
    return Finding(
        code="UPG-0201",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: {len(odd.proxies)} of {odd.of} pods run {_runs(odd)}",
        what=(
            f"expected by revision {odd.plane.revision}: {expected}",
            *_images(odd.proxies),
            cause.text if odd.worst.how != "digest" else "cause: same tag, other digest",
        ),
        why=_why(odd, workload, context),
        do=(*_fix(odd, cause.do), leave_behind(context, name)),
        allowable=odd.worst.behind == 0,
        objects=tuple(f"Pod {p.namespace}/{p.pod}" for p in odd.proxies),
    )


def _runs(odd: _Odd) -> str:
    versions = ", ".join(sorted({p.version or text(p.image) for p in odd.proxies}))
    behind, revision = odd.worst.behind, odd.plane.revision
    match odd.worst.how:
        case "version" if behind > 0:
            return f"{versions}, {minors(behind)} behind revision {revision} ({odd.plane.version})"
        case "version" if behind < 0:
            return f"{versions}, {minors(-behind)} ahead of revision {revision} ({odd.plane.version})"
        case "version":
            return f"{versions}, revision {revision} injects {odd.plane.version}"
        case "hub":
            hub = odd.proxies[0].image.repository.rpartition("/")[0]
            return f"images of {hub}, which revision {revision} does not inject"
        case "digest":
            return f"another build of {versions} than the rest of the mesh"
        case _:
            return f"{versions}, which names no release; revision {revision} injects {odd.plane.version}"


def _images(proxies: Sequence[Proxy]) -> Iterator[str]:
    counts = Counter((text(p.image), p.image.digest) for p in proxies)
    for (image, digest), count in sorted(counts.items()):
        known = f" ({digest[:19]})" if digest and digest not in image else ""
        yield f"{count} run {image}{known}"


def _why(odd: _Odd, workload: Workload | None, context: Context) -> str:
    rule = context.catalog.skew.get("proxy")
    if odd.worst.behind < 0:
        return "Istio never supports a proxy that is newer than its istiod"
    if rule is not None and odd.worst.behind > rule.behind:
        return f"Istio supports a proxy that is at most {minors(rule.behind)} behind its istiod"
    if odd.worst.how == "digest":
        return "one tag with two digests means: what was tested is not what runs"
    if workload is not None and workload.gateway == "istioctl":
        return "a gateway that is behind already would jump further than the mesh does"
    return "a restart would mix two changes, and going back would not bring back what runs now"


def _fix(odd: _Odd, commands: tuple[str, ...]) -> tuple[str, ...]:
    if odd.worst.how not in {"hub", "digest"} or odd.plane.proxy_image is None:
        return commands
    mine = odd.proxies[0].image.repository.rpartition("/")[0]
    theirs = odd.plane.proxy_image.repository.rpartition("/")[0]
    if odd.worst.how == "digest":
        return (f"mirror {theirs} again, then:", *commands)
    return (f"declare the mirror in the playbook:  mirrors: {{{theirs}: {mine}}}", *commands)
