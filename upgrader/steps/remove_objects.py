"""Objects that are gone: a retired control plane, or what going back takes away again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from upgrader.model.change import Change, Delete
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import Obj
from upgrader.model.manifest import MANIFEST_DIGEST, Owned
from upgrader.model.step import Reader, Reading, counted, worst
from upgrader.steps.drift import check_same, drift, told, writer_of

REVISION = "istio.io/rev"

Found = tuple[Owned, Obj | None]


class RemoveObjects(msgspec.Struct, frozen=True, kw_only=True, tag="remove-objects", tag_field="step"):
    """None of *objects* exists any more; each delete names the uid.

    Attributes:
        revision: Whose objects they are.
        objects: Our own list, in the order of deletion. With a uid, only that very object is deleted, and another one
            in its place is drift; without, the object must carry our manifest annotation or label ``istio.io/rev`` of
            *revision* (or, for an installation without a revision, ``default``).
        why: ``retire`` or ``undo``.
    """

    revision: str
    objects: tuple[Owned, ...]
    why: Literal["retire", "undo"] = "retire"

    def observe(self, cluster: Reader) -> tuple[Found, ...]:
        """Each object of the list as it is now."""
        return tuple((owned, cluster.get(owned.ref)) for owned in self.objects)

    def diff(self, seen: Sequence[Found]) -> tuple[Change, ...]:
        """One delete for each that is still there and has not been asked to go.

        Raises:
            UpgradeError: UPG-0604: one was made again, or belongs to another revision by now. Nothing is deleted then.
        """
        there = [(owned, live) for owned, live in seen if live is not None]
        for owned, live in there:
            self._check(owned, live)
        return tuple(
            Delete(owned.ref, live["metadata"]["uid"])
            for owned, live in there
            if not live["metadata"].get("deletionTimestamp")
        )

    def verify(self, cluster: Reader) -> Reading:
        """Whether all are gone; what waits for a finalizer is pending."""
        seen = self.observe(cluster)
        try:
            self.diff(seen)
        except UpgradeError as error:
            return Reading.broken(error.what[0] if error.what else error.headline)
        left = [_waits(owned, live) for owned, live in seen if live is not None]
        return worst(left, f"{counted(len(self.objects), 'object')} of {self.revision} gone")

    def title(self) -> str:
        """What changes, for plan and journal."""
        verb = "retire" if self.why == "retire" else "take away"
        return f"{verb} {self.revision}: delete {len(self.objects)} objects"

    def _check(self, owned: Owned, live: Obj) -> None:
        """Its label may have moved to another revision since: then it is in use, whatever our list says."""
        check_same(str(owned.ref), live, owned.uid)
        metadata = live["metadata"]
        label = (metadata.get("labels") or {}).get(REVISION)
        ours = owned.uid or MANIFEST_DIGEST in (metadata.get("annotations") or {})
        if label == self.revision or (label is None and ours):
            return
        raise drift(
            f"{owned.ref}, label {REVISION}",
            found=told(label),
            expected=self.revision,
            writer=writer_of(live, "metadata", "labels", REVISION),
        )


def _waits(owned: Owned, live: Obj) -> Reading:
    finalizers = live["metadata"].get("finalizers") or ()
    waits = f" (waits for {', '.join(finalizers)})" if finalizers else ""
    return Reading.pending(f"{owned.ref} is still there{waits}")
