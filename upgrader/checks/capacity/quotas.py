from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import floor

from upgrader.checks.capacity.pods import asked, containers_of, istiod_resources
from upgrader.checks.capacity.quantities import quantity, told
from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug
from upgrader.checks.scope import moved, moving
from upgrader.checks.workloads.budgets import unavailable
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Document, Snapshot, Workload

_APPLIES = frozenset({"NotTerminating", "NotBestEffort"})
"""Scopes of a quota that an ordinary pod with requests falls under; others are not weighed."""
_PLAIN = {"cpu": "requests.cpu", "memory": "requests.memory", "count/pods": "pods"}
_EXACT = 1e-9
_PER_POD = ("requests.cpu", "requests.memory", "limits.cpu", "limits.memory", "pods")


def quotas(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report ResourceQuotas that have no room for a second istiod, or for the one pod more that a restart starts with.

    A workload that may take a pod down first gets on without room, so it is not reported.
    Source: kubernetes.io, concepts/policy/resource-quotas.
    """
    by_namespace = applying(mesh)
    if not by_namespace or len(context.path) < 2:
        return
    defaults = defaults_of(mesh)
    yield from _second_istiod(mesh, context, by_namespace, defaults)
    yield from _restarts(mesh, context, by_namespace, defaults)


def applying(mesh: Snapshot) -> dict[str, list[Document]]:
    """Namespace to its quotas that ordinary pods fall under, and that say how much is used."""
    found: dict[str, list[Document]] = {}
    for quota in documents(mesh, "ResourceQuota"):
        if _applies(quota) and dug(quota.body, "status", "used") is not None:
            found.setdefault(quota.ref.namespace, []).append(quota)
    return found


def _second_istiod(
    mesh: Snapshot,
    context: Context,
    by_namespace: Mapping[str, list[Document]],
    defaults: Mapping[str, set[str]],
) -> Iterator[Finding]:
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is None or not plane.replicas:
            continue
        one = asked([{"resources": istiod_resources(mesh, plane)}])
        wanted = {k: v * plane.replicas for k, v in (one | {"pods": 1}).items()}
        for quota in by_namespace.get(plane.ref.namespace, ()):
            short = _short(quota, wanted, defaults.get(quota.ref.namespace, set()))
            if short:
                yield _finding(
                    quota, f"has no room for a second istiod ({plane.replicas} pods)", short, [str(plane.ref)]
                )


def _restarts(
    mesh: Snapshot,
    context: Context,
    by_namespace: Mapping[str, list[Document]],
    defaults: Mapping[str, set[str]],
) -> Iterator[Finding]:
    proxies = mesh.live
    stuck: dict[tuple[str, tuple[str, ...]], list[Workload]] = {}
    seen: dict[str, Document] = {}
    for workload, _ in moved(mesh, context):
        there = by_namespace.get(workload.ref.namespace, ())
        if (
            not there
            or workload.ref.kind.kind != "Deployment"
            or unavailable(workload)
            or not workload.replicas
        ):
            continue
        revision = proxies[workload.key][0].revision
        one = asked(containers_of(mesh, workload, revision)) | {"pods": 1.0}
        for quota in there:
            short = _short(quota, one, defaults.get(quota.ref.namespace, set()))
            if short:
                stuck.setdefault((str(quota.ref), short), []).append(workload)
                seen[str(quota.ref)] = quota
    for (ref, short), workloads in stuck.items():
        names = [w.name for w in workloads]
        said = f"has no room for the pod that a restart of {names[0]} starts with"
        yield _finding(
            seen[ref], said, (*short, *(f"also {n}" for n in names[1:5])), [w.key for w in workloads]
        )


def _short(quota: Document, wanted: Mapping[str, float], defaulted: set[str]) -> tuple[str, ...]:
    """What is missing, a line each."""
    found = []
    for key, need, left, most in _weighed(quota, wanted, defaulted):
        name = _PLAIN.get(key, key)
        if not need:
            found.append(f"{key}: every pod must say one, and a container here says none")
        elif need > left + _EXACT:
            found.append(
                f"{key}: {told(name, need)} wanted, {told(name, max(left, 0))} of {told(name, most)} left"
            )
    return tuple(found)


def pods_that_fit(quota: Document, one: Mapping[str, float], defaulted: set[str]) -> int | None:
    """How many pods more *quota* takes, each of which counts for *one*; None where it limits nothing that they ask for."""
    found = [
        floor((max(left, 0) + _EXACT) / need) if need else 0
        for _, need, left, _ in _weighed(quota, one, defaulted)
    ]
    return min(found, default=None)


def _weighed(
    quota: Document, wanted: Mapping[str, float], defaulted: set[str]
) -> Iterator[tuple[str, float, float, float]]:
    """Each limit by its key, with what is wanted, left and granted; without what a LimitRange fills in."""
    used = dug(quota.body, "status", "used") or {}
    for key, text in (dug(quota.body, "spec", "hard") or {}).items():
        name = _PLAIN.get(key, key)
        need, most = wanted.get(name, 0), quantity(text)
        if name in _PER_POD and (need or name not in defaulted):
            yield key, need, most - quantity(used.get(key)), most


def _finding(quota: Document, said: str, short: tuple[str, ...], objects: list[str]) -> Finding:
    name = f"{quota.ref.namespace}/{quota.ref.name}"
    return Finding(
        code="UPG-0377",
        severity=Severity.BLOCKED,
        subject=name,
        summary=f"{name}: {said}",
        what=short,
        why="the API server refuses a pod that goes beyond a quota, so the rollout would wait for ever",
        do=(
            f"kubectl -n {quota.ref.namespace} edit resourcequota/{quota.ref.name}      # until the upgrade has ended",
        ),
        hop=1,
        allowable=True,
        objects=(str(quota.ref), *objects),
    )


def _applies(quota: Document) -> bool:
    scopes = dug(quota.body, "spec", "scopes") or ()
    selected = dug(quota.body, "spec", "scopeSelector", "matchExpressions") or ()
    named = {*scopes, *(e.get("scopeName") for e in selected)}
    return named <= _APPLIES


def defaults_of(mesh: Snapshot) -> dict[str, set[str]]:
    """Namespace to what LimitRanges fill in where a container says nothing."""
    found: dict[str, set[str]] = {}
    for each in documents(mesh, "LimitRange"):
        for limit in dug(each.body, "spec", "limits") or ():
            if limit.get("type") == "Container":
                said = found.setdefault(each.ref.namespace, set())
                most, requests = limit.get("default") or {}, limit.get("defaultRequest") or {}
                said |= {f"limits.{r}" for r in most} | {f"requests.{r}" for r in (*requests, *most)}
    return found
