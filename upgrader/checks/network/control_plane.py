from __future__ import annotations

from collections.abc import Iterator, Mapping

from upgrader.checks.context import Context
from upgrader.checks.documents import dug, pod_template
from upgrader.checks.network.ends import (
    MONITORING,
    WEBHOOK,
    istiod,
    istiod_to_come,
    proxy,
    system_pod,
    xds_port,
)
from upgrader.checks.network.plugin import enforces_nothing
from upgrader.checks.network.policies import (
    EGRESS,
    INGRESS,
    Pod,
    Policies,
    Verdict,
    into,
    into_of_all,
    isolating,
    out_of,
    policies,
)
from upgrader.checks.network.rule import allowing, ports
from upgrader.checks.scope import moved, moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.injection import REVISION
from upgrader.model.snapshot import ControlPlane, Snapshot

HOOK = f"{WEBHOOK} from the API server (webhooks)"
METRICS = f"{MONITORING} from the API server (what the gates of a run read)"
OUT = "its connections to the API server"
API_PORTS = (443, 6443)
_SAYS = {
    Verdict.BLOCKED: "no rule lets it through",
    Verdict.UNSURE: "hangs on addresses, or on what the plugin takes the API server for",
}


def istiod_ports(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report NetworkPolicies that keep the API server or proxies from the istiod to come (istio/istio issue 30139).

    What the running istiod is refused in the same way is an advisory: it works, so nobody enforces that policy, or it
    is younger than the connections. Ports: istio.io, ops/deployment/application-requirements.
    """
    known = policies(mesh)
    for revision in sorted(moving(mesh, context)):
        plane = mesh.plane(revision)
        if plane is None or plane.ref.namespace not in known:
            continue
        if dug(pod_template(mesh, plane), "spec", "hostNetwork"):
            continue  # policies do not reach pods on the host network
        callers = _callers(mesh, context)
        before = _ends(mesh, known, istiod(mesh, plane), revision, callers)
        yield from _of(mesh, context, known, plane, callers, before)


def _of(  # noqa: PLR0917  what was worked out once for all hops
    mesh: Snapshot,
    context: Context,
    known: Policies,
    plane: ControlPlane,
    callers: Mapping[str, list[Pod]],
    before: Mapping[str, Verdict],
) -> Iterator[Finding]:
    today = istiod(mesh, plane)
    for number, target in enumerate(context.path[1:], start=1):
        pod = istiod_to_come(mesh, plane, target)
        if _alike(known, pod, today):
            continue
        after = _ends(mesh, known, pod, plane.revision, callers)
        worse = {what: verdict for what, verdict in after.items() if verdict > before[what]}
        if worse:
            yield _finding(mesh, known, pod, worse, number)
            return
    shut = {what: verdict for what, verdict in before.items() if verdict is Verdict.BLOCKED}
    if shut:
        yield _finding(mesh, known, today, shut, 0)


def _alike(known: Policies, one: Pod, other: Pod) -> bool:
    """Whether the same policies rule over both, and names of ports mean the same: then nothing changes."""
    return one.ports == other.ports and all(
        isolating(known, one, d) == isolating(known, other, d) for d in (INGRESS, EGRESS)
    )


def _callers(mesh: Snapshot, context: Context) -> dict[str, list[Pod]]:
    """Namespace to the kinds of pods with proxies in it."""
    found: dict[str, list[Pod]] = {}
    labels = {n.name: n.labels for n in mesh.namespaces}
    for workload, _ in moved(mesh, context):
        namespace = workload.ref.namespace
        found.setdefault(namespace, []).append(proxy(workload, labels.get(namespace, {})))
    return found


def _ends(
    mesh: Snapshot, known: Policies, pod: Pod, revision: str, callers: Mapping[str, list[Pod]]
) -> dict[str, Verdict]:
    """Connection to what becomes of it."""
    port = xds_port(mesh, revision)
    hook = into(known, pod, None, WEBHOOK)
    # Who let kube-system in for the webhooks counts on a plugin that takes the API server for a pod of it.
    server = system_pod(mesh) if hook is Verdict.UNSURE else None
    found = {
        HOOK: hook,
        METRICS: into(known, pod, server, MONITORING),
        OUT: min(out_of(known, pod, None, each) for each in API_PORTS),
    }
    for namespace, pods in callers.items():
        found[f"{port} from proxies in {namespace}"] = into_of_all(known, pod, pods, port)
    return found


def _finding(mesh: Snapshot, known: Policies, pod: Pod, shut: Mapping[str, Verdict], hop: int) -> Finding:
    name = f"istiod of revision {pod.labels.get(REVISION, '')}"
    certain = Verdict.BLOCKED in shut.values() and bool(hop) and not enforces_nothing(mesh)
    who = tuple(dict.fromkeys(p.title for d in (INGRESS, EGRESS) for p in isolating(known, pod, d)))
    verb = "keeps" if len(who) == 1 else "keep"
    return Finding(
        code="UPG-0370",
        severity=Severity.BLOCKED if certain else Severity.ADVISORY,
        subject=name,
        summary=f"{name}: {some([f'NetworkPolicy {w}' for w in who], 3)} {verb} connections away from it",
        what=(*_told(shut, Verdict.BLOCKED), *_told(shut, Verdict.UNSURE)),
        why=_why(mesh, hop),
        do=(_rule(known, pod, shut), "upgrade explain UPG-0370      # how to try the port by hand"),
        hop=hop,
        allowable=certain,
        objects=tuple(f"NetworkPolicy {w}" for w in who),
    )


def _told(shut: Mapping[str, Verdict], verdict: Verdict) -> tuple[str, ...]:
    lines = [what for what, found in shut.items() if found is verdict]
    near, far = [w for w in lines if " in " not in w], [w.rpartition(" in ") for w in lines if " in " in w]
    if far:
        near.append(f"{far[0][0]} in {some([each[2] for each in far])}")
    return tuple(f"{what}: {_SAYS[verdict]}" for what in near)


def _why(mesh: Snapshot, hop: int) -> str:
    if enforces_nothing(mesh):
        return "Flannel by itself does not enforce NetworkPolicies; another plugin would"
    if hop:
        return "the running istiod is not refused these: pods could not be created, or proxies not served, after the move"
    return "the running istiod is refused the same: either nothing enforces it, or the policy is younger than the connections"


def _rule(known: Policies, pod: Pod, shut: Mapping[str, Verdict]) -> str:
    """Every revision is let through, unless one of them is open today: a policy that selects it would shut it."""
    isolated = [d for d in (INGRESS, EGRESS) if isolating(known, pod, d)]
    both = all(
        isolating(known, Pod(namespace=pod.namespace, labels={**pod.labels, REVISION: "other"}), d)
        for d in isolated
    )
    selector = {"app": "istiod"} if both else {"app": "istiod", REVISION: pod.labels.get(REVISION, "")}
    called = [number for what, number in ((HOOK, WEBHOOK), (METRICS, MONITORING)) if what in shut]
    ingress = [{"ports": ports(*called)}] if called else []
    served = sorted({int(what.partition(" ")[0]) for what in shut if " from proxies in " in what})
    if served:
        ingress.append({"from": [{"namespaceSelector": {}}], "ports": ports(*served)})
    egress = [{"ports": ports(*API_PORTS)}] if OUT in shut else []
    return allowing(
        f"{pod.namespace}/istiod-reachable", {"matchLabels": selector}, ingress=ingress, egress=egress
    )
