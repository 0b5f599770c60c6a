from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.snapshot import Document, Snapshot
from upgrader.model.step import counted

_RECORD = "installed-state"
"""What istioctl itself leaves behind; no operator acts on it unless somebody installed one."""
_SAIL = "sailoperator.io"
_KEEPS = frozenset({"Istio", "IstioRevision"})
_MANAGED_BY = "app.kubernetes.io/managed-by"
_LEGACY = "istio-injection"


def operators(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report operators in the cluster that would install Istio by their own resources, and so fight the plan.

    The in-cluster operator of Istio looked at every IstioOperator whatever its revision (istio/istio issue 35139);
    1.23 was the last minor with one. A control plane that Sail made itself is ``installation.installers``'s.
    """
    del context
    acting = [str(d.ref) for d in mesh.documents_of("Deployment") if _is_operator(d)]
    asked = [
        str(r.ref)
        for r in mesh.resources_of("install.istio.io", "IstioOperator")
        if not r.ref.name.startswith(_RECORD)
    ]
    if acting or asked:
        yield _finding(
            "IstioOperator",
            "an operator in the cluster installs Istio from such objects"
            if acting
            else f"{counted(len(asked), 'object')} from which an operator would install Istio, if there is one",
            [*acting, *asked],
            (
                "scale the operator to 0 before the run, and keep its resources as a file"
                if acting
                else "kubectl get deployments -A -l name=istio-operator      # none: nothing acts on them",
            ),
            blocks=bool(acting),
        )
    kept = (d for kind in sorted(_KEEPS) for d in mesh.documents_of(kind))
    sails = [str(d.ref) for d in kept if d.ref.kind.group == _SAIL]
    if sails and all(p.installer != "sail" for p in mesh.control_planes):
        yield _finding(
            "Sail Operator",
            f"keeps {counted(len(sails), 'control plane')} in a mesh that it did not install",
            sails,
            ("finish the change of installer first, or remove its resources",),
            blocks=True,
        )


def _is_operator(document: Document) -> bool:
    spec = document.body.get("spec")
    kept = spec if isinstance(spec, dict) else {}
    named = document.ref.kind.kind == "Deployment" and document.ref.name.startswith("istio-operator")
    return named and kept.get("replicas") != 0


def _finding(subject: str, does: str, objects: list[str], do: tuple[str, ...], *, blocks: bool) -> Finding:
    return Finding(
        code="UPG-0392",
        severity=Severity.BLOCKED if blocks else Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: {does}",
        what=(some(objects),),
        why="such an operator puts back what a hop changes, and an old one installs its old version over the new revision",
        do=do,
        allowable=blocks,
        objects=tuple(objects),
    )


def namespace_labels(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report namespaces that a Helm release keeps, together with the label that decides on injection.

    The next upgrade of that release puts the label back to what its chart says (istio/istio issue 28969). Namespaces
    that a repository keeps are ``installation.gitops``'s.
    """
    del context
    spaces = {*mesh.owners.values()}
    kept = [
        n.name
        for n in mesh.namespaces
        if n.labels.get(_MANAGED_BY) == "Helm" and n.name in spaces and {REVISION, _LEGACY} & n.labels.keys()
    ]
    if kept:
        yield Finding(
            code="UPG-0393",
            severity=Severity.ADVISORY,
            subject="labels of namespaces",
            summary=f"labels of namespaces: Helm keeps {counted(len(kept), 'namespace')} with an injection label",
            what=(some(kept),),
            why="the next upgrade of that release may put the old label back, and new pods would start on a revision that is gone",
            do=(
                "change the label in the chart or its values as well, in the same order as the plan",
                "or bind the namespace to a tag, which stays the same from release to release",
            ),
            objects=tuple(f"Namespace {name}" for name in kept),
        )
