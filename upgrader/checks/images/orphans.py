from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import pods, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def orphans(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report proxies whose control plane is not installed, or that nothing ties to one."""
    installed = {p.revision for p in mesh.control_planes}
    if mesh.revisions <= installed:
        return
    for owner, proxies in sorted(mesh.live.items()):
        kind, _, name = owner.partition(" ")
        lost = [p for p in proxies if p.revision not in installed]
        if not lost or stays(context, *name.split("/", 1)):
            continue
        revisions = sorted({p.revision for p in lost if p.revision})
        said = (
            f"of revision {', '.join(revisions)}, which is not installed"
            if revisions
            else "of no known revision"
        )
        namespace, _, short = name.partition("/")
        yield Finding(
            code="UPG-0203",
            severity=Severity.BLOCKED,
            subject=name,
            summary=f"{name}: {pods(len(lost))} {said}",
            what=("annotations istio.io/rev and sidecar.istio.io/status of the pods say so",)
            if revisions
            else ("neither annotations nor the address of its istiod say who made it",),
            why="no istiod sends them configuration or renews their certificate, and no hop starts from them",
            do=(
                f"kubectl -n {namespace} delete pod {short}"
                if kind == "Pod"
                else f"kubectl -n {namespace} rollout restart {kind.lower()}/{short}",
            ),
            objects=tuple(f"Pod {p.namespace}/{p.pod}" for p in lost),
        )
