"""metadata.managedFields: who owns which field after an update or an apply."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import msgspec

from upgrader.sandbox.api.fields.compare import applied_fields, compare
from upgrader.sandbox.api.fields.lastapplied import KUBECTL, last_applied
from upgrader.sandbox.api.fields.merge import merged, removed
from upgrader.sandbox.api.fields.owners import Manager, Owned, Owners, capped, owners_of, with_owners
from upgrader.sandbox.api.fields.sets import (
    LEAF,
    FieldSet,
    decode,
    difference,
    intersection,
    paths,
    union,
    with_parents,
    without_below,
)
from upgrader.sandbox.api.fields.shapes import Shape
from upgrader.sandbox.errors import ApiError
from upgrader.sandbox.store import Obj

Conflicts = dict[Manager, FieldSet]
"""Whose fields an apply would take."""

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
class Writer:
    """One write.

    Attributes:
        reset: Paths the endpoint ignores, such as status on the main resource.
        empty: The object as it is before anybody wrote anything.
    """

    name: str
    version: str
    subresource: str
    shape: Shape
    now: str
    reset: tuple[tuple[str, ...], ...] = ()
    empty: Obj = field(default_factory=lambda: {"metadata": {}})

    def manager(self, operation: str) -> Manager:
        """The identity of the entry."""
        version = "" if operation == "Apply" else self.version
        return Manager(self.name, operation, version, self.subresource)


def _tracked(fields: FieldSet, writer: Writer) -> FieldSet:
    return without_below(difference(fields, _STRIPPED), *writer.reset)


def updated(live: Obj, new: Obj, writer: Writer, owners: Owners) -> Obj:
    """The new object with managedFields after an update, create or patch: the writer owns what it changed.

    An object whose owners nobody knows stays without any until somebody applies.
    """
    if not owners and live["metadata"].get("uid"):
        return with_owners(new, {})
    return with_owners(new, capped(_owners_after(live, new, writer, owners)))


def _owners_after(live: Obj, new: Obj, writer: Writer, owners: Owners) -> Owners:
    changed, gone = compare(_bare(live), _bare(new), writer.shape)
    changed, gone = _tracked(changed, writer), _tracked(gone, writer)
    lost = union(changed, gone)
    left = {
        manager: msgspec.structs.replace(owned, fields=difference(owned.fields, lost))
        for manager, owned in owners.items()
    }
    if changed:
        own = writer.manager("Update")
        known = left.get(own)
        fields = changed if known is None else union(known.fields, changed)
        left[own] = Owned(fields, writer.version, writer.now)
    return left


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
        owners = _owners_after(writer.empty, bare, replace(writer, name="before-first-apply"), {})
    last = owners.get(own)
    claimed = _tracked(applied_fields(config, writer.shape), writer)
    owners[own] = Owned(claimed, writer.version, "" if last is None else last.time)
    new = merged(bare, config, writer.shape)
    if last is not None:
        new = _pruned(new, last.fields, owners.values(), writer.shape)
    changed, gone = (_tracked(part, writer) for part in compare(bare, new, writer.shape))
    owners, conflicts = _settled(owners, own, changed, gone)
    if conflicts and not force:
        _refuse(conflicts, taken_over(live, writer) if writer.name == KUBECTL else {})
    if changed or gone:
        owners[own] = msgspec.structs.replace(owners[own], time=writer.now)
    return with_owners(new, owners)


def _pruned(new: Obj, last: FieldSet, owners: Iterable[Owned], shape: Shape) -> Obj:
    kept: FieldSet = {}
    for owned in owners:
        kept = union(kept, owned.fields)
    if not difference(last, kept):
        return new
    gone = difference(with_parents(last), with_parents(kept))
    if "f:metadata" in gone:
        gone = {**gone, "f:metadata": difference(gone["f:metadata"], LEAF)}
    pruned: Obj = removed(new, gone, shape)
    return pruned


def _settled(owners: Owners, own: Manager, changed: FieldSet, gone: FieldSet) -> tuple[Owners, Conflicts]:
    """Who owns what when this goes through, and whose fields it takes."""
    conflicts: Conflicts = {}
    left: Owners = {}
    for manager, owned in owners.items():
        if manager == own:
            left[manager] = owned
            continue
        clash = intersection(owned.fields, changed)
        if clash:
            conflicts[manager] = clash
        left[manager] = msgspec.structs.replace(
            owned, fields=difference(difference(owned.fields, clash), gone)
        )
    return left, conflicts


def _refuse(conflicts: Conflicts, allowed: FieldSet) -> None:
    left = {manager: rest for manager, fields in conflicts.items() if (rest := difference(fields, allowed))}
    if left:
        raise conflicting(left)


def taken_over(live: Obj, writer: Writer) -> FieldSet:
    """Fields that client-side apply set and nobody changed since: kubectl may go on with them server-side.

    Source: k8s.io/apimachinery, pkg/util/managedfields/internal/lastappliedmanager.go.
    """
    last = last_applied(live)
    if last is None or last.get("apiVersion") != writer.version:
        return {}
    changed, gone = compare(last, _bare(live), writer.shape)
    return difference(difference(applied_fields(last, writer.shape), changed), gone)


def conflicting(conflicts: Conflicts) -> ApiError:
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
