from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.checks.context import Context
from upgrader.checks.images.expected import named, text
from upgrader.checks.scope import kubectl, pods
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import ControlPlane, RunningImage, Snapshot


def plane_builds(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report an istiod whose pods run one tag with two digests: the tag was moved in the registry between their starts.

    Pods whose digest nobody tells are compared with none. Those of two tags are a rollout, which ``not_ready`` tells.
    """
    for plane in mesh.control_planes:
        known: dict[tuple[str, str, str], list[RunningImage]] = {}
        for one in mesh.running_images:
            if one.workload == str(plane.ref) and one.image.digest:
                known.setdefault(named(one.image, context.mirrors), []).append(one)
        for builds in known.values():
            if len({one.image.digest for one in builds}) > 1:
                yield _finding(plane, builds)


def _finding(plane: ControlPlane, builds: Sequence[RunningImage]) -> Finding:
    name = f"{plane.ref.namespace}/{plane.ref.name}"
    return Finding(
        code="UPG-0206",
        severity=Severity.ADVISORY,
        subject=name,
        summary=f"{name}: {pods(sum(b.count for b in builds))} run {len(builds)} builds of {text(builds[0].image)}",
        what=tuple(
            f"{b.count} run {text(b.image)} ({b.image.digest[:19]})"
            for b in sorted(builds, key=lambda b: (-b.count, b.image.digest))
        ),
        why="which build a proxy is served by is chance: what was tested is not what runs, and going back leads to either",
        do=(
            "render the revision with the digest of the build that was tested, or have the tag mean it again",
            kubectl(plane.ref, "rollout restart") + "      # when each node pulls the same build",
        ),
        objects=(str(plane.ref),),
    )
