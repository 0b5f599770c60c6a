from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.context import Context
from upgrader.checks.scope import some
from upgrader.checks.webhooks.reach import dangles
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import label_selector_matches, selector_keys
from upgrader.model.snapshot import CustomResource, Labels, Snapshot, WebhookEntry
from upgrader.model.step import counted

_CHECKED = ("networking.istio.io", "security.istio.io", "telemetry.istio.io", "extensions.istio.io")


def validated(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report namespaces with objects of Istio that no webhook validates: what is wrong there is stored as it is.

    The validator of a revision takes objects with its label alone; all others are for istiod-default-validator, which
    an installation with revisions need not have (sail-operator issue 1889). One that leads nowhere is
    ``webhooks.dangling``'s.
    """
    del context
    entries = [e for w in mesh.validators for e in w.entries]
    if not mesh.control_planes or any(dangles(e, mesh) for e in entries):
        return
    bare: dict[str, list[str]] = {}
    for resource in _unseen(mesh, entries):
        bare.setdefault(resource.ref.namespace, []).append(str(resource.ref))
    if not bare:
        return
    names = sorted(bare)
    live = next((p.revision for p in mesh.control_planes if p.replicas), "REVISION")
    yield Finding(
        code="UPG-0386",
        severity=Severity.ADVISORY,
        subject="validation",
        summary=f"validation: no webhook looks at configuration in {counted(len(names), 'namespace')}: {some(names, 3)}",
        what=tuple(f"{name}: {some(bare[name], 3)}" for name in names[:8]),
        why="a mistake is then stored without an error, and which revision would refuse it is only seen when it is used",
        do=(f"istioctl tag set default --revision {live}      # it brings istiod-default-validator",),
        objects=tuple(ref for name in names for ref in bare[name]),
    )


def _unseen(mesh: Snapshot, entries: list[WebhookEntry]) -> Iterator[CustomResource]:
    """Objects that none of *entries* takes; what the selectors do not look at makes no difference."""
    asked = tuple(set[str]().union(*(selector_keys(e.object_selector) for e in entries)))
    labels = {n.name: n.labels for n in mesh.namespaces}
    taken: dict[tuple[str | None, ...], bool] = {}
    for resource in mesh.resources:
        group, namespace = resource.ref.kind.group, resource.ref.namespace
        if group not in _CHECKED:
            continue
        key = (group, namespace, *map(resource.labels.get, asked))
        if key not in taken:
            taken[key] = any(_takes(e, group, labels.get(namespace, {}), resource.labels) for e in entries)
        if not taken[key]:
            yield resource


def _takes(entry: WebhookEntry, group: str, namespace: Labels, labels: Labels) -> bool:
    groups = {pattern.partition("/")[0] for pattern in entry.resources} or {"*"}
    return (
        bool(groups & {"*", group})
        and label_selector_matches(entry.namespace_selector, namespace)
        and label_selector_matches(entry.object_selector, labels)
    )
