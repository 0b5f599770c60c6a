from __future__ import annotations

from collections.abc import Iterator, Sequence

from upgrader.catalog import Support
from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug, pod_template
from upgrader.checks.nodes.fields import is_cordoned
from upgrader.checks.scope import kubectl, moved, moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import label_selector_matches
from upgrader.model.kinds import Ref
from upgrader.model.snapshot import Disruption, Labels, Snapshot

_TELLING = ("app", "istio", "istio.io/rev", "gateway.networking.k8s.io/gateway-name")
"""Labels of istiod's and of gateways' pods that tell them from others."""
_NEEDS = frozenset({Support.OLDER, Support.TOO_OLD})
"""Of a release: a newer Kubernetes than there is."""


def alone(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report an istiod or a gateway of a single pod, where nodes are going to be drained while the upgrade goes on.

    They are when one is cordoned already, or when a hop needs a newer Kubernetes. Without a budget the pod is taken away
    at once; with one that wants it to stay the drain hangs. Hazards: istio/istio issues 12602, 35263 and 53909.
    """
    drained = _drained(mesh, context)
    if not drained:
        return
    for ref, labels, who, why in _singles(mesh, context):
        if not _scaled(mesh, ref):
            yield _finding(ref, labels, who, (why, drained), _budgets(mesh, ref, labels))


def _drained(mesh: Snapshot, context: Context) -> str:
    """Why nodes will be drained; empty when nothing tells."""
    cordoned = [n.ref.name for n in documents(mesh, "Node") if is_cordoned(n)]
    if cordoned:
        return f"node {cordoned[0]} is cordoned"
    for number, target in enumerate(context.path[1:], start=1):
        if context.catalog.supports(target.series, mesh.cluster.version) in _NEEDS:
            return f"hop {number} needs a newer Kubernetes, and its nodes are drained for that"
    return ""


def _singles(mesh: Snapshot, context: Context) -> Iterator[tuple[Ref, Labels, str, str]]:
    """What runs in one pod: where, labels of the pod, what it is, what is lost with it."""
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        served = mesh.proxies_on(revision)
        if plane is not None and plane.replicas == 1 and served:
            labels = dug(pod_template(mesh, plane), "metadata", "labels")
            why = "without it no pod is injected, no proxy configured and no certificate signed"
            yield plane.ref, labels or {"app": "istiod", "istio.io/rev": revision}, "a single istiod", why
    for workload, _ in moved(mesh, context):
        if workload.gateway and workload.replicas == 1:
            why = "its connections end"
            yield workload.ref, workload.template_labels, "a gateway of a single pod", why


def _budgets(mesh: Snapshot, ref: Ref, labels: Labels) -> list[Disruption]:
    return [
        d
        for d in mesh.disruptions
        if d.ref.namespace == ref.namespace and label_selector_matches(d.selector, labels)
    ]


def _scaled(mesh: Snapshot, ref: Ref) -> bool:
    """Whether an autoscaler wants more than one pod."""
    for scaler in documents(mesh, "HorizontalPodAutoscaler", ref.namespace):
        target = dug(scaler.body, "spec", "scaleTargetRef") or {}
        if (target.get("kind"), target.get("name")) == (ref.kind.kind, ref.name):
            return int(dug(scaler.body, "spec", "minReplicas") or 1) > 1
    return False


def _finding(
    ref: Ref, labels: Labels, who: str, why: tuple[str, str], budgets: Sequence[Disruption]
) -> Finding:
    name = f"{ref.namespace}/{ref.name}"
    chosen = ",".join(f"{key}={labels[key]}" for key in _TELLING if key in labels)
    budget = f"kubectl -n {ref.namespace} create poddisruptionbudget {ref.name} --selector={chosen} --min-available=1"
    said = (
        f"its budget {budgets[0].ref.name} lets nobody drain its node"
        if budgets
        else "no budget keeps it on its node"
    )
    lost, drained = why
    return Finding(
        code="UPG-0378",
        severity=Severity.ADVISORY,
        subject=name,
        summary=f"{name}: {who}, and {said}",
        what=(drained,),
        why="the drain of its node waits until somebody steps in"
        if budgets
        else f"when its node is drained, {lost}",
        do=(kubectl(ref, "scale", "--replicas=2"), *(() if budgets else (budget,))),
        objects=(str(ref), *(str(b.ref) for b in budgets)),
    )
