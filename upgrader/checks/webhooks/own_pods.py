from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.documents import dug, pod_template
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import ENTRY, label_selector_matches
from upgrader.model.snapshot import Labels, Snapshot, Webhook


def own_pods(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report injectors that select the pods of istiod itself: none can start once none is there.

    The charts label these pods ``sidecar.istio.io/inject: "false"`` (deployment.yaml of istio-discovery, 1.12 to 1.31), so
    that an injection label on the root namespace does no harm; without that label it does.
    """
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        space = mesh.namespace(plane.ref.namespace) if plane else None
        labels = dug(pod_template(mesh, plane), "metadata", "labels") if plane else None
        if plane is None or space is None or labels is None:
            continue
        guards = [w.ref.name for w in mesh.injectors if _refuses(w, space.labels, labels)]
        if guards:
            name = f"{plane.ref.namespace}/{plane.ref.name}"
            yield Finding(
                code="UPG-0385",
                severity=Severity.BLOCKED,
                subject=name,
                summary=f"{name}: its own pods are selected by {guards[0]}",
                what=tuple(f"also by {each}" for each in guards[1:]),
                why="failurePolicy Fail: once no istiod is ready, none can be created, and the new one depends on the old",
                do=(
                    f"kubectl label namespace {space.name} istio-injection- istio.io/rev-",
                    "or label the pods of istiod sidecar.istio.io/inject=false in its values",
                ),
                allowable=True,
                objects=(str(plane.ref), *(f"MutatingWebhookConfiguration {each}" for each in guards)),
            )


def _refuses(webhook: Webhook, space: Labels, pod: Labels) -> bool:
    """Whether an entry that fails closed selects such a pod."""
    return any(
        e.name.endswith(ENTRY)
        and e.failure_policy != "Ignore"
        and label_selector_matches(e.namespace_selector, space)
        and label_selector_matches(e.object_selector, pod)
        for e in webhook.entries
    )
