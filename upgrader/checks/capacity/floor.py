from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug
from upgrader.checks.scope import moving
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import ControlPlane, Document, Snapshot

PROXIES = 2000
"""Sidecars that one istiod of 1 core and 1.5 GB served in upstream's own measurements (istio.io, performance and scalability)."""


def istiod_floor(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report autoscalers of istiod that go by CPU and let the next revision begin with fewer pods than serve its proxies now.

    The charts of 1.12 to 1.31 bring one for each revision (1 to 5 pods, 80 % of the requested CPU) and no number of replicas, so
    every new revision begins at the minimum. Hazards: istio/istio issues 34203, 36763 and 42634; row 83: 35263.
    """
    if len(context.path) < 2:
        return
    scalers = {_target(d): d for d in documents(mesh, "HorizontalPodAutoscaler")}
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        scaler = scalers.get((plane.ref.namespace, plane.ref.kind.kind, plane.ref.name)) if plane else None
        if plane is None or scaler is None or not _by_cpu(scaler):
            continue
        least = _number(scaler, "minReplicas", 1)
        proxies = mesh.proxies_on(revision)
        wanted = max(plane.replicas, ceil(proxies / PROXIES))
        if wanted > least:
            yield _finding(plane, scaler, (least, wanted, proxies), context)


def _finding(
    plane: ControlPlane, scaler: Document, numbers: tuple[int, int, int], context: Context
) -> Finding:
    least, wanted, proxies = numbers
    name, most = f"{scaler.ref.namespace}/{scaler.ref.name}", _number(scaler, "maxReplicas", 0)
    following = f"istiod-{context.path[1].revision}"
    raised = f"""-p '{{"spec":{{"minReplicas":{wanted}}}}}'"""
    low = (f"its maximum is {most}: raise that too",) if most < wanted else ()
    return Finding(
        code="UPG-0397",
        severity=Severity.ADVISORY,
        subject=name,
        summary=f"{name}: the next istiod begins with {_pods(least)} if its autoscaler is alike, and {proxies} proxies move to it",
        what=(
            f"{plane.ref} runs {_pods(plane.replicas)} now",
            f"minReplicas {least}, maxReplicas {most}, by CPU",
            *low,
        ),
        why="an autoscaler that goes by CPU follows a wave of restarts late, and takes pods away after it: their proxies connect "
        "anew, which is load again",
        do=(
            f"set autoscaleMin to {wanted} in the values of the revision that is installed",
            f"kubectl -n {plane.ref.namespace} patch hpa/{following} --type=merge {raised}      # or, once it is installed",
            "put it back after the last wave",
        ),
        objects=(str(scaler.ref), str(plane.ref)),
    )


def _by_cpu(scaler: Document) -> bool:
    """Whether CPU is what it goes by; without a metric it does (pkg/apis/autoscaling, defaults)."""
    metrics = dug(scaler.body, "spec", "metrics")
    named = {dug(m, "resource", "name") or dug(m, "containerResource", "name") for m in metrics or ()}
    return not metrics or "cpu" in named


def _target(scaler: Document) -> tuple[str, str, str]:
    target = dug(scaler.body, "spec", "scaleTargetRef") or {}
    return scaler.ref.namespace, str(target.get("kind")), str(target.get("name"))


def _number(scaler: Document, field: str, default: int) -> int:
    found = dug(scaler.body, "spec", field)
    return default if found is None else int(found)


def _pods(count: int) -> str:
    return "1 pod" if count == 1 else f"{count} pods"
