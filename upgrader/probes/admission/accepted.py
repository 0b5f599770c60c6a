"""Would the new istiod's validator accept the configuration that is there?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from upgrader.cluster.clean import clean_line
from upgrader.model.change import Create
from upgrader.model.codec import digest
from upgrader.model.failures import ClusterFailure, Denied, Invalid
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.step import Reader, Reading, Verdict, counted, worst
from upgrader.probes.admission.injection import NOT_CALLED
from upgrader.probes.unread import could_not_read, pending_if_unread

REVISION = "istio.io/rev"
_SHOWN = 3


class ConfigAccepted(msgspec.Struct, frozen=True, kw_only=True, tag="config-accepted", tag_field="probe"):
    """No Istio object that is there is refused by *revision* and accepted by *old*, asked with dry-run copies.

    A copy carries the label of a revision, so that the validator of that revision judges it. It is asked about in the
    root namespace, whatever namespace the original is in: istiod judges content (pkg/config/validation), and so nobody
    needs the right to create configuration in every namespace. What both refuse was wrong before and is said, not held
    against the upgrade; what only the new one refuses could neither be changed nor put back once the default validator
    has moved.
    """

    revision: str
    old: str
    root_namespace: str = "istio-system"

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """One dry run for each object that differs from the others, one more for each that is refused."""
        copies = list(_copies(cluster))
        answers = [self._ask(cluster, one) for one in copies]
        refused = [answer for answer in answers if answer.verdict is Verdict.BROKEN]
        if refused:
            words = "; ".join(answer.summary for answer in refused[:_SHOWN])
            more = f"; and {len(refused) - _SHOWN} more" if len(refused) > _SHOWN else ""
            return Reading.broken(f"istiod {self.revision} refuses what {self.old} accepts: {words}{more}")
        known = sum("known" in answer.facts for answer in answers)
        words = (
            f"istiod {self.revision} accepts {counted(len(copies) - known, 'Istio object')} that are there"
        )
        return worst(answers, words + (f"; {known} are refused by {self.old} too" if known else ""))

    def title(self) -> str:
        """The question, for plan and report."""
        return f"istiod {self.revision} accepts the configuration that {self.old} accepts"

    def _ask(self, cluster: Reader, copy: Create) -> Reading:
        try:
            new = self._refusal(cluster, copy, self.revision)
            if not new:
                return Reading.holds(f"{copy.ref} is accepted")
            if NOT_CALLED in new:
                return Reading.pending(f"no validator of {self.revision} answers: {new}")
            old = self._refusal(cluster, copy, self.old)
        except ClusterFailure as failure:
            return could_not_read(failure, f"whether {copy.ref} is accepted")
        if NOT_CALLED in old:
            return Reading.pending(f"no validator of {self.old} answers: {old}")
        if old:
            return Reading.holds(f"{copy.ref} is refused by both", known=old)
        return Reading.broken(f"{copy.ref}: {new}")

    def _refusal(self, cluster: Reader, copy: Create, revision: str) -> str:
        """Why *revision* refuses it; empty when it does not."""
        name = f"upgrade-probe-{digest([str(copy.ref), copy.manifest['spec']])[:12]}"
        own = {"name": name, "namespace": self.root_namespace, "labels": {REVISION: revision}}
        body = {**copy.manifest, "metadata": copy.manifest["metadata"] | own}
        try:
            cluster.rehearse(Create(Ref(copy.ref.kind, name, self.root_namespace), body))
        except (Denied, Invalid) as failure:
            return clean_line(failure.message) or "refused without a word"
        return ""


def is_validated(kind: Kind) -> bool:
    """Whether istiod's validators are asked about that kind."""
    return kind.group.endswith(".istio.io") and kind.group != "install.istio.io"


def _copies(cluster: Reader) -> Iterator[Create]:
    """One dry-run copy for each distinct content, in the order of kinds."""
    seen: set[str] = set()
    for kind in cluster.kinds():
        if not is_validated(kind):
            continue
        for obj in cluster.list(kind):
            content = digest([kind.plural, obj.get("spec"), _annotations(obj)])
            if content not in seen:
                seen.add(content)
                yield _copy(kind, obj)


def _annotations(obj: Obj) -> Mapping[str, str]:
    found: Mapping[str, str] = obj["metadata"].get("annotations") or {}
    return {
        key: value for key, value in found.items() if key.startswith(("istio.io/", "networking.istio.io/"))
    }


def _copy(kind: Kind, obj: Obj) -> Create:
    """Its content, to be created under a name of ours; the reference is the original's."""
    metadata = obj["metadata"]
    body = {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {"annotations": dict(_annotations(obj))},
        "spec": obj.get("spec") or {},
    }
    return Create(Ref(kind, metadata["name"], metadata.get("namespace", "")), body)
