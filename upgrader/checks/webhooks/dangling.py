from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.checks.webhooks.reach import dangles, namespaces_selected, never_matches
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot, Webhook, WebhookEntry


def dangling(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report webhook configurations that call a Service which is not there.

    With failurePolicy Fail an injector then refuses every pod that it selects, a validator every Istio object.
    """
    del context
    for webhook in (*mesh.injectors, *mesh.validators):
        dead = tuple(e for e in webhook.entries if dangles(e, mesh) and not never_matches(e))
        if dead:
            yield _finding(mesh, webhook, dead)


def _finding(mesh: Snapshot, webhook: Webhook, dead: tuple[WebhookEntry, ...]) -> Finding:
    failing = [e for e in dead if e.failure_policy != "Ignore"]
    injector = webhook in mesh.injectors
    hit = namespaces_selected(failing, mesh) if injector else ()
    blocks = bool(hit) if injector else bool(failing)
    services = sorted({e.service for e in dead})
    return Finding(
        code="UPG-0322",
        severity=Severity.BLOCKED if blocks else Severity.ADVISORY,
        subject=webhook.ref.name,
        summary=f"{webhook.ref.name}: calls Service {some(services)}, which does not exist",
        what=(_effect(injector, failing, hit),),
        why="it is what a control plane that was removed has left behind",
        do=(f"kubectl delete {webhook.ref.kind.plural[:-1]} {webhook.ref.name}", *_move(mesh, webhook)),
        objects=(str(webhook.ref),),
    )


def _effect(injector: bool, failing: list[WebhookEntry], hit: tuple[str, ...]) -> str:
    if not failing:
        return "failurePolicy Ignore: what it should do is silently not done"
    if not injector:
        return "failurePolicy Fail: writes of the Istio objects that it selects are refused"
    return (
        f"failurePolicy Fail: pods can not be created in {some(hit)}"
        if hit
        else "it selects no pod of any namespace"
    )


def _move(mesh: Snapshot, webhook: Webhook) -> tuple[str, ...]:
    live = next((p.revision for p in mesh.control_planes if p.replicas), "")
    if not (webhook.tag and live):
        return ()
    return (
        f"istioctl tag set {webhook.tag} --revision {live} --overwrite      # or let the tag lead somewhere again",
    )
