from __future__ import annotations

from collections.abc import Iterator

import msgspec

from upgrader.checks.context import Context
from upgrader.checks.network.ends import DNS, cluster_dns, istiod, istiod_to_come, proxy, spaces, xds_port
from upgrader.checks.network.plugin import enforces_nothing
from upgrader.checks.network.policies import (
    EGRESS,
    Pod,
    Policy,
    Verdict,
    isolating,
    policies,
    through,
)
from upgrader.checks.network.rule import allowing, ports
from upgrader.checks.scope import moved, moving, some
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import ControlPlane, Snapshot, Workload

RESOLVE = "name resolution (port 53)"


class Goals(msgspec.Struct, frozen=True):
    """What a proxy must reach: its istiod today, those to come by revision, and the DNS of the cluster."""

    port: int
    today: Pod
    later: tuple[tuple[str, Pod], ...]
    dns: Pod


class Shut(msgspec.Struct, frozen=True):
    """One workload that cannot get out.

    Attributes:
        by: The policies that select it.
        what: What it cannot reach.
        hop: The hop after which it cannot; 0 when it cannot today.
    """

    workload: Workload
    by: tuple[Policy, ...]
    what: tuple[str, ...]
    hop: int


def proxy_egress(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report NetworkPolicies that keep proxies from the istiod to come, or from resolving its name; one per namespace.

    A policy that names the pods of the old revision lets nothing through to the new one. Where the running istiod is
    out of reach in the same way it is an advisory: they are connected, so nobody enforces it, or it is younger.
    """
    known = policies(mesh)
    plane = next((p for r in sorted(moving(mesh, context)) if (p := mesh.plane(r))), None)
    if not known or plane is None:
        return
    goals = _goals(mesh, context, plane)
    found: dict[str, list[Shut]] = {}
    answers: dict[tuple[str, ...], tuple[tuple[str, ...], int]] = {}
    for workload, _ in moved(mesh, context):
        if workload.ref.namespace in known and not workload.host_network:
            by = isolating(known, proxy(workload, {}), EGRESS)
            key = tuple(p.title for p in by)
            if key not in answers:  # nothing but these policies decides
                answers[key] = _shut(by, goals)
            what, hop = answers[key]
            if what:
                found.setdefault(workload.ref.namespace, []).append(Shut(workload, by, what, hop))
    for namespace, each in found.items():
        yield _finding(mesh, namespace, each)


def _goals(mesh: Snapshot, context: Context, plane: ControlPlane) -> Goals:
    later = tuple((target.revision, istiod_to_come(mesh, plane, target)) for target in context.path[1:])
    return Goals(xds_port(mesh, plane.revision), istiod(mesh, plane), later, cluster_dns(mesh))


def _shut(by: tuple[Policy, ...], goals: Goals) -> tuple[tuple[str, ...], int]:
    """What pods that these policies select cannot reach, and from which hop on; 0 is today."""
    port = goals.port
    today = through(by, goals.today, port)
    for number, (revision, istiod_) in enumerate(goals.later, start=1):
        verdict = through(by, istiod_, port)
        if verdict is Verdict.BLOCKED and verdict > today:
            return (f"port {port} of istiod {revision}",), number
    what = [f"port {port} of istiod"] if today is Verdict.BLOCKED else []
    if through(by, goals.dns, DNS, "UDP") is Verdict.BLOCKED:
        what.append(RESOLVE)
    return tuple(what), 0


def _finding(mesh: Snapshot, namespace: str, shut: list[Shut]) -> Finding:
    hop = min((s.hop for s in shut if s.hop), default=0)
    told = [s for s in shut if bool(s.hop) == bool(hop)]
    certain = bool(hop) and not enforces_nothing(mesh)
    closing = list({p.title: p for s in told for p in s.by}.values())
    names = [f"NetworkPolicy {p.title}" for p in closing]
    what = list(dict.fromkeys(w for s in told for w in s.what))
    return Finding(
        code="UPG-0371",
        severity=Severity.BLOCKED if certain else Severity.ADVISORY,
        subject=f"Namespace {namespace}",
        summary=f"Namespace {namespace}: {some(names, 3)} {'lets' if len(names) == 1 else 'let'} no proxy reach {what[0]}",
        what=(
            *(f"out of reach: {each}" for each in what),
            f"concerned: {some([s.workload.name for s in told])}",
        ),
        why="a proxy that starts and cannot reach its istiod never becomes ready"
        if certain
        else "they are connected today: either nothing enforces it, or the policy is younger than the connections",
        do=_rules(mesh, closing, told, RESOLVE in what),
        hop=hop,
        allowable=certain,
        objects=(f"Namespace {namespace}", *names, *(str(s.workload.ref) for s in told)),
    )


def _rules(mesh: Snapshot, closing: list[Policy], shut: list[Shut], resolve: bool) -> tuple[str, ...]:
    """One rule beside each policy that closes, for the same pods: others stay as open as they are."""
    root = mesh.root_namespace
    name = {"kubernetes.io/metadata.name": root}
    there: Obj = {"matchLabels": name} if name.items() <= dict(spaces(mesh, root)).items() else {}
    served = sorted({int(w.split()[1]) for s in shut for w in s.what if w.startswith("port ")})
    egress: list[Obj] = []
    if served:
        peer = {"namespaceSelector": there, "podSelector": {"matchLabels": {"app": "istiod"}}}
        egress.append({"to": [peer], "ports": ports(*served)})
    if resolve:
        egress.append({"ports": ports(DNS, protocol="UDP") + ports(DNS)})
    return tuple(
        allowing(f"{p.namespace}/{p.name}-istiod"[:253], p.selector, egress=egress) for p in closing[:3]
    )
