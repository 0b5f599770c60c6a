"""Hosts that VirtualServices, DestinationRules and ServiceEntries name, and what they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from upgrader.checks.advisories.settings import Seen, inner
from upgrader.checks.advisories.world import Hit, World

_DESTINATION_RULE = "DestinationRule.networking.istio.io"
_SERVICE_ENTRY = "ServiceEntry.networking.istio.io"
_VIRTUAL_SERVICE = "VirtualService.networking.istio.io"
_ALIAS = "ENABLE_EXTERNAL_NAME_ALIAS"
_OLDEST = "PERSIST_OLDEST_FIRST_HEURISTIC_FOR_VIRTUAL_SERVICE_HOST_MATCHING"
_TARGET_PORT = "ENABLE_RESOLUTION_NONE_TARGET_PORT"


def external_names_in_use(world: World) -> Iterator[Hit]:
    """What is written for an ExternalName Service and will not hold; where only known hosts may be called, such Services too.

    Source: pilot/pkg/model/push_context.go (resolveServiceAliases) and core/v1alpha3/httproute.go of 1.21.0.
    """
    aliases = _aliases(world)
    if not aliases or _is_set(world, _ALIAS):
        return
    known = _known(world)
    unknown = {host: target for host, target in aliases.items() if not _is_known(target, known)}
    for rule in world.objects(_DESTINATION_RULE):
        if _full(inner(rule.body, "spec").get("host"), rule.namespace) in aliases:
            yield Hit(rule.title, "spec.host")
    for one in world.objects(_VIRTUAL_SERVICE):
        yield from _of_virtual_service(one, aliases, unknown)
    policies = [inner(c.body, "outboundTrafficPolicy").get("mode") for c in world.objects("MeshConfig")]
    meshed = {p.namespace for p in world.mesh.proxies}
    for host, target in unknown.items() if "REGISTRY_ONLY" in policies else ():
        name, namespace, *_ = host.split(".")
        if namespace in meshed:
            yield Hit(f"Service {namespace}/{name}", f"spec.externalName {target}")


def _of_virtual_service(one: Seen, aliases: Mapping[str, str], unknown: Mapping[str, str]) -> Iterator[Hit]:
    """Hosts that it does not meet any more, and routes to what nobody knows."""
    for number, host in enumerate(_listed(one, "hosts") if _is_of_the_mesh(one) else ()):
        if _full(host, one.namespace) in aliases:
            yield Hit(one.title, f"spec.hosts[{number}] {host}")
    for host in _destinations(inner(one.body, "spec")):
        target = unknown.get(_full(host, one.namespace))
        if target is not None:
            yield Hit(one.title, f"routes to {host}, whose target {target} is unknown")


def hosts_under_a_wildcard_of_another(world: World) -> Iterator[Hit]:
    """VirtualServices of the mesh with a host that a wildcard of another one covers. Which is older the snapshot does not say.

    Source: OldestMatchingHost in pilot/pkg/model/config.go of 1.21.0.
    """
    if _is_set(world, _OLDEST):
        return
    claims = [
        _Claim(one, number, _full(host, one.namespace))
        for one in world.objects(_VIRTUAL_SERVICE)
        if _is_of_the_mesh(one)
        for number, host in enumerate(_listed(one, "hosts"))
    ]
    for wide in (claim for claim in claims if claim.host.startswith("*")):
        for narrow in claims:
            if (
                narrow.one is not wide.one
                and narrow.host != wide.host
                and narrow.host.endswith(wide.host[1:])
            ):
                where = f"spec.hosts[{narrow.number}] {narrow.host}"
                yield Hit(narrow.one.title, f"{where} under {wide.host} of {wide.one.title}")


def target_ports_without_resolution(world: World) -> Iterator[Hit]:
    """ServiceEntries with resolution NONE and a port whose targetPort is another number."""
    if _is_set(world, _TARGET_PORT):
        return
    for one in world.objects(_SERVICE_ENTRY):
        spec = inner(one.body, "spec")
        for number, port in enumerate(
            spec.get("ports") or () if spec.get("resolution", "NONE") == "NONE" else ()
        ):
            if port.get("targetPort") not in {None, 0, port.get("number")}:
                yield Hit(one.title, f"spec.ports[{number}].targetPort")


class _Claim(NamedTuple):
    one: Seen
    number: int
    host: str


def _aliases(world: World) -> dict[str, str]:
    """Full name of each ExternalName Service to what it stands for."""
    return {
        f"{one.name}.{one.namespace}.svc.cluster.local": str(spec.get("externalName", "")).rstrip(".")
        for one in world.objects("Service")
        if (spec := inner(one.body, "spec")).get("type") == "ExternalName"
    }


def _known(world: World) -> set[str]:
    services = {f"{one.name}.{one.namespace}.svc.cluster.local" for one in world.objects("Service")}
    return services | {host for one in world.objects(_SERVICE_ENTRY) for host in _listed(one, "hosts")}


def _is_known(target: str, known: set[str]) -> bool:
    parents = target.split(".")
    return target in known or any("*." + ".".join(parents[n:]) in known for n in range(1, len(parents)))


def _destinations(value: Any) -> Iterator[str]:
    """Hosts that a VirtualService sends or mirrors requests to."""
    if isinstance(value, list):
        for one in value:
            yield from _destinations(one)
    elif isinstance(value, dict):
        for key, one in value.items():
            if key in {"destination", "mirror"} and isinstance(one, dict):
                yield str(one.get("host", ""))
            else:
                yield from _destinations(one)


def _is_of_the_mesh(one: Seen) -> bool:
    gateways = _listed(one, "gateways")
    return not gateways or "mesh" in gateways


def _is_set(world: World, variable: str) -> bool:
    return any(variable in one.body for one in world.objects("IstiodEnv"))


def _listed(one: Seen, field: str) -> list[str]:
    found = inner(one.body, "spec").get(field)
    return [str(text) for text in found] if isinstance(found, list) else []


def _full(host: object, namespace: str) -> str:
    """A name without a dot is a Service of that namespace."""
    text = str(host or "")
    return text if "." in text or "*" in text else f"{text}.{namespace}.svc.cluster.local"
