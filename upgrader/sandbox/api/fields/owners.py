"""metadata.managedFields as a table: manager to the fields it owns."""

from __future__ import annotations

import msgspec
import orjson

from upgrader.sandbox.api.fields.sets import FieldSet, decode, encode, union
from upgrader.sandbox.store import Obj

_MOST_UPDATERS = 10
_ANCIENT = "ancient-changes"


class Manager(msgspec.Struct, frozen=True):
    """Who writes: entries with equal managers are one entry. Appliers have no version of their own."""

    name: str
    operation: str
    version: str
    subresource: str = ""

    def __str__(self) -> str:
        quoted = orjson.dumps(self.name).decode()
        if self.subresource:
            quoted += f' with subresource "{self.subresource}"'
        return f"{quoted} using {self.version}" if self.operation == "Update" else quoted


class Owned(msgspec.Struct, frozen=True):
    """What a manager owns, in which version it spoke last, and when that changed."""

    fields: FieldSet
    version: str
    time: str = ""


Owners = dict[Manager, Owned]

_KEPT = 1_024
_DECODED: dict[int, tuple[list[Obj], Owners]] = {}


def owners_of(obj: Obj) -> Owners:
    """The decoded managedFields of an object; the table is the caller's own."""
    listed = obj["metadata"].get("managedFields")
    if not listed:
        return {}
    known = _DECODED.get(id(listed))
    if known is None or known[0] is not listed:
        if len(_DECODED) >= _KEPT:
            _DECODED.clear()
        known = _DECODED[id(listed)] = (listed, _decoded(listed))
    return dict(known[1])


def _decoded(listed: list[Obj]) -> Owners:
    found: Owners = {}
    for entry in listed:
        operation, version = entry.get("operation", "Update"), entry.get("apiVersion", "")
        identity = "" if operation == "Apply" else version
        manager = Manager(entry.get("manager", ""), operation, identity, entry.get("subresource", ""))
        found[manager] = Owned(decode(entry.get("fieldsV1") or {}), version, entry.get("time", ""))
    return found


def with_owners(obj: Obj, owners: Owners) -> Obj:
    """The object with these owners in its metadata."""
    meta = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    listed = [_entry(manager, owned) for manager, owned in owners.items() if owned.fields]
    if listed:
        listed.sort(
            key=lambda e: (
                e["operation"],
                e.get("time", ""),
                e["manager"],
                e["apiVersion"],
                e.get("subresource", ""),
            )
        )
        meta["managedFields"] = listed
    return {**obj, "metadata": meta}


def _entry(manager: Manager, owned: Owned) -> Obj:
    found: Obj = {"manager": manager.name, "operation": manager.operation, "apiVersion": owned.version}
    if owned.time:
        found["time"] = owned.time
    found |= {"fieldsType": "FieldsV1", "fieldsV1": encode(owned.fields)}
    if manager.subresource:
        found["subresource"] = manager.subresource
    return found


def capped(owners: Owners) -> Owners:
    """At most ten managers that update: the oldest of one version become ``ancient-changes``.

    Source: capUpdateManagers in k8s.io/apimachinery, pkg/util/managedfields/internal/capmanagers.go.
    """
    found = {manager: owned for manager, owned in owners.items() if owned.fields}
    updaters = [manager for manager in found if manager.operation == "Update"]
    left = len(updaters)
    if left <= _MOST_UPDATERS:
        return owners
    updaters.sort(key=lambda m: (found[m].time, m.name, m.version, m.subresource))
    first: dict[str, Manager] = {}
    for manager in updaters:
        if left <= _MOST_UPDATERS:
            break
        version = found[manager].version
        if version not in first:
            first[version] = manager
            continue
        bucket = Manager(_ANCIENT, "Update", version)
        if bucket not in found:
            found[bucket] = found.pop(first[version])
        owned = found.pop(manager)
        found[bucket] = msgspec.structs.replace(owned, fields=union(owned.fields, found[bucket].fields))
        left -= 1
    return found
