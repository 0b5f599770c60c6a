"""Rows of how pods are found: services, endpoints, ingresses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from upgrader.sandbox.api.tables.words import NONE, Cells, age, labels, more, name, selector, spec, status
from upgrader.sandbox.store import Obj

SERVICE = "Name Type Cluster-IP External-IP Port(s) Age Selector+"
ENDPOINTS = "Name Endpoints Age"
SLICE = "Name AddressType Ports Endpoints Age"
INGRESS = "Name Class Hosts Address Ports Age"
INGRESS_CLASS = "Name Controller Parameters Age"
POLICY = "Name Pod-Selector Age"
_UNSET = "<unset>"


def service(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``SERVICE``."""
    wanted = spec(obj)
    kind, ip = wanted.get("type") or "ClusterIP", wanted.get("clusterIP") or NONE
    ports = ",".join(_port(port) for port in wanted.get("ports") or ()) or NONE
    return [name(obj), kind, ip, _external(obj, kind), ports, age(obj, now), labels(wanted.get("selector"))]


def _port(port: Obj) -> str:
    inner = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port.get('port')}{inner}/{port.get('protocol') or 'TCP'}"


def _external(obj: Obj, kind: str) -> str:
    wanted, told = spec(obj), spec(obj).get("externalIPs") or []
    if kind == "ExternalName":
        return str(wanted.get("externalName", ""))
    if kind == "LoadBalancer":
        given = list(_addresses(obj))
        return ",".join([*given, *told]) or "<pending>"
    return ",".join(told) or NONE


def _addresses(obj: Obj) -> Iterator[str]:
    for one in (status(obj).get("loadBalancer") or {}).get("ingress") or ():
        yield one.get("ip") or one.get("hostname") or ""


def endpoints(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``ENDPOINTS``."""
    found = [
        f"{address['ip']}:{port['port']}"
        for subset in obj.get("subsets") or ()
        for port in subset.get("ports") or ()
        for address in subset.get("addresses") or ()
    ]
    return [name(obj), more(found), age(obj, now)]


def endpoint_slice(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``SLICE``."""
    ports = more(str(p["port"]) if p.get("port") else "*" for p in obj.get("ports") or ())
    found = [address for one in obj.get("endpoints") or () for address in one.get("addresses") or ()]
    shown = [_UNSET if cell == NONE else cell for cell in (ports, more(found))]
    return [name(obj), obj.get("addressType", ""), *shown, age(obj, now)]


def ingress(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``INGRESS``."""
    wanted = spec(obj)
    hosts = more(rule["host"] for rule in wanted.get("rules") or () if rule.get("host"))
    ports = "80, 443" if wanted.get("tls") else "80"
    where = ",".join(_addresses(obj))
    kind = wanted.get("ingressClassName") or NONE
    return [name(obj), kind, "*" if hosts == NONE else hosts, where, ports, age(obj, now)]


def ingress_class(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``INGRESS_CLASS``."""
    told = spec(obj).get("parameters")
    shown = f"{told['kind']}.{told.get('apiGroup', '')}/{told['name']}" if told else NONE
    return [name(obj), spec(obj).get("controller", ""), shown, age(obj, now)]


def policy(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``POLICY``."""
    return [name(obj), selector(spec(obj).get("podSelector")), age(obj, now)]
