"""metadata.managedFields: who owns which field after an update or an apply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import orjson

from upgrader.sandbox.api.fields.compare import applied_fields, compare
from upgrader.sandbox.api.fields.merge import merged, removed
from upgrader.sandbox.api.fields.sets import (
    LEAF,
    FieldSet,
    decode,
    difference,
    encode,
    intersection,
    paths,
    union,
    with_parents,
    without_below,
)
from upgrader.sandbox.api.fields.shapes import Shape
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Obj

_STRIPPED: FieldSet = decode(
    {
        "f:apiVersion": {},
        "f:kind": {},
        "f:metadata": {".": {}}
        | {
            f"f:{name}": {}
            for name in (
                "name", "namespace", "creationTimestamp", "selfLink", "uid", "generation", "managedFields",
                "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds",
            )
        },
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manager:
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


@dataclass(frozen=True, slots=True)
class Owned:
    """What a manager owns, in which version it spoke last, and when that changed."""

    fields: FieldSet
    version: str
    time: str = ""


Owners = dict[Manager, Owned]


@dataclass(frozen=True, slots=True)
class Writer:
    """One write.

    Attributes:
        reset: Paths the endpoint ignores, such as status on the main resource.
    """

    name: str
    version: str
    subresource: str
    shape: Shape
    now: str
    reset: tuple[tuple[str, ...], ...] = ()

    def manager(self, operation: str) -> Manager:
        """The identity of the entry."""
        version = "" if operation == "Apply" else self.version
        return Manager(self.name, operation, version, self.subresource)


def owners_of(obj: Obj) -> Owners:
    """The decoded managedFields of an object."""
    found: Owners = {}
    for entry in obj["metadata"].get("managedFields") or ():
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


def _tracked(fields: FieldSet, writer: Writer) -> FieldSet:
    return without_below(difference(fields, _STRIPPED), *writer.reset)


def updated(live: Obj, new: Obj, writer: Writer, owners: Owners) -> Obj:
    """The new object with managedFields after an update, create or patch: the writer owns what it changed."""
    changed, gone = compare(_bare(live), _bare(new), writer.shape)
    changed, gone = _tracked(changed, writer), _tracked(gone, writer)
    lost = union(changed, gone)
    left = {
        manager: replace(owned, fields=difference(owned.fields, lost)) for manager, owned in owners.items()
    }
    if changed:
        own = writer.manager("Update")
        known = left.get(own)
        fields = changed if known is None else union(known.fields, changed)
        left[own] = Owned(fields, writer.version, writer.now)
    return with_owners(new, left)


def _bare(obj: Obj) -> Obj:
    meta = obj.get("metadata") or {}
    if "managedFields" not in meta:
        return obj
    return {**obj, "metadata": {name: value for name, value in meta.items() if name != "managedFields"}}


def applied(live: Obj, config: Obj, writer: Writer, *, force: bool) -> Obj:
    """The live object with a configuration applied.

    Raises:
        ApiError: 409 when others own fields the configuration would change, unless forced.
    """
    owners, own = owners_of(live), writer.manager("Apply")
    bare = _bare(live)
    if not owners and live["metadata"].get("uid"):
        fields = _tracked(applied_fields(bare, writer.shape), writer)
        owners = {
            Manager("before-first-apply", "Update", writer.version): Owned(fields, writer.version, writer.now)
        }
    last = owners.get(own)
    claimed = _tracked(applied_fields(config, writer.shape), writer)
    owners[own] = Owned(claimed, writer.version, "" if last is None else last.time)
    new = merged(bare, config, writer.shape)
    if last is not None:
        new = _pruned(new, last.fields, owners.values(), writer.shape)
    changed, gone = (_tracked(part, writer) for part in compare(bare, new, writer.shape))
    owners = _settled(owners, own, changed, gone, force=force)
    if changed or gone:
        owners[own] = replace(owners[own], time=writer.now)
    return with_owners(new, owners)


def _pruned(new: Obj, last: FieldSet, owners: Iterable[Owned], shape: Shape) -> Obj:
    kept: FieldSet = {}
    for owned in owners:
        kept = union(kept, owned.fields)
    gone = difference(with_parents(last), with_parents(kept))
    if "f:metadata" in gone:
        gone = {**gone, "f:metadata": difference(gone["f:metadata"], LEAF)}
    pruned: Obj = removed(new, gone, shape)
    return pruned


def _settled(owners: Owners, own: Manager, changed: FieldSet, gone: FieldSet, *, force: bool) -> Owners:
    conflicts: dict[Manager, FieldSet] = {}
    left: Owners = {}
    for manager, owned in owners.items():
        if manager == own:
            left[manager] = owned
            continue
        clash = intersection(owned.fields, changed)
        if clash:
            conflicts[manager] = clash
        left[manager] = replace(owned, fields=difference(difference(owned.fields, clash), gone))
    if conflicts and not force:
        raise conflicting(conflicts)
    return left


def conflicting(conflicts: Mapping[Manager, FieldSet]) -> ApiError:
    """409: fields of others would change."""
    told = sorted((str(manager), list(paths(fields))) for manager, fields in conflicts.items())
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, listed in told
        for path in listed
    ]
    if len(causes) == 1:
        message = f"Apply failed with 1 conflict: {causes[0]['message']}: {causes[0]['field']}"
    else:
        lines = [
            line for name, listed in told for line in (f"conflicts with {name}:", *(f"- {p}" for p in listed))
        ]
        message = f"Apply failed with {len(causes)} conflicts: " + "\n".join(lines)
    return ApiError(409, "Conflict", message, {"causes": causes})
