"""Mutations as values. Only the engine performs them."""

from __future__ import annotations

import msgspec

from upgrader.model.kinds import Obj, Ref

FIELD_MANAGER = "upgrader"
PREFIX = "upgrader.istio"
"""Domain of the annotations and labels that are ours."""
HOME = "istio-upgrade"
"""Namespace of ours: the lock and the copies of records."""
RESTARTED_FOR = f"{PREFIX}/restarted-for"
"""Pod-template annotation whose fixed value (``REVISION.PLAN``) makes a restart idempotent."""


class Apply(msgspec.Struct, frozen=True, tag="apply", tag_field="change"):
    """Server-side apply of a whole manifest, never forced.

    Attributes:
        ref: Where it goes; always agrees with the manifest.
        manager: Field manager; another installer's name only where the plan says that we act as its successor.
    """

    ref: Ref
    manifest: Obj
    manager: str = FIELD_MANAGER


class Create(msgspec.Struct, frozen=True, tag="create", tag_field="change"):
    """POST of a manifest that must not exist yet."""

    ref: Ref
    manifest: Obj
    manager: str = FIELD_MANAGER


class Patch(msgspec.Struct, frozen=True, tag="patch", tag_field="change"):
    """JSON merge patch of one very object.

    Attributes:
        uid: The object that was seen; its namesake is refused with a conflict.
        version: resourceVersion that was seen; a conflict if somebody wrote since.
        subresource: Such as ``scale``; empty for the object itself.
    """

    ref: Ref
    body: Obj
    uid: str
    version: str
    manager: str = FIELD_MANAGER
    subresource: str = ""


class Replace(msgspec.Struct, frozen=True, tag="replace", tag_field="change"):
    """PUT of a whole object over the very one that was seen.

    Attributes:
        uid: The object that was seen.
        version: resourceVersion that was seen; a conflict if somebody wrote since.
    """

    ref: Ref
    manifest: Obj
    uid: str
    version: str
    manager: str = FIELD_MANAGER


class Delete(msgspec.Struct, frozen=True, tag="delete", tag_field="change"):
    """Delete this very object, not its namesake."""

    ref: Ref
    uid: str


class Save(msgspec.Struct, frozen=True, tag="save", tag_field="change"):
    """Write one file of the run directory, atomically, mode 0600.

    Attributes:
        path: Relative, made of names that we chose.
    """

    path: str
    text: str


ApiChange = Apply | Create | Patch | Replace | Delete
Change = Apply | Create | Patch | Replace | Delete | Save


def reason(change: Change) -> str:
    """The change in a few words, for journals and refusals."""
    match change:
        case Save():
            return f"save {change.path}"
        case Apply() | Create() | Patch() | Replace() | Delete():
            return f"{type(change).__name__.lower()} {change.ref}"
