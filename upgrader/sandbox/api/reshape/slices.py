"""EndpointSlices of v1beta1, and events of events.k8s.io beside those of the core group."""

from __future__ import annotations

from upgrader.sandbox.store import Obj

_HOST = "kubernetes.io/hostname"
_ZONE = "topology.kubernetes.io/zone"
_NEW = {
    "involvedObject": "regarding",
    "message": "note",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}
_OLD = {new: old for old, new in _NEW.items()}


def to_v1beta1(obj: Obj) -> Obj:
    """An EndpointSlice as v1beta1 shows it: node and zone are topology labels."""
    return {**obj, "endpoints": [_to_topology(endpoint) for endpoint in obj.get("endpoints") or ()]}


def from_v1beta1(obj: Obj) -> Obj:
    """An EndpointSlice as it is stored, from v1beta1."""
    return {**obj, "endpoints": [_from_topology(endpoint) for endpoint in obj.get("endpoints") or ()]}


def _to_topology(endpoint: Obj) -> Obj:
    found = dict(endpoint)
    topology = dict(found.pop("deprecatedTopology", {}))
    topology |= {_ZONE: found.pop("zone")} if "zone" in found else {}
    topology |= {_HOST: found["nodeName"]} if "nodeName" in found else {}
    return found | ({"topology": topology} if topology else {})


def _from_topology(endpoint: Obj) -> Obj:
    found = dict(endpoint)
    topology = dict(found.pop("topology", {}))
    host, zone = topology.pop(_HOST, None), topology.pop(_ZONE, None)
    if host:
        found.setdefault("nodeName", host)
    if zone:
        found["zone"] = zone
    return found | ({"deprecatedTopology": topology} if topology else {})


def to_events_v1(obj: Obj) -> Obj:
    """A core event as events.k8s.io names its fields."""
    return {_NEW.get(name, name): value for name, value in obj.items()}


def from_events_v1(obj: Obj) -> Obj:
    """An event of events.k8s.io as it is stored."""
    return {_OLD.get(name, name): value for name, value in obj.items()}
