"""Is Istio configuration checked, and can it be written?"""

from __future__ import annotations

import msgspec

from upgrader.cluster.read import webhooks_of
from upgrader.model.change import Create
from upgrader.model.codec import digest
from upgrader.model.failures import ClusterFailure, Denied, Invalid
from upgrader.model.kinds import VALIDATING_WEBHOOK, Kind, Obj, Ref
from upgrader.model.ownership import DEFAULT_VALIDATOR
from upgrader.model.snapshot import Webhook
from upgrader.model.step import Reader, Reading, worst
from upgrader.probes.admission.injection import NOT_CALLED
from upgrader.probes.unread import could_not_read, pending_if_unread

_HOST = "upgrade-probe.invalid"
_GOOD: Obj = {"hosts": [_HOST], "http": [{"route": [{"destination": {"host": _HOST}}]}]}
_BAD: Obj = {"hosts": [_HOST]}
"""The schema lets it through, istiod does not: "http, tcp or tls must be provided in virtual service" (1.12 to 1.31)."""


class Validates(msgspec.Struct, frozen=True, kw_only=True, tag="validates", tag_field="probe"):
    """By dry run in *namespace*: a valid VirtualService is accepted and an invalid one is refused.

    Attributes:
        strict: Whether the invalid one must be refused; False where no validator was in place before.
        labels: Of the VirtualService: ``istio.io/rev`` to reach the validator of one revision.
    """

    namespace: str
    strict: bool = True
    labels: dict[str, str] = {}

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """Two dry runs. A validator that could not be called is pending: every write would fail now."""
        kind = next((k for k in cluster.kinds() if _is_virtual_service(k)), None)
        if kind is None:
            return Reading.broken("the API server does not serve VirtualServices")
        accepted = self._accepted(cluster, kind)
        return worst(
            [accepted, self._refused(cluster, kind)],
            f"configuration in {self.namespace} is checked and can be written",
        )

    def title(self) -> str:
        """The question, for plan and report."""
        return f"Istio configuration in {self.namespace} is checked and can be written"

    def _accepted(self, cluster: Reader, kind: Kind) -> Reading:
        try:
            cluster.rehearse(self._create(kind, _GOOD))
        except Denied as failure:
            words = f"a valid VirtualService is refused: {failure.message}"
            return Reading.pending(words) if NOT_CALLED in failure.message else Reading.broken(words)
        except ClusterFailure as failure:
            return could_not_read(failure, f"whether a VirtualService can be written in {self.namespace}")
        return Reading.holds("a valid VirtualService is accepted")

    def _refused(self, cluster: Reader, kind: Kind) -> Reading:
        if not self.strict:
            return Reading.holds("no validator was in place before")
        try:
            cluster.rehearse(self._create(kind, _BAD))
        except (Denied, Invalid) as failure:
            if NOT_CALLED in failure.message:
                return Reading.pending(f"no validator answers: {failure.message}")
            return Reading.holds("an invalid VirtualService is refused")
        except ClusterFailure as failure:
            return could_not_read(failure, f"whether a VirtualService is checked in {self.namespace}")
        words, validators = "an invalid VirtualService is accepted", _validators(cluster)
        if any(not entry.ca for webhook in validators.values() for entry in webhook.entries):
            return Reading.pending(f"{words}: a validator has no caBundle yet")
        gone = not self.labels and DEFAULT_VALIDATOR not in validators
        return Reading.broken(f"{words}: there is no {DEFAULT_VALIDATOR}" if gone else words)

    def _create(self, kind: Kind, spec: Obj) -> Create:
        name = f"upgrade-probe-{digest([self.namespace, self.labels, spec])[:12]}"
        metadata: Obj = {"name": name, "namespace": self.namespace}
        metadata |= {"labels": self.labels} if self.labels else {}
        body: Obj = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": spec}
        return Create(Ref(kind, name, self.namespace), body)


def _is_virtual_service(kind: Kind) -> bool:
    return (kind.group, kind.plural) == ("networking.istio.io", "virtualservices")


def _validators(cluster: Reader) -> dict[str, Webhook]:
    return {webhook.ref.name: webhook for webhook in webhooks_of(cluster.list(VALIDATING_WEBHOOK))}
