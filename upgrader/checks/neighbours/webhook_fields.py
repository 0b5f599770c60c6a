from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Belonging, Snapshot

_KINDS = frozenset({"MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"})
_APPLYING = frozenset(
    {"helm", "helm-controller", "kustomize-controller", "argocd-controller", "argocd-application-controller"}
)
"""Drivers that apply on the server and stop at a conflict: Helm 4, Flux, Argo CD. Helm 3 updates, and does not."""
_ISTIO = frozenset({"pilot-discovery", "istio-operator", "upgrader"})
"""istiod itself fills in caBundle and failurePolicy."""


def webhook_fields(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report webhook configurations whose fields two drivers own; the next apply of one stops at the other.

    istiod and some cloud providers write ``failurePolicy`` and selectors there at run time (istio/istio issues 60497
    and 45204).
    """
    del context
    for belonging in mesh.belongings:
        if belonging.ref.kind.kind not in _KINDS:
            continue
        appliers = sorted(m for m, how in belonging.managers.items() if m in _APPLYING and how == "Apply")
        others = sorted(belonging.managers.keys() - set(appliers))
        strangers = sorted(set(others) - _ISTIO - _APPLYING)
        if appliers and others:
            yield _finding(belonging, appliers[0], others)
        elif strangers and any(m in _ISTIO or m in _APPLYING for m in others):
            yield _finding(belonging, strangers[0], sorted(set(others) - {strangers[0]}))


def _finding(belonging: Belonging, driver: str, others: list[str]) -> Finding:
    ref = belonging.ref
    return Finding(
        code="UPG-0391",
        severity=Severity.ADVISORY,
        subject=ref.name,
        summary=f"{ref.name}: {driver} and {', '.join(others)} own fields of it",
        what=tuple(f"{name}: {how}" for name, how in sorted(belonging.managers.items())),
        why="a server-side apply stops at a field that another one owns; with Helm 4, Flux or a cloud's admission enforcer that is the next upgrade of the release",
        do=(
            f"kubectl get {ref.kind.plural} {ref.name} -o yaml --show-managed-fields      # who owns failurePolicy and the selectors",
            "let the driver leave these fields out, or take them over once (helm upgrade --force-conflicts)",
        ),
        objects=(str(ref),),
    )
