"""The end of a hop: nothing depends on the old revision, somebody says so, and its own objects go."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from upgrader.model.kinds import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    HPA,
    JOB,
    LEASE,
    MUTATING_WEBHOOK,
    PDB,
    ROLE,
    ROLE_BINDING,
    SERVICE,
    SERVICE_ACCOUNT,
    VALIDATING_WEBHOOK,
    Ref,
)
from upgrader.model.manifest import Owned
from upgrader.model.snapshot import Belonging, Snapshot, Workload
from upgrader.model.step import counted
from upgrader.model.version import UNNAMED
from upgrader.planning.foresight.forecast import REV
from upgrader.planning.foresight.listeners import label_of
from upgrader.planning.hop.bindings import namespace_binding
from upgrader.planning.hop.documents import reference
from upgrader.planning.hop.gates import connected, gateways_on, probe_round, words
from upgrader.planning.hop.gateways import unpin
from upgrader.planning.hop.stage import Draft
from upgrader.planning.hop.tags import bind_gateways
from upgrader.probes import ControlPlaneReady, RevisionGone, RevisionIdle
from upgrader.steps import RemoveObjects

_ORDER = (MUTATING_WEBHOOK, VALIDATING_WEBHOOK, DEPLOYMENT, SERVICE, HPA, PDB)
_LAST = (CONFIG_MAP, ROLE_BINDING, ROLE, CLUSTER_ROLE_BINDING, CLUSTER_ROLE, SERVICE_ACCOUNT, LEASE)

_APART = frozenset({"Cni", "Ztunnel", "IngressGateways", "EgressGateways"})
LEFT_OVER = "UPG-0328"
"""Something would still get the old revision, and nobody meant it to."""


def own_object(ref: Ref, revision: str, root: str) -> bool:
    """Whether *ref* is an object of this revision alone: never a definition, tag, default validator, CA or shared object.

    Names: charts istio-discovery of 1.12 to 1.31; leases of the gateway controllers.
    """
    s = "" if revision == UNNAMED else re.escape(f"-{revision}")
    r = re.escape(revision)
    ns = re.escape(root)
    names = {
        "ConfigMap": rf"(istio|istio-sidecar-injector|pilot-jwks-extra-cacerts|values){s}|istio-{r}-gatewayclass-.+",
        "EnvoyFilter": rf"((tcp-)?(stats|stackdriver)-filter|(tcp-)?metadata-exchange)-1\.\d+{s}",
        "MutatingWebhookConfiguration": rf"istio-sidecar-injector{s}(-{ns})?",
        "ValidatingWebhookConfiguration": rf"istio-validator{s}-{ns}",
        "Lease": rf"istio-gateway-(deployment|status-leader)-{r}",
    }
    roles = rf"(istiod-clusterrole|istiod-gateway-controller|istio-reader-clusterrole){s}-{ns}"
    names |= dict.fromkeys(("ClusterRole", "ClusterRoleBinding"), roles)
    policies = rf"stable-channel-policy(-binding)?{s}-{ns}\.istio\.io"
    names |= dict.fromkeys(("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"), policies)
    for kind in ("Deployment", "Service", "ServiceAccount", "Role", "RoleBinding", "NetworkPolicy"):
        names[kind] = rf"istiod{s}"
    names |= dict.fromkeys(("HorizontalPodAutoscaler", "PodDisruptionBudget"), rf"istiod{s}")
    return bool(re.fullmatch(names.get(ref.kind.kind, r"(?!)"), ref.name)) and ref.namespace in ("", root)


def objects_of(draft: Draft) -> tuple[Owned, ...]:
    """What is deleted with the old revision, webhooks first: seen objects for the first hop, documents for the others."""
    root = draft.inputs.mesh.root_namespace
    found = {_place(o.ref): o for o in _documents(draft) if own_object(o.ref, draft.old, root)}
    found |= {_place(o.ref): o for o in _seen(draft) if own_object(o.ref, draft.old, root)}
    return tuple(sorted(found.values(), key=lambda o: (rank(o.ref), str(o.ref))))


def rank(ref: Ref) -> int:
    """Webhooks before what they call, accounts and leases last."""
    names = [k.kind for k in _ORDER], [k.kind for k in _LAST]
    if ref.kind.kind in names[0]:
        return names[0].index(ref.kind.kind)
    return len(_ORDER) + 1 + (names[1].index(ref.kind.kind) if ref.kind.kind in names[1] else -1)


def _place(ref: Ref) -> tuple[str, str, str, str]:
    return ref.kind.group, ref.kind.kind, ref.namespace, ref.name


def _seen(draft: Draft) -> Iterator[Owned]:
    mesh = draft.inputs.mesh
    yield from (Owned(b.ref, b.uid) for b in mesh.belongings if b.revision == draft.old)
    yield from (Owned(p.ref, p.uid) for p in mesh.control_planes if p.revision == draft.old)
    webhooks = (*mesh.injectors, *mesh.validators)
    yield from (Owned(w.ref, w.uid) for w in webhooks if w.revision == draft.old and not w.tag)


def _documents(draft: Draft) -> Iterator[Owned]:
    former, mesh = draft.inputs.former, draft.inputs.mesh
    if former is None:
        return
    for document in former.part("control-plane"):
        yield Owned(reference(document.body, mesh.kinds, mesh.root_namespace))


def mind_leftovers(draft: Draft) -> None:
    """Block when something would still get the old revision, and nobody meant it to."""
    for workload in draft.inputs.mesh.workloads:
        next_one = draft.forecast.next_proxy(workload)
        if draft.old not in next_one.revisions and draft.old not in draft.runs.get(workload.key, ()):
            continue
        meant = workload.key in draft.behind or (draft.behind and not draft.inputs.scope.restarts(workload))
        if not meant and workload.gateway != "api" and workload.ref.kind != JOB:
            draft.block(
                LEFT_OVER,
                workload.name,
                f"{workload.name}: no step moves it off {draft.old} ({next_one.why})",
                f"revision {draft.old} can not be removed while a workload gets its proxy from it",
                *_ways_off(draft, workload),
            )
    for name, labels in draft.forecast.namespaces.items():
        bound = namespace_binding(labels, draft.forecast).leads_to(draft.old, draft.forecast)
        if bound and f"Namespace {name}" not in draft.behind:
            draft.block(
                LEFT_OVER,
                name,
                f"Namespace {name}: no step moves it off {draft.old}",
                f"revision {draft.old} can not be removed while a namespace is bound to it",
                f"leave it behind: --exclude {name}",
            )
    _mind_listeners(draft)


def _ways_off(draft: Draft, workload: Workload) -> tuple[str, str]:
    """What somebody can do about a workload that no restart moves, as a CronJob that names the old revision itself."""
    leave = f"or leave it behind: --exclude {workload.name}"
    if workload.template_labels.get(REV) != draft.old:
        return f"bind {workload.name} by a namespace label", leave
    where = "the pod template of its jobTemplate" if workload.ref.kind == CRON_JOB else "its pod template"
    tag = next(
        (t for t, revisions in sorted(draft.stage.forecast.tags.items()) if draft.old in revisions), ""
    )
    made = "" if tag else f"istioctl tag set stable --revision {draft.old}, then "
    return f"{made}label {where} istio.io/rev={tag or 'stable'}: tags move with the hop", leave


def _mind_listeners(draft: Draft) -> None:
    """Block when listeners are labelled for the old revision that no step labels anew: nobody who moves reads them."""
    for listeners in draft.inputs.mesh.listener_sets if not draft.behind else ():
        ref = listeners.ref
        if label_of(draft.forecast, listeners) == draft.old:
            draft.block(
                LEFT_OVER,
                str(ref),
                f"{ref}: no step takes its label istio.io/rev={draft.old}",
                f"revision {draft.old} can not be removed while something is meant for it alone",
                f"kubectl -n {ref.namespace} label {ref.kind.resource} {ref.name} istio.io/rev-",
            )


def kept_objects(mesh: Snapshot, revision: str) -> tuple[Belonging, ...]:
    """What carries the label of *revision* and outlives it: its name is none that istiod's charts give.

    Parts of nodes and gateways are not among it: they have findings of their own, and gateways move.
    """
    return tuple(
        b
        for b in mesh.belongings
        if b.revision == revision
        and b.component not in _APART
        and not own_object(b.ref, revision, mesh.root_namespace)
    )


def _mind_kept(draft: Draft) -> None:
    """Name what carries the label of the old revision and is not removed with it: whose it is, nobody here knows."""
    found = kept_objects(draft.inputs.mesh, draft.old)
    if not found:
        return
    names = [f"{b.ref} ({', '.join(sorted(b.managers)) or 'no owner'})" for b in found]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    kinds = ",".join(sorted({b.ref.kind.plural for b in found}))
    draft.advise(
        LEFT_OVER,
        f"revision {draft.old}",
        f"revision {draft.old}: {counted(len(found), 'object')} with its label not removed with it: {', '.join(names[:3])}{more}",
        "only what Istio's own charts name is removed; these were made by somebody else, who may still need them",
        f"kubectl get {kinds} -A -l istio.io/rev={draft.old}      # delete what nobody needs, after the run",
    )


def retire(draft: Draft) -> None:
    """Gate, approval, removal, and the proof that nothing was torn; without removal where something stays behind."""
    mind_leftovers(draft)
    if draft.behind:
        _verify(draft, ())
        draft.close("verify", "tags")
        return
    playbook, root = draft.inputs.playbook, draft.inputs.mesh.root_namespace
    approval = draft.old if "retire" in playbook.approvals else ""
    settings = draft.forecast.own_settings or msgspec.UNSET
    idle = RevisionIdle(revision=draft.old, root_namespace=root, settings=settings)
    manual = ", then MANUAL approval" if approval else ""
    draft.gate(
        f"gate: 0 proxies on {draft.old} and nothing else depends on it{manual}",
        (idle, *probe_round(draft)),
        approval=approval,
        message=words(draft, playbook.messages.retire, "retire", ()),
    )
    objects = objects_of(draft)
    _mind_kept(draft)
    draft.add(
        "-",
        f"remove istiod revision {draft.old} ({counted(len(objects), 'object')})",
        RemoveObjects(revision=draft.old, objects=objects),
    )
    bind_gateways(draft)
    if draft.inputs.last:
        unpin(draft)
    _verify(draft, objects)
    draft.close("retire", "retire")


def _verify(draft: Draft, objects: tuple[Owned, ...]) -> None:
    root = draft.inputs.mesh.root_namespace
    gone = RevisionGone(revision=draft.old, objects=tuple(o.ref for o in objects), root_namespace=root)
    ready = ControlPlaneReady(revision=draft.new, version=draft.inputs.release.version, root_namespace=root)
    names = [
        f"{g.ref.namespace}/{g.ref.name}"
        for g in draft.inputs.mesh.api_gateways
        if draft.forecast.owners(g) == frozenset({draft.new})
    ]
    probes = (
        *((gone,) if objects else ()),
        ready,
        *gateways_on(draft, names),
        connected(draft),
        *probe_round(draft),
    )
    draft.gate("verify the mesh", probes, mark="v")
