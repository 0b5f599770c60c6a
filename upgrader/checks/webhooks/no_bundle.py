from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.checks.webhooks.reach import dangles, never_matches
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot


def no_bundle(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report webhooks without a caBundle: the API server does not trust the istiod that they call.

    istiod fills it in for configurations whose istio.io/rev is its own (pkg/webhooks/webhookpatch.go), so a missing
    one means that no istiod feels responsible.
    """
    del context
    for webhook in (*mesh.injectors, *mesh.validators):
        bare = [
            e
            for e in webhook.entries
            if e.service and not e.ca and not dangles(e, mesh) and not never_matches(e)
        ]
        if not bare:
            continue
        fails = any(e.failure_policy != "Ignore" for e in bare)
        yield Finding(
            code="UPG-0323",
            severity=Severity.BLOCKED if fails else Severity.ADVISORY,
            subject=webhook.ref.name,
            summary=f"{webhook.ref.name}: no caBundle, so the API server can not call {bare[0].service}",
            what=(some([e.name for e in bare]), f"label istio.io/rev={webhook.revision}"),
            why="what it selects is refused" if fails else "what it should do is silently not done",
            do=(
                f"kubectl -n {mesh.root_namespace} logs deployment/{bare[0].service.rpartition('/')[2]} | grep -i webhook",
                f"kubectl get {webhook.ref.kind.plural[:-1]} {webhook.ref.name} -o yaml      # is that revision installed",
            ),
            objects=(str(webhook.ref),),
        )
