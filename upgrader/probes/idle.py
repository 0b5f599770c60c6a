"""Does anything still depend on a revision?"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from upgrader.cluster.read import (
    is_control_plane,
    proxy_of,
    revision_of,
    tag_service_of,
    template_of,
    workload_of,
)
from upgrader.model.injection import Istiods, injection
from upgrader.model.injector import InjectorSettings
from upgrader.model.kinds import (
    CRON_JOB,
    K8S_GATEWAY,
    POD,
    SERVICE,
    WORKLOADS,
    X_LISTENER_SET,
    Obj,
)
from upgrader.model.ownership import DEFAULT_VALIDATOR
from upgrader.model.snapshot import Labels
from upgrader.model.step import Reader, Reading
from upgrader.probes.control_plane import istiod_pods
from upgrader.probes.deciders import Deciders, istios_gateways, read_deciders
from upgrader.probes.proxies import connected
from upgrader.probes.unread import pending_if_unread

_OWN_FILTERS = re.compile(r"(?:tcp-)?(?:stats|stackdriver|metadata-exchange)(?:-filter)?-1\.\d+")
"""EnvoyFilters in the root namespace that releases up to 1.20 install for each revision; they go with it."""
_TOLD = 3
_PASSING = ("pods", "connections")
"""What can end by itself; the rest lasts until somebody changes it."""


class RevisionIdle(msgspec.Struct, frozen=True, kw_only=True, tag="revision-idle", tag_field="probe"):
    """Nothing depends on *revision*, and nothing would if its pods were made anew.

    That is: no live pod, no workload or namespace that would be injected by it, no tag, no default validator, no
    Gateway that it owns, no configuration labelled with it, and its istiods count no connected proxy (``pilot_xds``)
    unless they are scaled to 0. What could not be read is pending, not idle.

    Attributes:
        except_for: ``Kind namespace/name`` of configuration that may name the revision, with consent.
        never_served: Nothing was ever moved to it, or all of that is back; its istiods, which may not even run, are not
            asked.
        settings: Revision to what decides inside its istiod, where that is not what the charts install.
    """

    revision: str
    root_namespace: str = "istio-system"
    except_for: tuple[str, ...] = ()
    never_served: bool = False
    settings: dict[str, InjectorSettings] | msgspec.UnsetType = msgspec.UNSET

    @pending_if_unread
    def look(self, cluster: Reader) -> Reading:
        """Everything that depends, by kind of dependence, all of it read at every look.

        Pods and connections can go by themselves and are pending; what lasts is broken.
        """
        mesh = read_deciders(cluster, self.root_namespace)
        found = {
            "pods": [*self._pods(cluster)],
            "workloads": [*self._workloads(cluster, mesh)],
            "namespaces": [*self._namespaces(mesh)],
            "webhooks": [*self._webhooks(cluster, mesh)],
            "gateways": [*self._gateways(cluster, mesh)],
            "configuration": [*self._configuration(cluster)],
            "connections": [] if self.never_served else [*self._connections(cluster, mesh)],
        }
        facts = {kind: str(len(names)) for kind, names in found.items()}
        left = [name for names in found.values() for name in names]
        if not left:
            return Reading.holds(f"nothing depends on {self.revision}", **facts)
        more = f" (and {len(left) - _TOLD} more)" if len(left) > _TOLD else ""
        words = f"{self.revision} is still in use: {'; '.join(left[:_TOLD])}{more}"
        lasting = any(names for kind, names in found.items() if kind not in _PASSING)
        return Reading.broken(words, **facts) if lasting else Reading.pending(words, **facts)

    def title(self) -> str:
        """The question, for plan and report."""
        return f"nothing depends on {self.revision}"

    def _pods(self, cluster: Reader) -> Iterator[str]:
        for pod in cluster.list(POD):
            proxy = proxy_of(pod)
            if proxy is not None and proxy.revision == self.revision:
                yield f"pod {proxy.namespace}/{proxy.pod}"

    def _workloads(self, cluster: Reader, mesh: Deciders) -> Iterator[str]:
        """Also those scaled to 0: their next pod counts. Its own istiod does not."""
        for kind in (*WORKLOADS, CRON_JOB):
            for obj in cluster.list(kind):
                workload = workload_of(obj)
                labels, notes = workload.template_labels, workload.template_annotations
                if is_control_plane(obj):
                    continue
                if self._would_inject(
                    mesh, workload.ref.namespace, labels, notes, host=workload.host_network
                ):
                    yield f"{workload.ref} would be injected by it"
                elif (
                    workload.gateway == "istioctl"
                    and revision_of({"metadata": {}, **template_of(obj)}) == self.revision
                ):
                    yield f"{workload.ref} is made for it"

    def _namespaces(self, mesh: Deciders) -> Iterator[str]:
        """Bound by label, whatever its istiod would make of a pod that says nothing."""
        istiods = Istiods(mesh.versions)
        for name, labels in sorted(mesh.namespaces.items()):
            found = injection(name, labels, {}, {}, False, mesh.injectors, istiods)
            if self.revision in found.revisions:
                yield f"namespace {name} is bound to it"

    def _would_inject(
        self, mesh: Deciders, namespace: str, labels: Labels, notes: Labels, *, host: bool = False
    ) -> bool:
        istiods = Istiods(mesh.versions, self.settings or {})
        bound = mesh.namespaces.get(namespace, {})
        found = injection(namespace, bound, labels, notes, host, mesh.injectors, istiods)
        return self.revision in found.revisions

    def _webhooks(self, cluster: Reader, mesh: Deciders) -> Iterator[str]:
        """Tags, the default validator, and whatever else calls its Service without being its own."""
        for tag, revisions in sorted(mesh.tags.items()):
            if self.revision in revisions:
                yield f"tag {tag} points at it"
        own = self._services(cluster)
        for webhook in (*mesh.injectors, *mesh.validators):
            is_own = (
                webhook.revision == self.revision
                and not webhook.tag
                and webhook.ref.name != DEFAULT_VALIDATOR
            )
            calls = webhook.revision == self.revision or any(e.service in own for e in webhook.entries)
            if calls and not is_own and not webhook.tag:
                yield f"webhook {webhook.ref.name} calls it"

    def _services(self, cluster: Reader) -> frozenset[str]:
        labels = f"app=istiod,istio.io/rev={self.revision}"
        found = cluster.list(SERVICE, namespace=self.root_namespace, labels=labels)
        names = (s["metadata"]["name"] for s in found if tag_service_of(s) is None)
        return frozenset(f"{self.root_namespace}/{name}" for name in names)

    def _gateways(self, cluster: Reader, mesh: Deciders) -> Iterator[str]:
        """Gateways that it owns, or would be the only one to own if it ran."""
        live = mesh.live()
        running = {p.revision: p.version for p in mesh.planes if p.revision == self.revision} | live
        for gateway in istios_gateways(cluster):
            labels, space = gateway["metadata"].get("labels") or {}, gateway["metadata"]["namespace"]
            alone = mesh.owners(labels, space, {self.revision: ""} | running)
            if self.revision in mesh.owners(labels, space, live) or alone == {self.revision}:
                yield f"Gateway {space}/{gateway['metadata']['name']} is its own"

    def _configuration(self, cluster: Reader) -> Iterator[str]:
        ours = (K8S_GATEWAY.group, X_LISTENER_SET.group)
        groups = [k for k in cluster.kinds() if k.group.endswith(".istio.io") or k.group in ours]
        for kind in groups:
            if (kind.group, kind.plural) == (K8S_GATEWAY.group, K8S_GATEWAY.plural):
                continue
            for obj in cluster.list(kind, labels=f"istio.io/rev={self.revision}"):
                metadata = obj["metadata"]
                name = f"{metadata['namespace']}/{metadata['name']}" if kind.namespaced else metadata["name"]
                words = f"{kind.kind} {name}"
                if words not in self.except_for and not self._is_own_filter(obj):
                    yield f"{words} is labelled for it"

    def _is_own_filter(self, obj: Obj) -> bool:
        metadata = obj["metadata"]
        in_root = metadata.get("namespace") == self.root_namespace and obj["kind"] == "EnvoyFilter"
        return in_root and _OWN_FILTERS.match(metadata["name"]) is not None

    def _connections(self, cluster: Reader, mesh: Deciders) -> Iterator[str]:
        """Sees also what no pod list shows: other clusters, virtual machines.

        A pod whose container is not running, such as one that cannot start, is connected to nobody and is not asked.
        """
        plane = next((p for p in mesh.planes if p.revision == self.revision), None)
        pods = istiod_pods(cluster, self.revision, self.root_namespace)
        if not pods and plane is not None and plane.replicas:
            yield f"{plane.ref} has no pod that could be asked for its connections"
        for version, count in sorted(connected(cluster, [p for p in pods if _may_run(p)]).items()):
            if count:
                yield f"{count} proxies of {version} are connected to it"


def _may_run(pod: Obj) -> bool:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    stands = {"waiting", "terminated"}
    return not statuses or not all(stands & (each.get("state") or {}).keys() for each in statuses)
