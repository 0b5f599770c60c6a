"""Is every listener that somebody adds to a Gateway from outside read by whoever has the Gateway?"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from upgrader.cluster.read import listener_set_of
from upgrader.model.injection import REVISION
from upgrader.model.kinds import Kind, Obj, Ref
from upgrader.model.listeners import WITHOUT_LISTENER_SETS, alpha_on, is_experimental, knows, takes
from upgrader.model.snapshot import ListenerSet
from upgrader.model.step import Reader, Reading
from upgrader.probes.deciders import Deciders, istios_gateways, read_deciders
from upgrader.probes.unread import pending_if_unread

_OUT = "or take it away until the upgrade is over, with its listeners in that Gateway itself"


class ListenersRead(msgspec.Struct, frozen=True, kw_only=True, tag="listeners-read", tag_field="probe"):
    """No istiod that has a Gateway leaves a ListenerSet of it out, nor will where one was made since the plan.

    The rules are in ``model.listeners``. What the plan knows of it labels in time; nobody does so for what came later.

    Attributes:
        revision: The one that is left.
        kinds: ListenerSet and XListenerSet, those that the API server serves and an istiod of the hop may read.
        follow: Those of *kinds* of which one without a label is read by whoever has its Gateway, under both istiods.
        known: ``ListenerSet namespace/name`` of those that were there when the plan was made.
        unread: Those of *known* that nobody read even then.
        stay: ``namespace/name`` of Gateways that stay with *revision*.
    """

    revision: str
    kinds: tuple[Kind, ...]
    follow: tuple[Kind, ...] = ()
    known: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    stay: tuple[str, ...] = ()
    root_namespace: str = "istio-system"

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """The first that is, or would be, left out; with what to do about it."""
        there = [one for one in self._all(cluster) if str(one.ref) not in self.unread]
        if not there:
            return Reading.holds(self.title())
        deciders = read_deciders(cluster, self.root_namespace)
        gateways = {
            f"{g['metadata']['namespace']}/{g['metadata']['name']}": g for g in istios_gateways(cluster)
        }
        for listeners in there:
            gateway = gateways.get(listeners.gateway)
            if gateway is None or gateway["spec"]["gatewayClassName"] in WITHOUT_LISTENER_SETS:
                continue
            if trouble := self._trouble(listeners, gateway, deciders):
                return Reading.broken(f"{listeners.ref} {trouble}; {_OUT}")
        return Reading.holds(self.title())

    def title(self) -> str:
        """The question, for plan and report."""
        return "whoever has a Gateway reads its ListenerSets"

    def _all(self, cluster: Reader) -> Iterator[ListenerSet]:
        for kind in self.kinds:
            for obj in cluster.list(kind):
                metadata = obj["metadata"]
                ref = Ref(kind, metadata["name"], metadata["namespace"])
                labels, spec = metadata.get("labels") or {}, obj.get("spec") or {}
                found = listener_set_of(ref, metadata.get("uid", ""), labels, spec)
                if found is not None:
                    yield found

    def _trouble(self, listeners: ListenerSet, gateway: Obj, deciders: Deciders) -> str:
        """Empty when it is read, and goes on being read when its Gateway moves."""
        kind, space, label = listeners.ref.kind, listeners.ref.namespace, listeners.labels.get(REVISION)
        live = deciders.live()
        inherits = deciders.owners({}, space, live)
        bound = gateway["metadata"].get("labels") or {}
        readers = {
            p.revision: p.version
            for p in deciders.planes
            if knows(p.version, kind) and (alpha_on(p.env) or not is_experimental(kind))
        }
        for owner in sorted(deciders.owners(bound, gateway["metadata"]["namespace"], live) & readers.keys()):
            if not takes(owner, readers[owner], kind, label, inherits):
                said = f"{REVISION}={label}" if label is not None else "the revision of its namespace"
                return (
                    f"is not read by istiod {owner}, which has its Gateway {listeners.gateway}: it has {said}"
                )
            follows = label is None and kind in self.follow
            stays = listeners.gateway in self.stay or str(listeners.ref) in self.known
            if owner == self.revision and not follows and not stays:
                return (
                    f"was made since the plan, and no step keeps it with its Gateway {listeners.gateway}, which leaves "
                    f"{owner}: make it again once that is done"
                )
        return ""
