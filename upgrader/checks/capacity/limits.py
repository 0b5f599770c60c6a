from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from upgrader.checks.capacity.pods import asked, flat, injected_resources, istiod_resources, sidecar_resources
from upgrader.checks.capacity.quantities import quantity, told
from upgrader.checks.context import Context
from upgrader.checks.documents import documents, dug
from upgrader.checks.scope import moved, moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import Document, Snapshot

LIMITS = ("limits.cpu", "limits.memory")


def limits(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report LimitRanges that the next sidecar or istiod does not fit into, and sidecars without requests or limits.

    The sidecars of the new revision are taken to ask for as much as those of the old one do: the charts have said the
    same since 1.12. Source: kubernetes.io, concepts/policy/limit-range.
    """
    by_namespace: dict[str, list[Document]] = {}
    for each in documents(mesh, "LimitRange"):
        by_namespace.setdefault(each.ref.namespace, []).append(each)
    for (ranged, line), names in _misfits(mesh, context, by_namespace).items():
        yield _refused(ranged, line, names)
    for revision in sorted(moving(mesh, context)):
        yield from _unlimited(mesh, revision)


def _misfits(
    mesh: Snapshot, context: Context, by_namespace: Mapping[str, list[Document]]
) -> dict[tuple[str, str], list[str]]:
    """LimitRange and what it refuses to the workloads concerned."""
    found: dict[tuple[str, str], list[str]] = {}
    if not by_namespace:
        return found
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is not None:
            for ranged in by_namespace.get(plane.ref.namespace, ()):
                for line in _outside(ranged, istiod_resources(mesh, plane), "istiod"):
                    found.setdefault((_name(ranged), line), []).append(
                        f"{plane.ref.namespace}/{plane.ref.name}"
                    )
    proxies = mesh.live
    for workload, _ in moved(mesh, context):
        for ranged in by_namespace.get(workload.ref.namespace, ()):
            revision = proxies[workload.key][0].revision
            for line in _outside(ranged, sidecar_resources(mesh, workload, revision), "istio-proxy"):
                found.setdefault((_name(ranged), line), []).append(workload.name)
    return found


def _outside(ranged: Document, resources: Obj, who: str) -> Iterator[str]:
    for limit in dug(ranged.body, "spec", "limits") or ():
        if limit.get("type") == "Container":
            yield from _container(limit, resources, who)


def _container(limit: Mapping[str, Any], resources: Obj, who: str) -> Iterator[str]:
    said = flat(resources)
    for resource, text in (limit.get("max") or {}).items():
        most = max(said.get(f"limits.{resource}", 0), said.get(f"requests.{resource}", 0))
        if most > quantity(text):
            yield f"{who} asks for {told(resource, most)} of {resource}, at most {told(resource, quantity(text))} is allowed"
    for resource, text in (limit.get("min") or {}).items():
        least = said.get(f"requests.{resource}")
        if least is not None and least < quantity(text):
            yield f"{who} requests {told(resource, least)} of {resource}, at least {told(resource, quantity(text))} is wanted"
    for resource, text in (limit.get("default") or {}).items():
        request = said.get(f"requests.{resource}", 0)
        if f"limits.{resource}" not in said and request > quantity(text):
            yield (
                f"{who} says no limit of {resource} and is given {told(resource, quantity(text))}, "
                f"less than the {told(resource, request)} that it requests"
            )


def _refused(ranged: str, line: str, names: list[str]) -> Finding:
    namespace, _, name = ranged.partition("/")
    return Finding(
        code="UPG-0379",
        severity=Severity.BLOCKED,
        subject=ranged,
        summary=f"{ranged}: {line}",
        what=(f"concerned: {some(names)}",),
        why="the API server refuses such a pod at its next start; what runs was there before",
        do=(
            f"kubectl -n {namespace} edit limitrange/{name}",
            "or set the annotations sidecar.istio.io/proxyCPULimit and proxyMemoryLimit on the pod templates",
        ),
        allowable=True,
        objects=(f"LimitRange {ranged}", *names),
    )


def _unlimited(mesh: Snapshot, revision: str) -> Iterator[Finding]:
    said = asked([{"resources": injected_resources(mesh, revision)}])
    missing = [key for key in ("requests.cpu", "requests.memory", *LIMITS) if key not in said]
    count = sum(c.count for c in mesh.crowds if c.kind == "sidecar" and c.revision == revision)
    if not missing or not count:
        return
    name = f"revision {revision}"
    each = [f"{told(k, said[k])} of {k}" for k in said]
    all_ = [f"{told(k, said[k] * count)} of {k}" for k in said]
    yield Finding(
        code="UPG-0379",
        severity=Severity.ADVISORY,
        subject=name,
        summary=f"{name}: its {count} sidecars have no {', '.join(missing)}",
        what=(f"each has {', '.join(each)}", f"together {', '.join(all_)}, now and after the move")
        if said
        else (),
        why="while a revision moves, every proxy loads its configuration anew: without requests it is the first to be evicted,"
        " without limits one can take the memory of its node",
        do=("set global.proxy.resources in the values of the new revision",),
        objects=(name,),
    )


def _name(ranged: Document) -> str:
    return f"{ranged.ref.namespace}/{ranged.ref.name}"
