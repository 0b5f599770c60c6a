"""Is a retired control plane gone without leaving a hole?"""

from __future__ import annotations

import msgspec

from upgrader.cluster.read import webhook_of
from upgrader.model.kinds import MUTATING_WEBHOOK, SERVICE, VALIDATING_WEBHOOK, Ref
from upgrader.model.step import Reader, Reading
from upgrader.probes.unread import pending_if_unread


class RevisionGone(msgspec.Struct, frozen=True, kw_only=True, tag="revision-gone", tag_field="probe"):
    """No object of *objects* is left and no webhook names its Services."""

    revision: str
    objects: tuple[Ref, ...]
    root_namespace: str = "istio-system"

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """A webhook that leads nowhere is worse than an object that is left: it is told first."""
        services = {f"{ref.namespace}/{ref.name}" for ref in self.objects if ref.kind == SERVICE}
        for kind in (MUTATING_WEBHOOK, VALIDATING_WEBHOOK):
            for webhook in map(webhook_of, cluster.list(kind)):
                lost = [e for e in webhook.entries if e.service in services]
                if lost:
                    return Reading.broken(f"webhook {webhook.ref.name} still calls {lost[0].service}")
        left = [(ref, obj) for ref in self.objects if (obj := cluster.get(ref)) is not None]
        if not left:
            return Reading.holds(f"{self.revision} is gone: none of its {len(self.objects)} objects is left")
        words = f"{len(left)} of {len(self.objects)} objects of {self.revision} are left: {left[0][0]}"
        going = all(obj["metadata"].get("deletionTimestamp") for _, obj in left)
        return Reading.pending(f"{words} (on its way)") if going else Reading.broken(words)

    def title(self) -> str:
        """The question, for plan and report."""
        return f"{self.revision} is gone and no webhook calls it"
