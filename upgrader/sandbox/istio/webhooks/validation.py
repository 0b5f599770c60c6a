"""What istiod refuses to accept as configuration: the obvious mistakes, in its own words.

Only rules whose messages are stable from 1.12 to 1.31 are here (pkg/config/validation/validation.go); whatever no rule
knows is accepted, as a validator without an opinion does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from upgrader.sandbox.store import Obj

Check = Callable[[Mapping[str, Any]], Iterator[str]]

_PROTOCOLS = frozenset(
    {"HTTP", "HTTPS", "GRPC", "GRPC-WEB", "HTTP2", "MONGO", "TCP", "TLS", "UDP", "REDIS", "MYSQL"}
)
_TERMINATING = frozenset({"SIMPLE", "MUTUAL", "OPTIONAL_MUTUAL"})


def problem(obj: Obj) -> str | None:
    """Why istiod refuses the object, or None. Several problems read ``N errors occurred:`` as in istiod."""
    kind, group = str(obj.get("kind", "")), str(obj.get("apiVersion", "")).partition("/")[0]
    check = _CHECKS.get((group, kind))
    if check is None:
        return None
    found = list(dict.fromkeys(check(obj.get("spec") or {})))
    if len(found) < 2:
        return found[0] if found else None
    listed = "\n".join(f"\t* {each}" for each in found)
    return f"{len(found)} errors occurred:\n{listed}\n\n"


def _virtual_service(spec: Mapping[str, Any]) -> Iterator[str]:
    if not spec.get("hosts"):
        yield "virtual service must have at least one host"
    if "" in (spec.get("gateways") or ()):
        yield "gateway name cannot be empty"
    routes = [*(spec.get("http") or ()), *(spec.get("tcp") or ()), *(spec.get("tls") or ())]
    if not routes:
        yield "http, tcp or tls must be provided in virtual service"
    for route in spec.get("http") or ():
        yield from _http_route(route)
    for kind in ("tcp", "tls"):
        for route in spec.get(kind) or ():
            yield from _destinations(route.get("route") or (), f"{kind.upper()} route")
            if kind == "tls" and not route.get("match"):
                yield "TLS route must have at least one match condition"


def _http_route(route: Mapping[str, Any]) -> Iterator[str]:
    direct = [key for key in ("redirect", "directResponse", "delegate") if route.get(key)]
    if not route.get("route") and not direct:
        yield "HTTP route, redirect or direct_response is required"
    if route.get("redirect") and route.get("route"):
        yield "HTTP route cannot contain both route and redirect"
    yield from _destinations(route.get("route") or (), "HTTP route")
    retries = route.get("retries") or {}
    if int(retries.get("attempts") or 0) < 0:
        yield "attempts cannot be negative"


def _destinations(routes: Sequence[Mapping[str, Any]], what: str) -> Iterator[str]:
    for route in routes:
        destination = route.get("destination")
        if not destination:
            yield "destination is required" if what == "HTTP route" else f"{what} destination is required"
        elif not destination.get("host"):
            yield 'domain name "" invalid (label "" invalid)' if "host" in destination else "host is required"
        if int(route.get("weight") or 0) < 0:
            yield f"weight {route['weight']} < 0"
    total = sum(int(route.get("weight") or 0) for route in routes)
    if len(routes) > 1 and total == 0:
        yield "total destination weight = 0"


def _destination_rule(spec: Mapping[str, Any]) -> Iterator[str]:
    if not spec.get("host"):
        yield 'domain name "" invalid (label "" invalid)'
    seen: set[str] = set()
    for subset in spec.get("subsets") or ():
        name = str(subset.get("name", ""))
        if not name:
            yield 'subset name is invalid: ""'
        elif name in seen:
            yield f"duplicate subset {name}"
        seen.add(name)


def _gateway(spec: Mapping[str, Any]) -> Iterator[str]:
    servers = spec.get("servers") or ()
    if not servers:
        yield "gateway must have at least one server"
    for server in servers:
        if not server.get("hosts"):
            yield "server config must contain at least one host"
        port = server.get("port")
        if not port:
            yield "port is required"
            continue
        yield from _server_port(port, server)


def _server_port(port: Mapping[str, Any], server: Mapping[str, Any]) -> Iterator[str]:
    protocol, number = str(port.get("protocol", "")), int(port.get("number") or 0)
    if protocol.upper() not in _PROTOCOLS:
        yield f'invalid protocol "{protocol}", supported protocols are {", ".join(sorted(_PROTOCOLS))}'
    if not 1 <= number <= 65535:
        yield f"port number {number} must be in the range 1..65535"
    if not port.get("name"):
        yield f"port name must be set: number:{number} protocol:{protocol!r}".replace("'", '"')
    tls = server.get("tls") or {}
    if protocol.upper() in ("HTTPS", "TLS") and not tls:
        yield "server must have TLS settings for HTTPS/TLS protocols"
    if tls.get("mode") in _TERMINATING and not (tls.get("credentialName") or tls.get("serverCertificate")):
        yield f"{tls['mode']} TLS requires a server certificate"


def _envoy_filter(spec: Mapping[str, Any]) -> Iterator[str]:
    for patch in spec.get("configPatches") or ():
        if patch is None:
            yield "Envoy filter: null config patch"
            continue
        if not patch.get("applyTo") or patch["applyTo"] == "INVALID":
            yield "Envoy filter: missing applyTo"
        if not patch.get("patch"):
            yield "Envoy filter: missing patch"
        elif not (patch["patch"].get("operation") or patch["patch"].get("value")):
            yield "Envoy filter: missing patch operation"


def _service_entry(spec: Mapping[str, Any]) -> Iterator[str]:
    if not spec.get("hosts"):
        yield "service entry must have at least one host"
    if "*" in (spec.get("hosts") or ()):
        yield "invalid host *"
    names: set[str] = set()
    for port in spec.get("ports") or ():
        name = str(port.get("name", ""))
        if name in names:
            yield f'service entry port name "{name}" already defined'
        names.add(name)
        if not 1 <= int(port.get("number") or 0) <= 65535:
            yield f"port number {int(port.get('number') or 0)} must be in the range 1..65535"


def _sidecar(spec: Mapping[str, Any]) -> Iterator[str]:
    for egress in spec.get("egress") or ():
        if not egress.get("hosts"):
            yield "sidecar: egress listener must contain at least one host"


def _peer_authentication(spec: Mapping[str, Any]) -> Iterator[str]:
    if spec.get("portLevelMtls") and not (spec.get("selector") or {}).get("matchLabels"):
        yield "port level mtls settings are only allowed with a workload selector"


def _authorization_policy(spec: Mapping[str, Any]) -> Iterator[str]:
    action, rules = spec.get("action", "ALLOW"), spec.get("rules")
    if action == "DENY" and rules is None:
        yield "a rule must be specified when using DENY action" if "rules" in spec else _NO_RULES
    if action == "CUSTOM" and not (spec.get("provider") or {}).get("name"):
        yield "`provider.name` must not be empty with CUSTOM action"
    for number, rule in enumerate(rules or ()):
        for word in ("from", "to", "when"):
            if rule and word in rule and not rule[word]:
                yield f"`{word}` cannot be empty, found at rule[{number}]"


_NO_RULES = "authorization policy with DENY action must have `rules` specified"


def _request_authentication(spec: Mapping[str, Any]) -> Iterator[str]:
    for rule in spec.get("jwtRules") or ():
        if not rule.get("issuer"):
            yield "issuer must be set"


_CHECKS: dict[tuple[str, str], Check] = {
    ("networking.istio.io", "VirtualService"): _virtual_service,
    ("networking.istio.io", "DestinationRule"): _destination_rule,
    ("networking.istio.io", "Gateway"): _gateway,
    ("networking.istio.io", "EnvoyFilter"): _envoy_filter,
    ("networking.istio.io", "ServiceEntry"): _service_entry,
    ("networking.istio.io", "Sidecar"): _sidecar,
    ("security.istio.io", "PeerAuthentication"): _peer_authentication,
    ("security.istio.io", "AuthorizationPolicy"): _authorization_policy,
    ("security.istio.io", "RequestAuthentication"): _request_authentication,
}
