"""Does every webhook lead somewhere?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from upgrader.cluster.read import webhooks_of
from upgrader.model.kinds import ENDPOINTS, MUTATING_WEBHOOK, SERVICE, VALIDATING_WEBHOOK, Ref
from upgrader.model.snapshot import Webhook, WebhookEntry
from upgrader.model.step import Reader, Reading, counted, worst
from upgrader.probes.unread import pending_if_unread

_OFF = {"matchLabels": {"istio.io/deactivated": "never-match"}}


class WebhooksResolve(msgspec.Struct, frozen=True, kw_only=True, tag="webhooks-resolve", tag_field="probe"):
    """Every Istio webhook entry names a Service with ready endpoints and has a caBundle.

    Attributes:
        known_dangling: Configurations that led nowhere when the plan was made; they do not count.
    """

    root_namespace: str = "istio-system"
    known_dangling: tuple[str, ...] = ()

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """Broken where the Service does not exist; pending where endpoints or caBundle can still come."""
        webhooks = [w for w in self._all(cluster) if w.ref.name not in self.known_dangling]
        entries = [(w, e) for w in webhooks for e in w.entries if e.service and not _is_off(e)]
        services = {service: _leads(cluster, service) for service in sorted({e.service for _, e in entries})}
        readings = []
        for webhook, entry in entries:
            readings.append(_named(webhook, services[entry.service]))
            if not entry.ca:
                readings.append(Reading.pending(f"webhook {webhook.ref.name} has no caBundle yet"))
        return worst(
            readings,
            f"{counted(len(webhooks), 'webhook configuration')} leading to {counted(len(services), 'Service')}",
        )

    def title(self) -> str:
        """The question, for plan and report."""
        return "every Istio webhook leads to a Service that answers"

    def _all(self, cluster: Reader) -> Iterator[Webhook]:
        for kind in (MUTATING_WEBHOOK, VALIDATING_WEBHOOK):
            yield from webhooks_of(cluster.list(kind))


def _is_off(entry: WebhookEntry) -> bool:
    """An entry that selects nothing is never called, wherever it leads."""
    return _OFF in (entry.namespace_selector, entry.object_selector)


def _leads(cluster: Reader, service: str) -> Reading:
    namespace, _, name = service.partition("/")
    if cluster.get(Ref(SERVICE, name, namespace)) is None:
        return Reading.broken(f"Service {service}, which does not exist")
    endpoints = cluster.get(Ref(ENDPOINTS, name, namespace)) or {}
    if not any(subset.get("addresses") for subset in endpoints.get("subsets") or ()):
        return Reading.pending(f"Service {service}, which has no ready endpoints")
    return Reading.holds(f"Service {service}")


def _named(webhook: Webhook, reading: Reading) -> Reading:
    return msgspec.structs.replace(reading, summary=f"webhook {webhook.ref.name} calls {reading.summary}")
