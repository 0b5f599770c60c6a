"""Cluster IPs and node ports: what a Service is given."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address

from upgrader.sandbox.api.rules.shape import look, maps
from upgrader.sandbox.store import Obj, Store

_FIRST = IPv4Address("10.96.0.1")
_ADDRESSES = 65_000
_PORTS = range(30_000, 32_768)
_KINDS = {"NodePort", "LoadBalancer"}


def allocate(store: Store, obj: Obj, old: Obj | None) -> None:
    """Give a Service its addresses and node ports, or keep the ones it has."""
    spec = obj["spec"]
    before = (old or {}).get("spec") or {}
    if spec.get("type") == "ExternalName":
        for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(name, None)
        return
    for name in ("clusterIP", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(name) and before.get(name):
            spec[name] = before[name]
    if not spec.get("clusterIP"):
        used = {look(service, "spec", "clusterIP") for service in store.list("", "services")}
        spec["clusterIP"] = next(address for address in _addresses() if address not in used)
    spec["clusterIPs"] = [spec["clusterIP"]]
    anywhere = spec["clusterIP"] == "None" and not spec.get("selector")
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if anywhere else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if anywhere else "SingleStack")
    _node_ports(store, spec, before)


def _addresses() -> Iterator[str]:
    return (str(_FIRST + offset) for offset in range(1, _ADDRESSES))


def _node_ports(store: Store, spec: Obj, before: Obj) -> None:
    wanted = [port for port in maps(spec.get("ports")) if not port.get("nodePort")]
    if spec.get("type") not in _KINDS or spec.get("allocateLoadBalancerNodePorts") is False:
        return
    known = {(p.get("port"), p.get("protocol")): p.get("nodePort") for p in maps(before.get("ports"))}
    used = {p.get("nodePort") for s in store.list("", "services") for p in maps(look(s, "spec", "ports"))}
    for port in wanted:
        given = known.get((port.get("port"), port.get("protocol")))
        port["nodePort"] = given or next(number for number in _PORTS if number not in used)
        used.add(port["nodePort"])
