from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.configuration.envoyfilters.patches import mapping, patches, written
from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.step import counted

_GATEWAYS = frozenset({"ANY", "GATEWAY"})


def filters_of_all_gateways(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report EnvoyFilters of the root namespace that patch gateways: those of all namespaces, whoever owns them.

    What waves of applications prove says nothing about them; the first gateway that moves meets the new Envoy with them.
    """
    root = mesh.config_root or mesh.root_namespace
    gateways = [w for w in mesh.workloads if w.gateway]
    if not gateways or not len(context.path) > 1:
        return
    reaching = {str(p.ref) for p in patches(mesh, context) if p.context in _GATEWAYS}
    found = []
    for resource in written(mesh, context):
        wanted = mapping(mapping(mapping(resource.body.get("spec")).get("workloadSelector")).get("labels"))
        selected = any(wanted.items() <= w.template_labels.items() for w in gateways)
        if resource.ref.namespace == root and selected and str(resource.ref) in reaching:
            found.append(resource)
    if not found:
        return
    subject = f"EnvoyFilters of {root}"
    yield Finding(
        code="UPG-0354",
        severity=Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: {counted(len(found), 'object')} patch{'es' if len(found) == 1 else ''} gateways of every namespace",
        what=(some([str(r.ref) for r in found]),),
        why="each hop brings another Envoy, and no wave of applications shows how these patches fare there",
        do=(
            "istioctl proxy-config listeners POD.NAMESPACE -o json      # of one gateway, before and after it has moved: compare its filters",
        ),
        hop=1,
        objects=tuple(str(r.ref) for r in found),
    )
