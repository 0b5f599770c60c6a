from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import stays
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION, Istiods
from upgrader.model.injection import injection as injection_of
from upgrader.model.ownership import resolve
from upgrader.model.snapshot import Snapshot

LEGACY = "istio-injection"


def both_labels(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report namespaces with both injection labels: ``istio-injection`` wins, and ``istio.io/rev`` does nothing."""
    istiods = Istiods.of(mesh)
    for namespace in mesh.namespaces:
        labels = namespace.labels
        if not (LEGACY in labels and REVISION in labels) or stays(context, namespace.name):
            continue
        named = resolve(labels[REVISION], mesh)
        found = injection_of(namespace.name, labels, {}, {}, False, mesh.injectors, istiods).winner
        agree = named == frozenset({found}) if found else not named
        gets = f"revision {found}" if found else "no sidecar"
        yield Finding(
            code="UPG-0318",
            severity=Severity.ADVISORY if agree else Severity.BLOCKED,
            subject=f"Namespace {namespace.name}",
            summary=f"Namespace {namespace.name}: has istio-injection and istio.io/rev, its pods get {gets}",
            what=(
                f"istio-injection={labels[LEGACY]} decides",
                f"istio.io/rev={labels[REVISION]} stands for {', '.join(sorted(named)) or 'nothing that is installed'}",
            ),
            why="istio-injection wins, so moving istio.io/rev alone would move nothing",
            do=(
                f"kubectl label namespace {namespace.name} {LEGACY}-      # keep istio.io/rev",
                f"kubectl label namespace {namespace.name} {REVISION}-      # or keep istio-injection",
            ),
            objects=(f"Namespace {namespace.name}",),
        )
