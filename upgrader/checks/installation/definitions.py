from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.snapshot import Definition, Snapshot
from upgrader.model.step import counted

_MAKES = {"istio-operator": "istioctl", "helm": "helm", "sail-operator": "sail", "upgrader": "upgrade"}
_WAYS = ("kubectl", "istioctl")


def definitions(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report CustomResourceDefinitions of Istio that several managers own, or another installer than istiod's.

    They are shared by all revisions. A hop sends them as the one manager that owns them; with two owners the second
    refuses the write, or takes its part back later.
    """
    del context
    installers = {p.installer for p in mesh.control_planes} - {"unknown"}
    shared: dict[str, list[str]] = {}
    foreign: dict[str, list[str]] = {}
    for definition in mesh.definitions:
        if not definition.name.endswith("istio.io"):
            continue
        owners = owners_of_spec(definition)
        said = " and ".join(owners)
        if len(owners) > 1:
            shared.setdefault(said, []).append(definition.name)
        elif owners and installers and not _belongs(owners[0], installers):
            foreign.setdefault(said, []).append(definition.name)
    for said, names in sorted(shared.items()):
        yield _finding(f"owned by {said} at the same time", names, Severity.BLOCKED)
    for said, names in sorted(foreign.items()):
        yield _finding(
            f"owned by {said}, istiod by {', '.join(sorted(installers))}", names, Severity.ADVISORY
        )


def owners_of_spec(definition: Definition) -> tuple[str, ...]:
    """Who owns part of the spec; several commands of one tool (kubectl-client-side-apply, kubectl) are one owner."""
    found = set()
    for manager in definition.managers:
        found.add(next((way for way in _WAYS if manager.startswith(way)), manager))
    return tuple(sorted(found - {"upgrader"} or found))


def _belongs(owner: str, installers: set[str]) -> bool:
    made = _MAKES.get(owner, owner)
    return (
        made in installers
        or (made in {"kubectl", "upgrade"} and "manifests" in installers)
        or made == "upgrade"
    )


def _finding(trouble: str, names: list[str], severity: Severity) -> Finding:
    blocked = severity is Severity.BLOCKED
    return Finding(
        code="UPG-0329",
        severity=severity,
        subject=f"CRD {names[0]}" if len(names) == 1 else "CRDs of Istio",
        summary=f"{counted(len(names), 'CRD')} of Istio {'is' if len(names) == 1 else 'are'} {trouble}",
        what=(some(names),),
        why="a hop writes them once, as one owner; the other one would refuse the write or undo it later"
        if blocked
        else "a hop writes them as the owner that they have",
        do=(
            f"kubectl get crd {names[0]} --show-managed-fields -o yaml      # who owns what",
            "let one installer apply the CRDs of the running version again, and take them out of the other one",
        )
        if blocked
        else ("nothing, if that is meant",),
        allowable=blocked,
        objects=tuple(f"CustomResourceDefinition {name}" for name in names),
    )
