"""Where webhooks lead, and whom they concern."""

from __future__ import annotations

from collections.abc import Sequence

from upgrader.model.injection import ENTRY, IGNORED_NAMESPACES, label_selector_matches
from upgrader.model.snapshot import Snapshot, WebhookEntry

DEACTIVATED = {"istio.io/deactivated": "never-match"}


def dangles(entry: WebhookEntry, mesh: Snapshot) -> bool:
    """Whether *entry* calls a Service that does not exist."""
    return bool(entry.service) and entry.service not in mesh.services


def never_matches(entry: WebhookEntry) -> bool:
    """Whether istioctl has switched it off (selector ``istio.io/deactivated: never-match``)."""
    return any(
        (selector.get("matchLabels") or {}).items() >= DEACTIVATED.items()
        for selector in (entry.namespace_selector, entry.object_selector)
    )


def namespaces_selected(entries: Sequence[WebhookEntry], mesh: Snapshot) -> tuple[str, ...]:
    """Namespaces in which an injection entry selects a plain pod or a pod of a workload."""
    templates: dict[str, list[dict[str, str]]] = {}
    for workload in mesh.workloads:
        templates.setdefault(workload.ref.namespace, []).append(workload.template_labels)
    found = []
    for namespace in mesh.namespaces:
        if namespace.name in IGNORED_NAMESPACES:
            continue
        pods = ({}, *templates.get(namespace.name, ()))
        if any(_selects(entry, namespace.labels, labels) for entry in entries for labels in pods):
            found.append(namespace.name)
    return tuple(found)


def _selects(entry: WebhookEntry, namespace: dict[str, str], pod: dict[str, str]) -> bool:
    return (
        entry.name.endswith(ENTRY)
        and label_selector_matches(entry.namespace_selector, namespace)
        and label_selector_matches(entry.object_selector, pod)
    )
