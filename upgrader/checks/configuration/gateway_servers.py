from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import combinations, product
from typing import Any

import msgspec

from upgrader.checks.configuration.hosts import labels_meet, listed, names_of, spec_of, written
from upgrader.checks.context import Context
from upgrader.model.finding import Finding, Severity
from upgrader.model.kinds import Ref
from upgrader.model.snapshot import Labels, Snapshot
from upgrader.model.step import counted

_HTTP = frozenset({"HTTP", "HTTP2", "GRPC", "GRPC-WEB"})
_SHOWN = 8


class _Server(msgspec.Struct, frozen=True, kw_only=True):
    ref: Ref
    selector: Labels
    port: int
    bind: str
    protocol: str
    hosts: frozenset[str]
    tls: Any = None

    @property
    def plain(self) -> bool:
        """Whether requests, not connections, decide which route is taken."""
        return self.protocol in _HTTP


def gateway_servers(mesh: Snapshot, context: Context) -> Iterator[Finding]:
    """Report Gateways whose servers cannot both be served by one proxy: one port with different protocols or keys.

    Hosts that share a port with the same settings are put together, which is as it should be.
    """
    clashes: dict[int, dict[tuple[Ref, Ref], str]] = defaultdict(dict)
    for first, second in _pairs(tuple(_servers(mesh, context))):
        clash = _clash(first, second)
        if first.ref != second.ref and labels_meet(first.selector, second.selector) and clash:
            one, other = sorted((first.ref, second.ref))
            clashes[first.port].setdefault((one, other), clash)
    for port, pairs in sorted(clashes.items()):
        yield _finding(port, [(clash, refs) for refs, clash in pairs.items()])


def _pairs(servers: tuple[_Server, ...]) -> Iterator[tuple[_Server, _Server]]:
    """Those that may be in each other's way: a host in common, or one port for requests and for connections."""
    by_host: dict[tuple[int, str, str], list[_Server]] = defaultdict(list)
    by_port: dict[tuple[int, str], tuple[list[_Server], list[_Server]]] = defaultdict(lambda: ([], []))
    for server in servers:
        by_port[server.port, server.bind][server.plain].append(server)
        for host in server.hosts:
            by_host[server.port, server.bind, host].append(server)
    for alike in by_host.values():
        yield from combinations(alike, 2)
    for connections, requests in by_port.values():
        yield from product(connections, requests)


def _servers(mesh: Snapshot, context: Context) -> Iterator[_Server]:
    for resource in written(mesh, context, "Gateway"):
        spec = spec_of(resource)
        for server in listed(spec.get("servers")):
            port = server.get("port") if isinstance(server, dict) else None
            if isinstance(port, dict) and isinstance(port.get("number"), int):
                yield _Server(
                    ref=resource.ref,
                    selector=spec.get("selector") or {},
                    port=port["number"],
                    bind=str(server.get("bind") or ""),
                    protocol=str(port.get("protocol") or "").upper(),
                    hosts=frozenset(str(h).rpartition("/")[2] for h in listed(server.get("hosts"))),
                    tls=server.get("tls"),
                )


def _clash(first: _Server, second: _Server) -> str:
    if first.plain != second.plain:
        return f"{first.protocol} and {second.protocol}"
    same = sorted(first.hosts & second.hosts)
    if first.plain or not same or first.tls == second.tls:
        return ""
    return f"{', '.join(same[:3])} with different TLS settings"


def _finding(port: int, clashes: list[tuple[str, tuple[Ref, Ref]]]) -> Finding:
    subject = f"Gateways at port {port}"
    return Finding(
        code="UPG-0399",
        severity=Severity.ADVISORY,
        subject=subject,
        summary=f"{subject}: {counted(len(clashes), 'pair')} that one proxy cannot serve both",
        what=tuple(f"{text}: {' and '.join(names_of(refs))}" for text, refs in clashes[:_SHOWN]),
        why="istiod keeps the older one's server, but that order is not promised: after a restore or in another version it may be the other's",
        do=(
            "give each host one server, or select different gateways",
            "istioctl proxy-config listeners POD.NAMESPACE --port "
            + str(port)
            + " -o json      # which one counts now",
        ),
        objects=names_of(tuple(ref for _, refs in clashes for ref in refs)),
    )
