"""NetworkPolicies as the API describes them: which select a pod, and what they let through.

Facts: reference of networking.k8s.io/v1 NetworkPolicy and concepts/services-networking/network-policies of
kubernetes.io: policies only add; a pod that none selects for a direction is open there; ports are those of the pod, not
of the Service; what a selector makes of traffic from the host network (the API server) is left to the plugin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import msgspec

from upgrader.checks.documents import documents
from upgrader.model.injection import label_selector_matches
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import Labels, Snapshot

EVERYWHERE = frozenset({"0.0.0.0/0", "::/0"})
KUBE_SYSTEM = "kube-system"
INGRESS, EGRESS = "Ingress", "Egress"


class Verdict(IntEnum):
    """What becomes of a connection; ``UNSURE`` where it hangs on an address that a snapshot does not have."""

    OPEN = 0
    UNSURE = 1
    BLOCKED = 2


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A NetworkPolicy with its defaults filled in; rules as they are written."""

    namespace: str
    name: str
    labels: Labels
    selector: Obj
    types: tuple[str, ...]
    ingress: tuple[Obj, ...]
    egress: tuple[Obj, ...]

    @property
    def title(self) -> str:
        """``namespace/name``."""
        return f"{self.namespace}/{self.name}"


class Pod(msgspec.Struct, frozen=True, kw_only=True):
    """One end of a connection, as far as selectors see it.

    Attributes:
        spaces: Labels of its namespace.
        ports: Names of its container ports.
    """

    namespace: str
    labels: Mapping[str, str]
    spaces: Mapping[str, str] = {}
    ports: Mapping[str, int] = {}


Policies = Mapping[str, Sequence[Policy]]
"""By namespace."""


def policies(mesh: Snapshot) -> dict[str, list[Policy]]:
    """Every NetworkPolicy of the snapshot, by namespace."""
    found: dict[str, list[Policy]] = {}
    for each in documents(mesh, "NetworkPolicy"):
        spec = each.body.get("spec") or {}
        made = Policy(
            namespace=each.ref.namespace,
            name=each.ref.name,
            labels=each.labels,
            selector=spec.get("podSelector") or {},
            types=tuple(spec.get("policyTypes") or ((INGRESS, EGRESS) if spec.get("egress") else (INGRESS,))),
            ingress=tuple(spec.get("ingress") or ()),
            egress=tuple(spec.get("egress") or ()),
        )
        found.setdefault(made.namespace, []).append(made)
    return found


def isolating(known: Policies, pod: Pod, direction: str) -> tuple[Policy, ...]:
    """The policies that select *pod* for *direction*; without any it is open there."""
    return tuple(
        p
        for p in known.get(pod.namespace, ())
        if direction in p.types and label_selector_matches(p.selector, pod.labels)
    )


def into(known: Policies, pod: Pod, peer: Pod | None, port: int, protocol: str = "TCP") -> Verdict:
    """What becomes of a connection to *port* of *pod*; no *peer* is the API server."""
    return into_of_all(known, pod, (peer,), port, protocol)


def into_of_all(
    known: Policies, pod: Pod, peers: Iterable[Pod | None], port: int, protocol: str = "TCP"
) -> Verdict:
    """The worst that becomes of connections of *peers* to *port* of *pod*."""
    selecting = isolating(known, pod, INGRESS)
    if not selecting:
        return Verdict.OPEN
    rules = [
        (p.namespace, r.get("from"))
        for p in selecting
        for r in p.ingress
        if _port_matches(r.get("ports"), (port, protocol), pod.ports)
    ]
    worst = Verdict.OPEN
    for peer in peers:
        worst = max(worst, min((_peers(r, home, peer) for home, r in rules), default=Verdict.BLOCKED))
    return worst


def out_of(known: Policies, pod: Pod, peer: Pod | None, port: int, protocol: str = "TCP") -> Verdict:
    """What becomes of a connection from *pod* to *port* of *peer*; no *peer* is the API server."""
    return through(isolating(known, pod, EGRESS), peer, port, protocol)


def through(selecting: Sequence[Policy], peer: Pod | None, port: int, protocol: str = "TCP") -> Verdict:
    """What becomes of a connection to *port* of *peer* from a pod that these policies select for egress."""
    if not selecting:
        return Verdict.OPEN
    names = peer.ports if peer else {}
    rules = ((p.namespace, r) for p in selecting for r in p.egress)
    return min(
        (
            _peers(r.get("to"), home, peer)
            for home, r in rules
            if _port_matches(r.get("ports"), (port, protocol), names)
        ),
        default=Verdict.BLOCKED,
    )


def _port_matches(ports: Any, wanted: tuple[int, str], names: Mapping[str, int]) -> bool:
    if not ports:
        return True
    port, protocol = wanted
    for each in ports:
        if (each.get("protocol") or "TCP") != protocol:
            continue
        first = each.get("port")
        if isinstance(first, str):
            first = int(first) if first.isdigit() else names.get(first)
            if first is None:
                continue
        if first is None or first <= port <= (each.get("endPort") or first):
            return True
    return False


def _peers(peers: Any, home: str, peer: Pod | None) -> Verdict:
    if not peers:
        return Verdict.OPEN
    return min(_peer(each, home, peer) for each in peers)


def _peer(rule: Obj, home: str, peer: Pod | None) -> Verdict:
    block = rule.get("ipBlock")
    if block:
        return Verdict.OPEN if block.get("cidr") in EVERYWHERE and not block.get("except") else Verdict.UNSURE
    if peer is None:
        return _host_network(rule, home)
    spaces, pods = rule.get("namespaceSelector"), rule.get("podSelector")
    there = peer.namespace == home if spaces is None else label_selector_matches(spaces, peer.spaces)
    return Verdict.OPEN if there and label_selector_matches(pods, peer.labels) else Verdict.BLOCKED


def _host_network(rule: Obj, home: str) -> Verdict:
    """Whether a rule about pods lets the API server through: never, or only where a plugin counts it as kube-system's."""
    spaces = rule.get("namespaceSelector")
    system = home == KUBE_SYSTEM if spaces is None else _selects_system(spaces)
    return Verdict.UNSURE if system else Verdict.BLOCKED


def _selects_system(selector: Obj) -> bool:
    """Whether somebody meant kube-system; an empty selector means every namespace, and was meant for pods."""
    return bool(selector) and label_selector_matches(selector, {"kubernetes.io/metadata.name": KUBE_SYSTEM})
