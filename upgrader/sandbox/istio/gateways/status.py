"""What istiod says of a Gateway: Accepted, Programmed, addresses and listeners."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from upgrader.sandbox.istio.gateways.ownership import is_managed
from upgrader.sandbox.istio.webhooks.reach import endpoints_of
from upgrader.sandbox.store import Obj, Store


def status_of(store: Store, gateway: Obj, service: str, moment: str) -> Obj:
    """The status as its owner writes it; a condition keeps its time while it says the same.

    Programmed means that the Service (``namespace/name``) leads to a ready pod: no proof that anybody still owns it.
    """
    namespace, _, name = service.partition("/")
    host, stored = f"{name}.{namespace}.svc.cluster.local", store.get(("", "services", namespace, name))
    if stored is not None and endpoints_of(store, namespace, name):
        word, reason, message = "True", "Programmed", f"Resource programmed, assigned to service(s) {host}"
    else:
        missing = f"no instances found for hostname {host!r}".replace("'", '"')
        word, reason = "False", "AddressNotAssigned"
        message = f"Failed to assign to any requested addresses: {missing}"
    generation = gateway["metadata"].get("generation", 1)
    old = gateway.get("status") or {}
    conditions = [
        _condition(old, moment, generation, ("Accepted", "True", "Accepted", "Resource accepted")),
        _condition(old, moment, generation, ("Programmed", word, reason, message)),
    ]
    status: Obj = {"addresses": _addresses(stored, host), "conditions": conditions}
    if listeners := gateway["spec"].get("listeners"):
        status["listeners"] = [_listener(each, old, moment, generation) for each in listeners]
    return status


def service_of(gateway: Obj, deployed: str) -> str:
    """``namespace/name`` of the Service in front of the Gateway's pods."""
    namespace = gateway["metadata"]["namespace"]
    if is_managed(gateway):
        return f"{namespace}/{deployed}"
    name, _, rest = str(gateway["spec"]["addresses"][0].get("value", "")).partition(".")
    return f"{rest.partition('.')[0] or namespace}/{name}"


def _addresses(service: Obj | None, host: str) -> list[dict[str, str]]:
    """Addresses of the load balancer where one is there, else the name inside the cluster."""
    balancer = (((service or {}).get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    found = [
        ("IPAddress", each["ip"]) if each.get("ip") else ("Hostname", each["hostname"]) for each in balancer
    ]
    return [{"type": kind, "value": value} for kind, value in found or [("Hostname", host)]]


def _condition(
    old: Mapping[str, Any], moment: str, generation: int, told: tuple[str, str, str, str]
) -> dict[str, Any]:
    kind, word, reason, message = told
    known: Mapping[str, Any] = next((c for c in old.get("conditions") or [] if c["type"] == kind), {})
    return {
        "type": kind,
        "status": word,
        "reason": reason,
        "message": message,
        "lastTransitionTime": known["lastTransitionTime"] if known.get("status") == word else moment,
        "observedGeneration": generation,
    }


def _listener(
    listener: Mapping[str, Any], old: Mapping[str, Any], moment: str, generation: int
) -> dict[str, Any]:
    name, fine = listener.get("name", ""), "No errors found"
    known: Mapping[str, Any] = next(
        (each for each in old.get("listeners") or [] if each.get("name") == name), {}
    )
    return {
        "name": name,
        "attachedRoutes": known.get("attachedRoutes", 0),
        "supportedKinds": [{"group": "gateway.networking.k8s.io", "kind": "HTTPRoute"}],
        "conditions": [
            _condition(known, moment, generation, (kind, "True", kind, fine))
            for kind in ("Accepted", "Programmed")
        ],
    }
