"""What runs in the mesh: workloads, and the proxies in their pods."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from upgrader.cluster.read import (
    ISTIOS_OWN,
    gateway_kind,
    is_control_plane,
    is_live,
    owner_of,
    part_image,
    proxy_of,
    template_of,
    workload_of,
)
from upgrader.model.image import Image
from upgrader.model.kinds import CRON_JOB, DAEMON_SET, DEPLOYMENT, JOB, POD, STATEFUL_SET, Kind, Obj, Ref
from upgrader.model.snapshot import Namespace, Proxy, RunningImage, Workload
from upgrader.survey.looking import Looking

RESTARTABLE = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)
ENDING = (JOB, CRON_JOB)
_ASKING = frozenset({"sidecar.istio.io/inject", "istio.io/rev"})
_MEMBER_LABELS = frozenset({"istio-injection", "istio.io/rev", "istio.io/dataplane-mode"})
_ROLLED = frozenset({"pod-template-hash", "rollouts-pod-template-hash", "controller-revision-hash"})


class Pods(msgspec.Struct, frozen=True):
    """The little that is kept of all pods.

    Attributes:
        proxies: One per live pod with a proxy.
        bare: Workload of each live pod that nothing controls, by namespace.
        images: What istiods and istio-cni run, by workload and image.
        foreign: By owner (kind, namespace, name), as pods name it, one pod's workload and how many there are.
    """

    proxies: tuple[Proxy, ...]
    bare: tuple[Workload, ...]
    images: tuple[RunningImage, ...]
    foreign: Mapping[tuple[str, str, str], tuple[Workload, int]]


def read_pods(look: Looking, spaces: Sequence[str], known: Iterable[Workload]) -> Pods:
    """All pods, namespace by namespace: of ten thousand pods only what a proxy needs is kept.

    Args:
        look: Reads them.
        spaces: Namespaces; one empty name for all at once.
        known: Workloads that were read before; the owner of a pod that is none of them is foreign.
    """
    there = {(w.ref.kind.kind, w.ref.namespace, w.ref.name) for w in known}
    proxies: list[Proxy] = []
    bare: list[Workload] = []
    images: Counter[tuple[str, Image]] = Counter()
    foreign: dict[tuple[str, str, str], tuple[Workload, int]] = {}
    for space in spaces:
        for pod in look.all(POD, space):
            if not is_live(pod):
                continue
            kind, name = owner_of(pod)
            owner = (kind, pod["metadata"]["namespace"], name)
            title = f"{kind} {owner[1]}/{name}"
            proxy = proxy_of(pod, title)
            proxies += [proxy] if proxy else []
            if proxy is None and (image := _of_part(pod)) is not None:
                images[title, image] += 1
            if kind == "Pod":
                bare.append(workload_of(pod))
            elif proxy and owner not in there:
                first, count = foreign.get(owner, (_of_pod(look, pod, owner), 0))
                foreign[owner] = (first, count + 1)
    running = sorted(RunningImage(workload=w, image=image, count=n) for (w, image), n in images.items())
    by_name = sorted(proxies, key=lambda p: (p.namespace, p.pod))
    return Pods(tuple(by_name), tuple(bare), tuple(running), foreign)


def _of_part(pod: Obj) -> Image | None:
    """What a pod of istiod or istio-cni runs that is not on its way out."""
    return None if pod["metadata"].get("deletionTimestamp") else part_image(pod)


def workloads(look: Looking, read: Mapping[Kind, Sequence[Obj]]) -> tuple[Workload, ...]:
    """Deployments, StatefulSets, DaemonSets, CronJobs and Jobs of all namespaces.

    Not the control planes, and not the ended jobs of a CronJob.
    """
    found: list[Workload] = []
    for kind in (*RESTARTABLE, *ENDING):
        objects = read[kind] if kind in read else look.all(kind)
        found += [
            workload_of(o)
            for o in objects
            if not (is_control_plane(o) if kind == DEPLOYMENT else _is_history(o))
        ]
    return tuple(found)


def of_the_mesh(
    namespaces: Iterable[Namespace], known: Iterable[Workload], pods: Pods, look: Looking
) -> tuple[Workload, ...]:
    """The workloads of every namespace that has to do with the mesh, sorted by kind, namespace and name.

    Such a namespace has a label of Istio, a pod with a proxy, or a workload that asks for injection by itself. Istio's
    own parts of the nodes are among them wherever they are.
    """
    known = tuple(known)
    members = {n.name for n in namespaces if _MEMBER_LABELS & n.labels.keys()}
    members |= {p.namespace for p in pods.proxies}
    members |= {w.ref.namespace for w in known if w.gateway or _ASKING & w.template_labels.keys()}
    everything = [*known, *pods.bare, *(_foreign(look, o, w, n) for o, (w, n) in pods.foreign.items())]
    kept = (w for w in everything if w.ref.namespace in members or _once_per_node(w))
    return tuple(sorted(kept, key=lambda w: w.ref))


def _once_per_node(workload: Workload) -> bool:
    """Whether it is a part of Istio for nodes, wherever somebody put it: kube-system has the node plugin on some clouds."""
    part = workload.labels.get("operator.istio.io/component") in {"Cni", "Ztunnel"}
    return workload.ref.kind == DAEMON_SET and (part or workload.ref.name in {"istio-cni-node", "ztunnel"})


def _is_history(job: Obj) -> bool:
    if job["kind"] != JOB.kind:
        return False
    owned = any(o.get("kind") == "CronJob" for o in job["metadata"].get("ownerReferences") or ())
    return owned and workload_of(job).settled


def _of_pod(look: Looking, pod: Obj, owner: tuple[str, str, str]) -> Workload:
    """What a pod tells about an owner that is none of the built-in kinds."""
    kind, namespace, name = owner
    reference: Obj = next(
        (o for o in pod["metadata"].get("ownerReferences") or () if o.get("controller")), {}
    )
    group = str(reference.get("apiVersion", "")).rpartition("/")[0] if reference.get("kind") == kind else ""
    served = [k for k in look.kinds if k.kind == kind and (not group or k.group == group)]
    place = served[0] if served else Kind(group, "", f"{kind.lower()}s", kind)
    seen = workload_of(pod)
    labels = {k: v for k, v in seen.template_labels.items() if k not in _ROLLED}
    gateway = gateway_kind(pod)
    return msgspec.structs.replace(
        seen,
        ref=Ref(place, name, namespace),
        uid="",
        template_labels=labels,
        labels={},
        gateway=gateway,
        template=_uninjected(seen.template),
    )


def _uninjected(template: Obj) -> Obj:
    """What the pod was made from, as far as it can be told: without the containers that injection added."""
    spec = template["spec"]
    own = {
        place: [c for c in spec[place] if c["name"] not in ISTIOS_OWN]
        for place in ("initContainers", "containers")
        if place in spec
    }
    return {**template, "spec": spec | own}


def _foreign(look: Looking, owner: tuple[str, str, str], seen: Workload, count: int) -> Workload:
    """The owner itself where it can be read and has a pod template (an Argo Rollout has one), else what its pods tell."""
    del owner
    there = look.one(seen.ref) if seen.ref.kind.version else None
    if there is None or not template_of(there):
        return msgspec.structs.replace(seen, replicas=count)
    return msgspec.structs.replace(
        workload_of(there), ref=seen.ref, replicas=count, settled=seen.settled, strategy="", partition=0
    )
