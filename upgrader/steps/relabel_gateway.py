"""A Gateway API gateway, or listeners that are added to one, bound to another revision by its own label."""

from __future__ import annotations

import msgspec

from upgrader.model.change import Change, Patch
from upgrader.model.errors import UpgradeError
from upgrader.model.kinds import K8S_GATEWAY, Obj, Ref
from upgrader.model.step import Reader, Reading
from upgrader.probes.gateways import GatewaysOn
from upgrader.steps.drift import check_same, check_values, told

REVISION = "istio.io/rev"


class RelabelGateway(msgspec.Struct, frozen=True, kw_only=True, tag="relabel-gateway", tag_field="step"):
    """Label ``istio.io/rev`` of the Gateway is *value* (None: absent) and *revision* has rolled its Deployment.

    A ListenerSet is labelled in the same way, for its Gateway's sake; it has nothing that could be rolled.

    Attributes:
        ref: A Gateway, a ListenerSet or an XListenerSet.
        revision: Who owns the Gateway then; its Deployment's pods must be rendered by it.
        managed: Whether istiod keeps a Deployment for it.
    """

    ref: Ref
    uid: str
    revision: str
    value: str | None
    before: str | None
    managed: bool = True

    def observe(self, cluster: Reader) -> Obj | None:
        """The Gateway, or None when it is gone."""
        return cluster.get(self.ref)

    def diff(self, seen: Obj | None) -> tuple[Change, ...]:
        """One patch of the label.

        Raises:
            UpgradeError: UPG-0604: another Gateway of that name, or the label is neither as before nor as wanted.
        """
        if seen is None:
            return ()
        check_same(str(self.ref), seen, self.uid)
        wanted, before = {REVISION: self.value}, {REVISION: self.before}
        missing = check_values(str(self.ref), seen, ("metadata", "labels"), wanted, before)
        if not missing or seen["metadata"].get("deletionTimestamp"):
            return ()
        body: Obj = {"metadata": {"labels": missing}}
        return (Patch(self.ref, body, seen["metadata"]["uid"], seen["metadata"]["resourceVersion"]),)

    def verify(self, cluster: Reader) -> Reading:
        """Whether the label stands and the gateway's pods were made by *revision*.

        ``Programmed`` is not asked: it stays True when nobody owns the Gateway any more.
        """
        seen = self.observe(cluster)
        if seen is None:
            return Reading.holds(f"{self.ref} is gone; there is nothing to move")
        try:
            gap = self.diff(seen)
        except UpgradeError as error:
            return Reading.broken(error.what[0] if error.what else error.headline)
        if gap:
            return Reading.broken(f"{self.ref} does not have its label {REVISION}")
        if self.ref.kind.kind != K8S_GATEWAY.kind:
            return Reading.holds(f"{self.ref}: {REVISION} is {told(self.value)}")
        if not self.managed:
            return Reading.holds(f"{self.ref} names {told(self.value)}; its pods are not istiod's to roll")
        return GatewaysOn(gateways=(self.ref,), revision=self.revision).look(cluster)

    def title(self) -> str:
        """What changes, for plan and journal."""
        return f"{self.ref}: {REVISION} {told(self.before)} -> {told(self.value)}"
