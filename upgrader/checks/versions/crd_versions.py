from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.catalog.entries import DefinitionVersions
from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Snapshot
from upgrader.model.version import Version


def crd_versions(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report CustomResourceDefinitions of Istio that do not go with a hop.

    Either the cluster stores a version that the hop's definitions do not serve, which the API server refuses; or the
    hop brings no definitions, and those of the cluster lack versions that its minor has.
    """
    for number, target in enumerate(context.path[1:], start=1):
        known = context.catalog.served(target.series)
        parts = context.parts.get(str(target))
        if known and (parts is None or "crds" in parts):
            yield from _stored(mesh, known, number, target)
        elif known:
            yield from _lacking(mesh, known, number, target)


def _stored(
    mesh: Snapshot, known: Mapping[str, DefinitionVersions], number: int, target: Version
) -> Iterator[Finding]:
    for one in mesh.definitions:
        gone = sorted(set(one.stored) - set(known[one.name].served)) if one.name in known else []
        if gone:
            yield Finding(
                code="UPG-0117",
                severity=Severity.BLOCKED,
                subject=f"CRD {one.name}",
                summary=f"CRD {one.name}: objects may be stored as {', '.join(gone)}, which {target.series} does not serve",
                what=(f"status.storedVersions: {', '.join(one.stored)}", _has(known[one.name])),
                why="the API server refuses a definition without a version that objects are stored as",
                do=(
                    f"kubectl get {one.name} -A -o json | kubectl replace -f -      # writes every object in the new version",
                    f"then take {', '.join(gone)} out of status.storedVersions: kubectl edit crd {one.name} --subresource=status",
                ),
                hop=number,
                allowable=True,
                objects=(f"CustomResourceDefinition {one.name}",),
            )


def _lacking(
    mesh: Snapshot, known: Mapping[str, DefinitionVersions], number: int, target: Version
) -> Iterator[Finding]:
    there = {d.name: d for d in mesh.definitions}
    absent = sorted(known.keys() - there.keys())
    lacks = {n: sorted(set(known[n].served) - set(there[n].served)) for n in known.keys() & there.keys()}
    behind = sorted(n for n, versions in lacks.items() if versions)
    if absent or behind:
        source = known[(behind or absent)[0]]
        yield Finding(
            code="UPG-0117",
            severity=Severity.BLOCKED if behind else Severity.ADVISORY,
            subject=f"CRDs of {target.series}",
            summary=f"CRDs of {target.series}: hop {number} brings none, and those of the cluster are older",
            what=(
                *(f"{n} does not serve {', '.join(lacks[n])}" for n in behind),
                *((f"there is no {some(absent)}",) if absent else ()),
            ),
            why=f"istiod waits for definitions that it reads, and is not ready without them; {source.source[0]}",
            do=(
                f"add the CRDs of the base chart of {target} to the folder {target} of the manifests",
                f"or apply them before hop {number} by whoever keeps them",
            ),
            hop=number,
            allowable=bool(behind),
            objects=tuple(f"CustomResourceDefinition {n}" for n in (*behind, *absent)),
        )


def _has(known: DefinitionVersions) -> str:
    return f"it serves {', '.join(known.served)} since {known.since}; {known.source[0]}"
