"""Gateways of the Gateway API: whose pods they are, and whose policy holds for what is behind them."""

from __future__ import annotations

from collections.abc import Iterator

from upgrader.checks.advisories.settings import Seen, inner
from upgrader.checks.advisories.world import Hit, World

_ACCOUNT = "gateway.istio.io/service-account"
_OF_GATEWAY = "gateway.networking.k8s.io/gateway-name"
_GATEWAY = "Gateway.gateway.networking.k8s.io"
_POLICY = "BackendTLSPolicy.gateway.networking.k8s.io"
_RULE = "DestinationRule.networking.istio.io"
_ENTRY = "ServiceEntry.networking.istio.io"


def gateway_pods_of_another_account(world: World) -> Iterator[Hit]:
    """Workloads that serve a managed Gateway with certificates, and run as another ServiceAccount than istiod expects.

    istiod expects what annotation ``gateway.istio.io/service-account`` says, else the name it gives the Deployment by
    itself, NAME-CLASS (1.28.0 pilot/pkg/config/kube/gateway/gateway_collection.go).
    """
    bodies = {(one.namespace, one.name): one for one in world.objects(_GATEWAY)}
    for gateway in world.mesh.api_gateways:
        one = bodies.get((gateway.ref.namespace, gateway.ref.name))
        if one is None or not gateway.managed or not _has_certificates(one):
            continue
        usual = f"{gateway.ref.name}-{gateway.class_name}"
        expected = str(inner(one.body, "metadata", "annotations").get(_ACCOUNT) or usual)
        for workload in world.mesh.workloads:
            if workload.ref.namespace != gateway.ref.namespace:
                continue
            if workload.template_labels.get(_OF_GATEWAY) != gateway.ref.name or not workload.template:
                continue
            account = str(inner(workload.template, "spec").get("serviceAccountName") or "default")
            if account != expected:
                yield Hit(str(workload.ref), f"spec.serviceAccountName {account}, {expected} is expected")


def backend_policies_with_a_destination_rule(world: World) -> Iterator[Hit]:
    """BackendTLSPolicies that speak of a host which a DestinationRule speaks of too."""
    rules: dict[str, Seen] = {}
    for rule in world.objects(_RULE):
        host = str(inner(rule.body, "spec").get("host", ""))
        rules.setdefault(host if "." in host else _full(host, rule.namespace), rule)
    entries = {(e.namespace, e.name): e for e in world.objects(_ENTRY)}
    for policy in world.objects(_POLICY):
        for number, target in enumerate(_targets(policy)):
            found = next((rules[h] for h in _hosts(target, policy, entries) if h in rules), None)
            if found is not None:
                yield Hit(policy.title, f"spec.targetRefs[{number}] {found.title}")


def _has_certificates(gateway: Seen) -> bool:
    listeners = inner(gateway.body, "spec").get("listeners")
    return any(inner(x, "tls").get("certificateRefs") for x in listeners or ())


def _targets(policy: Seen) -> list[dict[str, object]]:
    found = inner(policy.body, "spec").get("targetRefs")
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _hosts(target: dict[str, object], policy: Seen, entries: dict[tuple[str, str], Seen]) -> tuple[str, ...]:
    name = str(target.get("name", ""))
    if target.get("kind") == "Service":
        return (_full(name, policy.namespace),)
    entry = entries.get((policy.namespace, name)) if target.get("kind") == "ServiceEntry" else None
    found = inner(entry.body, "spec").get("hosts") if entry else None
    return tuple(str(host) for host in found) if isinstance(found, list) else ()


def _full(name: str, namespace: str) -> str:
    return f"{name}.{namespace}.svc.cluster.local"
