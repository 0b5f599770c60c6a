"""Is a control plane ready to serve?"""

from __future__ import annotations

import msgspec

from upgrader.cluster.clean import clean_line
from upgrader.cluster.read import control_plane_of, is_control_plane, is_live, webhooks_of
from upgrader.model.kinds import DEPLOYMENT, MUTATING_WEBHOOK, POD, VALIDATING_WEBHOOK, Obj, Ref
from upgrader.model.snapshot import ControlPlane, Webhook
from upgrader.model.step import Reader, Reading, counted, worst
from upgrader.probes.unread import pending_if_unread

MONITORING = 15014
"""Port of istiod that answers ``/metrics`` and ``/version`` without credentials."""


class ControlPlaneReady(
    msgspec.Struct, frozen=True, kw_only=True, tag="control-plane-ready", tag_field="probe"
):
    """istiod of *revision* serves: available at its generation, of *version*, with its webhooks filled in.

    Every caBundle of its webhooks is there, and each of its pods answers *version* on ``/version``.
    """

    revision: str
    version: str
    root_namespace: str = "istio-system"

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """The first of: Deployment, webhooks, pods that does not hold."""
        plane = plane_of(cluster, self.revision, self.root_namespace)
        if plane is None:
            return Reading.broken(f"there is no istiod of revision {self.revision} in {self.root_namespace}")
        if plane.version != self.version:
            found = clean_line(plane.version or plane.image.tag)
            return Reading.broken(f"istiod {self.revision} is of {found}, not of {self.version}")
        if not plane.replicas:
            return Reading.broken(f"istiod {self.revision} is scaled to 0")
        if not plane.settled:
            return Reading.pending(f"{plane.ref}: {plane.ready} of {plane.replicas} pods are ready")
        webhooks = self._webhooks(cluster)
        if not any(e.name.endswith("sidecar-injector.istio.io") for w in webhooks for e in w.entries):
            return Reading.broken(f"revision {self.revision} has no injector")
        empty = [w.ref.name for w in webhooks if not all(e.ca for e in w.entries)]
        if empty:
            return Reading.pending(f"{empty[0]} has no caBundle yet")
        pods = istiod_pods(cluster, self.revision, self.root_namespace)
        readings = [self._answers(cluster, pod) for pod in pods]
        return worst(
            readings, f"istiod {self.revision} of {self.version}: {counted(len(pods), 'pod')} serving"
        )

    def title(self) -> str:
        """The question, for plan and report."""
        return f"istiod {self.revision} of {self.version} serves"

    def _webhooks(self, cluster: Reader) -> list[Webhook]:
        found = [*cluster.list(MUTATING_WEBHOOK), *cluster.list(VALIDATING_WEBHOOK)]
        webhooks = webhooks_of(found)
        return [w for w in webhooks if w.revision == self.revision]

    def _answers(self, cluster: Reader, pod: Obj) -> Reading:
        """``/version`` reads ``VERSION-COMMIT-STATE``."""
        name = pod["metadata"]["name"]
        told = cluster.fetch(Ref(POD, name, self.root_namespace), MONITORING, "/version").strip()
        if told == self.version or told.startswith(f"{self.version}-"):
            return Reading.holds(f"{name} answers {self.version}")
        return Reading.broken(
            f"{name} says that it is {clean_line(told[:80]) or 'nothing'}, not {self.version}"
        )


def plane_of(cluster: Reader, revision: str, root_namespace: str) -> ControlPlane | None:
    """The istiod Deployment of *revision*, or None."""
    found = [
        control_plane_of(d) for d in cluster.list(DEPLOYMENT, namespace=root_namespace) if is_control_plane(d)
    ]
    return next((p for p in found if p.revision == revision), None)


def istiod_pods(cluster: Reader, revision: str, root_namespace: str) -> list[Obj]:
    """All live istiod pods of *revision*, ready or not, terminating or not."""
    labels = f"app=istiod,istio.io/rev={revision}"
    return [pod for pod in cluster.list(POD, namespace=root_namespace, labels=labels) if is_live(pod)]
