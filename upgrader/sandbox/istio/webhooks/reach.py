"""From a Service to the process behind it, with the words of the API server when there is none."""

from __future__ import annotations

from upgrader.sandbox.istio.planes import Istio, is_ready, istiod_of
from upgrader.sandbox.store import Obj, Store


class Unreachable(Exception):
    """Nobody answers; the text is what the dialling side reports."""


class Unusable(Unreachable):
    """There is no way to even try."""


def endpoints_of(store: Store, namespace: str, name: str) -> list[tuple[str, Obj | None]]:
    """Ready addresses of a Service in order of IP, each with its pod if it names one that exists."""
    found: list[tuple[str, Obj | None]] = []
    for subset in (store.get(("", "endpoints", namespace, name)) or {}).get("subsets") or []:
        for address in subset.get("addresses") or []:
            ref = address.get("targetRef") or {}
            key = ("", "pods", ref.get("namespace") or namespace, ref.get("name", ""))
            found.append((str(address.get("ip", "")), store.get(key)))
    return sorted(found, key=lambda pair: pair[0])


def istiods_behind(store: Store, namespace: str, name: str) -> list[Istio]:
    """Ready istiod pods behind a Service; empty when the Service is missing or leads elsewhere."""
    if store.get(("", "services", namespace, name)) is None:
        return []
    pods = [pod for _, pod in endpoints_of(store, namespace, name) if pod is not None and is_ready(pod)]
    return [found for pod in pods if (found := istiod_of(pod))]


def dial(store: Store, namespace: str, name: str, port: int) -> Istio:
    """The istiod that would answer a call to this Service.

    Raises:
        Unreachable: no such Service or port, no endpoints, or what is there is no istiod.
    """
    service = store.get(("", "services", namespace, name))
    if service is None:
        raise Unreachable(f'service "{name}" not found')
    ports = service["spec"].get("ports") or []
    entry = next((p for p in ports if p.get("port") == port), None)
    if entry is None:
        raise Unreachable(f'no service port {port} found for service "{name}"')
    behind = endpoints_of(store, namespace, name)
    if not behind:
        raise Unreachable(f'no endpoints available for service "{name}"')
    for _, pod in behind:
        if pod is not None and is_ready(pod) and (istiod := istiod_of(pod)):
            return istiod
    target = entry.get("targetPort") or port
    raise Unreachable(f"dial tcp {behind[0][0]}:{target}: connect: connection refused")
