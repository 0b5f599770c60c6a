"""Everything that was read, together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import cached_property
from operator import attrgetter
from typing import Any

import msgspec

from upgrader.model.image import Image
from upgrader.model.injector import InjectorSettings
from upgrader.model.kinds import Kind, Obj
from upgrader.model.snapshot.installed import (
    Belonging,
    Certificate,
    ControlPlane,
    Definition,
    TagService,
    Webhook,
)
from upgrader.model.snapshot.members import Crowd, Disruption, Namespace, Proxy, RunningImage, Workload
from upgrader.model.snapshot.objects import ApiGateway, CustomResource, Document, ListenerSet

_Alike = tuple[str, str, str, str, Image, bool, str]
_alike: Callable[[Proxy], _Alike] = attrgetter(*Crowd.__struct_fields__[:-1])


class ClusterId(msgspec.Struct, frozen=True):
    """Which cluster this is.

    Attributes:
        uid: uid of the namespace kube-system; equal uid is the same cluster, whatever the context is called.
        version: Kubernetes version as the server says it: ``v1.34.4``.
    """

    uid: str
    context: str
    server: str
    version: str


class Unread(msgspec.Struct, frozen=True, kw_only=True):
    """Something the survey could not read. It is not "none".

    Attributes:
        what: The resource as RBAC names it, with the namespace where it is about one: ``pods in namespace shop``,
            ``secrets in namespace istio-system``; else a few words.
        optional: A plan can be made without it; only some checks see less.
    """

    what: str
    why: str
    optional: bool = False


class NotHeld(tuple[Any, ...]):
    """No members, because whoever wrote the snapshot down did not know of them yet."""

    __slots__ = ()


class NotHeldByRevision(dict[str, Any]):
    """The same of what is kept by revision."""

    __slots__ = ()


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything that was read, sorted, so that equal clusters have equal snapshots."""

    at: datetime
    cluster: ClusterId
    root_namespace: str = "istio-system"
    """Where the (first) istiod is."""
    config_root: str = ""
    """``rootNamespace`` of the mesh configuration; empty when no configuration says one."""
    control_planes: tuple[ControlPlane, ...] = ()
    injectors: tuple[Webhook, ...] = ()
    validators: tuple[Webhook, ...] = ()
    tag_services: tuple[TagService, ...] = ()
    namespaces: tuple[Namespace, ...] = ()
    workloads: tuple[Workload, ...] = ()
    proxies: tuple[Proxy, ...] = ()
    running_images: tuple[RunningImage, ...] = ()
    """Of istiods and istio-cni; those of ztunnel are among the proxies."""
    api_gateways: tuple[ApiGateway, ...] = ()
    listener_sets: tuple[ListenerSet, ...] = NotHeld()
    resources: tuple[CustomResource, ...] = ()
    definitions: tuple[Definition, ...] = ()
    disruptions: tuple[Disruption, ...] = ()
    belongings: tuple[Belonging, ...] = ()
    services: tuple[str, ...] = ()
    """``namespace/name`` of every Service in the root namespace and of every Service a webhook names."""
    kinds: tuple[Kind, ...] = ()
    nodes: int = 0
    documents: tuple[Document, ...] = NotHeld()
    """Services, Nodes, NetworkPolicies and the like, sorted by kind, namespace and name. Which, and how much of each, is
    in ``survey.documents``; ask ``unseen`` before concluding from there being none."""
    mesh_configs: dict[str, Obj] = {}
    """By revision: ``mesh`` of ConfigMap istio[-REV], read as YAML."""
    injector_values: dict[str, Obj] = {}
    """By revision: ``values`` of ConfigMap istio-sidecar-injector[-REV], read as JSON."""
    injector_settings: dict[str, InjectorSettings] = msgspec.field(default_factory=NotHeldByRevision)
    """By revision: what ``config`` of the same ConfigMap says about who is injected. Where it could not be read, which
    ``unread`` says, there is no entry, and what the charts install counts."""
    install_values: dict[str, Obj] = {}
    """By revision: what somebody set when it was installed, as an IstioOperator's spec has it (``values``, ``meshConfig``,
    ``components``): from ConfigMap values[-REV], which has ``values`` alone, else from the IstioOperator."""
    certificates: tuple[Certificate, ...] = ()
    unread: tuple[Unread, ...] = ()

    # What is looked up often is put in order once, when it is asked for first. It is no field, so it is not stored.

    def plane(self, revision: str) -> ControlPlane | None:
        """The control plane of *revision*."""
        return next((p for p in self.control_planes if p.revision == revision), None)

    def namespace(self, name: str) -> Namespace | None:
        """The namespace of that name."""
        return self._spaces.get(name)

    def proxies_on(self, revision: str) -> int:
        """How many proxies *revision* serves, those on their way out as well."""
        return self._served_each.get(revision, 0)

    @property
    def revisions(self) -> AbstractSet[str]:
        """Revisions that serve a proxy; one may be empty, and need not be installed."""
        return self._served_each.keys()

    @property
    def kept(self) -> Mapping[str, int]:
        """Kind to how many documents, or objects of the mesh's configuration, there are of it."""
        counts = Counter({kind: len(documents) for kind, documents in self._documents.items()})
        written: Counter[str] = Counter()
        for (_, kind), resources in self._resources.items():
            written[kind] += len(resources)
        return counts | written

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """``Kind namespace/name`` of everything that has a proxy, to its namespace."""
        return {owner: proxies[0].namespace for owner, proxies in self._of_owner.items()}

    @cached_property
    def crowds(self) -> Sequence[Crowd]:
        """Every proxy that is not on its way out, taken together with those like it, workload by workload."""
        found: list[Crowd] = []
        for proxies in self._staying.values():
            alike = [*map(_alike, proxies)]
            if alike.count(alike[0]) == len(alike):  # as good as always; hashing ten thousand images is dear
                found.append(Crowd(*alike[0], len(alike)))
            else:
                found += (Crowd(*one, count) for one, count in Counter(alike).items())
        return tuple(found)

    def documents_of(self, kind: str) -> tuple[Document, ...]:
        """The documents of *kind* (``Service``), by namespace and name."""
        return self._documents.get(kind, ())

    def resources_of(self, group: str, kind: str) -> Sequence[CustomResource]:
        """The objects of *kind* in whatever version of *group* they were read, in their order."""
        return self._resources.get((group, kind), ())

    @cached_property
    def parts(self) -> Mapping[str, Sequence[Workload]]:
        """Component of Istio (``Cni``, ``Ztunnel``) to the workloads that its charts label so."""
        found: dict[str, list[Workload]] = {}
        for workload in self.workloads:
            if component := workload.labels.get("operator.istio.io/component"):
                found.setdefault(component, []).append(workload)
        return found

    @cached_property
    def daemon_sets(self) -> Sequence[Workload]:
        """The workloads that run on every node, in their order."""
        return tuple(w for w in self.workloads if w.ref.kind.kind == "DaemonSet")

    def workloads_in(self, namespace: str) -> Sequence[Workload]:
        """The workloads of *namespace*, in their order."""
        return self._workloads.get(namespace, ())

    @cached_property
    def live(self) -> Mapping[str, Sequence[Proxy]]:
        """``Kind namespace/name`` to its proxies; ztunnel and pods that are on their way out are left out."""
        return {owner: found for owner, found in self._staying.items() if found[0].kind != "ztunnel"}

    @cached_property
    def _staying(self) -> Mapping[str, Sequence[Proxy]]:
        staying = ((o, [p for p in proxies if not p.terminating]) for o, proxies in self._of_owner.items())
        return {owner: proxies for owner, proxies in staying if proxies}

    @cached_property
    def _of_owner(self) -> Mapping[str, list[Proxy]]:
        found: dict[str, list[Proxy]] = {}
        for proxy in self.proxies:
            found.setdefault(proxy.workload, []).append(proxy)
        return found

    def served_by(self, revisions: frozenset[str], kinds: frozenset[str]) -> Sequence[tuple[Workload, int]]:
        """Workloads of *kinds* with live proxies that any of *revisions* serves, in their order, with how many these are."""
        if (revisions, kinds) not in self._served:
            counts: dict[str, int] = {}
            for crowd in self.crowds:
                if crowd.revision in revisions and crowd.kind != "ztunnel":
                    counts[crowd.workload] = counts.get(crowd.workload, 0) + crowd.count
            self._served[revisions, kinds] = tuple(
                (w, counts[w.key]) for w in self.workloads if w.key in counts and w.ref.kind.kind in kinds
            )
        return self._served[revisions, kinds]

    @cached_property
    def remembered(self) -> dict[Any, Any]:
        """What somebody worked out from it and asks for again, by whoever it is."""
        return {}

    @cached_property
    def _served(self) -> dict[tuple[frozenset[str], frozenset[str]], tuple[tuple[Workload, int], ...]]:
        return {}

    @cached_property
    def _served_each(self) -> Counter[str]:
        found = Counter(proxy.revision for proxy in self.proxies if proxy.terminating)
        for crowd in self.crowds:
            found[crowd.revision] += crowd.count
        return found

    @cached_property
    def _spaces(self) -> dict[str, Namespace]:
        return {n.name: n for n in reversed(self.namespaces)}

    @cached_property
    def _documents(self) -> dict[str, tuple[Document, ...]]:
        found: dict[str, list[Document]] = {}
        for document in self.documents:
            found.setdefault(document.ref.kind.kind, []).append(document)
        return {kind: tuple(documents) for kind, documents in found.items()}

    @cached_property
    def _resources(self) -> dict[tuple[str, str], list[CustomResource]]:
        found: dict[tuple[str, str], list[CustomResource]] = {}
        for resource in self.resources:
            found.setdefault((resource.ref.kind.group, resource.ref.kind.kind), []).append(resource)
        return found

    @cached_property
    def _workloads(self) -> dict[str, list[Workload]]:
        found: dict[str, list[Workload]] = {}
        for workload in self.workloads:
            found.setdefault(workload.ref.namespace, []).append(workload)
        return found

    def unseen(self, resource: str) -> tuple[Unread, ...]:
        """What could not be read of *resource* (``services``, ``networkpolicies.networking.k8s.io``); () when all of it was."""
        return tuple(u for u in self.unread if u.what == resource or u.what.startswith(f"{resource} "))
