"""Rows of the cluster's own objects: namespaces, nodes, configuration, events, permissions."""

from __future__ import annotations

from datetime import datetime

from upgrader.sandbox.api.tables.words import NONE, UNKNOWN, Cells, age, name, since, spec, status
from upgrader.sandbox.store import Obj

NAMESPACE = "Name Status Age"
NODE = "Name Status Roles Age Version Internal-IP+ External-IP+ OS-Image+ Kernel-Version+ Container-Runtime+"
CONFIG_MAP = "Name Data Age"
SECRET = "Name Type Data Age"  # noqa: S105 (columns)
ACCOUNT = "Name Secrets Age"
EVENT = "Last_Seen Type Reason Object Subobject+ Source+ Message First_Seen+ Count+ Name+"
LEASE = "Name Holder Age"
WEBHOOKS = "Name Webhooks# Age"
CREATED = "Name Created_At"
BINDING = "Name Role Age Users+ Groups+ ServiceAccounts+"
PRIORITY = "Name Value# Global-Default Age"
_ROLE = "node-role.kubernetes.io/"


def namespace(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``NAMESPACE``."""
    return [name(obj), status(obj).get("phase") or "Active", age(obj, now)]


def node(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``NODE``."""
    info = status(obj).get("nodeInfo") or {}
    roles = sorted(
        key.removeprefix(_ROLE) for key in obj["metadata"].get("labels") or {} if key.startswith(_ROLE)
    )
    addresses = {one["type"]: one["address"] for one in status(obj).get("addresses") or ()}
    return [
        name(obj),
        _node_word(obj),
        ",".join(roles) or NONE,
        age(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", NONE),
        addresses.get("ExternalIP", NONE),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _node_word(obj: Obj) -> str:
    ready = next((c.get("status") for c in status(obj).get("conditions") or () if c["type"] == "Ready"), None)
    word = {"True": "Ready", None: "Unknown"}.get(ready, "NotReady")
    return f"{word},SchedulingDisabled" if spec(obj).get("unschedulable") else word


def config_map(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``CONFIG_MAP``."""
    return [name(obj), len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age(obj, now)]


def secret(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``SECRET``."""
    return [name(obj), obj.get("type", ""), len(obj.get("data") or ()), age(obj, now)]


def account(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``ACCOUNT``."""
    return [name(obj), len(obj.get("secrets") or ()), age(obj, now)]


def event(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``EVENT``, of both groups that serve events."""
    about = obj.get("involvedObject") or obj.get("regarding") or {}
    first = obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime")
    last = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp") or first
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    names = [source.get("component") or obj.get("reportingComponent") or "", source.get("host") or ""]
    return [
        since(last, now),
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{str(about.get('kind', '')).lower()}/{about.get('name', '')}",
        about.get("fieldPath", ""),
        ", ".join(part for part in names if part),
        str(obj.get("message") or obj.get("note") or "").strip(),
        since(first, now),
        obj.get("count") or obj.get("deprecatedCount") or 1,
        name(obj),
    ]


def lease(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``LEASE``."""
    return [name(obj), spec(obj).get("holderIdentity") or "", age(obj, now)]


def webhooks(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``WEBHOOKS``."""
    return [name(obj), len(obj.get("webhooks") or ()), age(obj, now)]


def created(obj: Obj, _now: datetime) -> Cells:
    """Cells in the order of ``CREATED``."""
    return [name(obj), obj["metadata"].get("creationTimestamp")]


def binding(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``BINDING``."""
    role = obj.get("roleRef") or {}
    subjects = {"User": list[str](), "Group": list[str](), "ServiceAccount": list[str]()}
    for one in obj.get("subjects") or ():
        shown = (
            f"{one.get('namespace', '')}/{one['name']}" if one["kind"] == "ServiceAccount" else one["name"]
        )
        subjects.setdefault(one["kind"], []).append(shown)
    listed = [", ".join(subjects[kind]) for kind in ("User", "Group", "ServiceAccount")]
    return [name(obj), f"{role.get('kind', '')}/{role.get('name', '')}", age(obj, now), *listed]


def priority(obj: Obj, now: datetime) -> Cells:
    """Cells in the order of ``PRIORITY``."""
    return [name(obj), obj.get("value", 0), str(bool(obj.get("globalDefault"))).lower(), age(obj, now)]
