from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import moving, some, stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.kinds import K8S_GATEWAY, LISTENER_SET, X_LISTENER_SET
from upgrader.model.snapshot import CustomResource, Snapshot
from upgrader.model.step import counted

_INSTALL = "install.istio.io"
_GATEWAY_API = (K8S_GATEWAY.group, X_LISTENER_SET.group)
_MOVED_WITH_THEIRS = (K8S_GATEWAY.kind, LISTENER_SET.kind, X_LISTENER_SET.kind)
"""Those that a plan labels anew: Gateways, which tags may name, and what adds to them."""


def revision_labelled(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Istio objects, and routes of the Gateway API, that are labelled for a revision that is left: nothing else reads them.

    Fact: pkg/config/model.go (``LabelsInRevision``) of Istio 1.12 to 1.31 compares with the revision itself; a tag
    does not count; ``buildClient`` and ``inRevision`` of pilot/pkg/config/kube/gateway/controller.go, 1.26 to 1.31,
    ask it of everything in the Gateway API but Gateways. What the installer made for that revision goes with it.
    """
    revisions = moving(mesh, context)
    installed = {(b.ref.kind.kind, b.ref.namespace, b.ref.name) for b in mesh.belongings}
    found: dict[tuple[str, str], list[CustomResource]] = {}
    for resource in mesh.resources:
        revision = resource.labels.get(REVISION, "")
        if revision not in revisions:
            continue
        part_of_it = (resource.ref.kind.kind, resource.ref.namespace, resource.ref.name) in installed
        if _is_ours(resource) and not part_of_it and not stays(context, resource.ref.namespace):
            found.setdefault((resource.ref.namespace, revision), []).append(resource)
    for (namespace, revision), resources in sorted(found.items()):
        yield _finding(namespace, revision, resources)


def _is_ours(resource: CustomResource) -> bool:
    group, kind = resource.ref.kind.group, resource.ref.kind.kind
    if group in _GATEWAY_API:
        return kind not in _MOVED_WITH_THEIRS and bool(resource.ref.namespace)
    return group.endswith("istio.io") and group != _INSTALL


def _finding(namespace: str, revision: str, resources: list[CustomResource]) -> Finding:
    noun = "Istio object" if all(r.ref.kind.group not in _GATEWAY_API for r in resources) else "object"
    names = [f"{r.ref.kind.kind} {r.ref.name}" for r in resources]
    return Finding(
        code="UPG-0328",
        severity=Severity.BLOCKED,
        subject=f"Namespace {namespace}",
        summary=f"Namespace {namespace}: {counted(len(names), noun)} for revision {revision} only",
        what=(f"label {REVISION}={revision} on {some(names)}",),
        why="a workload that moves to another revision no longer gets them: routes, policies or filters vanish silently",
        do=tuple(
            f"kubectl -n {namespace} label {r.ref.kind.resource} {r.ref.name} {REVISION}-"
            for r in resources[:5]
        ),
        allowable=True,
        objects=tuple(str(r.ref) for r in resources),
    )
