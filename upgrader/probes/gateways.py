"""Which revision renders the Gateway API gateways?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from upgrader.cluster.clean import clean_line
from upgrader.cluster.read import template_of
from upgrader.model.kinds import DEPLOYMENT, K8S_GATEWAY, Obj, Ref
from upgrader.model.step import Reader, Reading, counted, worst
from upgrader.probes.rollout import roll
from upgrader.probes.unread import pending_if_unread

REVISION = "istio.io/rev"
MANAGED = "gateway.istio.io/managed"


class GatewaysOn(msgspec.Struct, frozen=True, kw_only=True, tag="gateways-on", tag_field="probe"):
    """The Deployment of each Gateway was rendered by *revision*, is rolled out, and no old pod of it is left."""

    gateways: tuple[Ref, ...]
    revision: str

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """The worst of all Gateways; one that is gone, or that istiod keeps no Deployment for, does not count."""
        readings = [self._one(cluster, ref) for ref in self.gateways]
        return worst(readings, self.title())

    def title(self) -> str:
        """The question, for plan and report."""
        return f"{counted(len(self.gateways), 'gateway')} rendered by {self.revision}"

    def _one(self, cluster: Reader, ref: Ref) -> Reading:
        gateway = cluster.get(ref)
        if gateway is None or not is_managed(gateway):
            return Reading.holds(f"{ref} has no Deployment of istiod's")
        deployments = made_for(cluster, gateway)
        if not deployments:
            return Reading.pending(f"{ref} has no Deployment yet")
        readings = []
        for deployment in deployments:
            found = rendered_by(deployment)
            if found != self.revision:
                readings.append(
                    Reading.pending(f"{ref} is still rendered by {clean_line(found) or 'nobody'}")
                )
                continue
            readings.append(roll(cluster, deployment, revision=self.revision, image="", is_new=self._is_new))
        return worst(readings, f"{ref} is rendered by {self.revision}")

    def _is_new(self, pod: Obj) -> bool:
        return (pod["metadata"].get("annotations") or {}).get(REVISION) == self.revision


class GatewaysKnown(msgspec.Struct, frozen=True, kw_only=True, tag="gateways-known", tag_field="probe"):
    """No Gateway that *revision* renders follows a label or tag, but those that the plan knows of.

    An istiod of many releases empties a Gateway the moment it stops owning it (``ownership.old_has_drop``), so one
    that was made since the plan must not follow what the plan moves.

    Attributes:
        known: ``namespace/name`` of the Gateways that were there when the plan was made.
    """

    revision: str
    known: tuple[str, ...] = ()

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """The first stranger, with what to do about it."""
        rendered = {
            (d["metadata"]["namespace"], owner.get("name"))
            for d in cluster.list(DEPLOYMENT, labels=MANAGED)
            if rendered_by(d) == self.revision
            for owner in d["metadata"].get("ownerReferences") or ()
        }
        for gateway in cluster.list(K8S_GATEWAY) if rendered else ():
            metadata = gateway["metadata"]
            name = f"{metadata['namespace']}/{metadata['name']}"
            stays = (metadata.get("labels") or {}).get(REVISION) == self.revision
            if not stays and name not in self.known and (metadata["namespace"], metadata["name"]) in rendered:
                return Reading.broken(
                    f"Gateway {clean_line(name)} was made since the plan, and {self.revision} would empty it when "
                    f"labels and tags move: make it again with a label {REVISION} of the new revision"
                )
        return Reading.holds(self.title())

    def title(self) -> str:
        """The question, for plan and report."""
        return f"no Gateway of {self.revision} was made since the plan"


def is_managed(gateway: Obj) -> bool:
    """Whether istiod keeps a Deployment for it: no address, or one that is an IP address.

    Source: ``IsManaged`` in pilot/pkg/config/kube/gateway/conversion.go, 1.29.6.
    """
    addresses: list[Mapping[str, Any]] = (gateway.get("spec") or {}).get("addresses") or []
    if len(addresses) > 1:
        return False
    return not addresses or addresses[0].get("type", "IPAddress") == "IPAddress"


def made_for(cluster: Reader, gateway: Obj) -> list[Obj]:
    """The Deployments that istiod made for *gateway*; their owner is that very object."""
    uid, namespace = gateway["metadata"]["uid"], gateway["metadata"]["namespace"]
    found = cluster.list(DEPLOYMENT, namespace=namespace)
    return [d for d in found if any(o.get("uid") == uid for o in d["metadata"].get("ownerReferences") or ())]


def rendered_by(deployment: Obj) -> str:
    """The revision that wrote its pod template; istiod always puts its real name there, also under a tag."""
    annotations = (template_of(deployment).get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(REVISION, ""))
