"""What an API server serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import orjson

from upgrader.cluster.port import JSON, Transport
from upgrader.cluster.status import failure
from upgrader.model.failures import ClusterFailure, ServerTrouble
from upgrader.model.kinds import Kind

AGGREGATED = f"{JSON};g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,{JSON}"
"""Everything in two requests, from servers that know it; others answer with plain lists of groups."""
_OURS = ("istio.io", "gateway.networking.k8s.io")
"""Groups without which a backup would be incomplete: not knowing them is a failure, not "none"."""


def discover(transport: Transport) -> tuple[Kind, ...]:
    """Every served resource in the first version, by the server's preference, that has it; sorted.

    A group whose server is away (metrics, for instance) is left out, unless it is one of ours.

    Raises:
        ClusterFailure: discovery itself failed, or one of our groups could not be read.
    """
    found: list[Kind] = []
    for root in ("/api", "/apis"):
        listing = _read(transport, root, AGGREGATED)
        if listing.get("kind") == "APIGroupDiscoveryList":
            found += _aggregated(listing)
        elif root == "/api":
            found += _resources(transport, "", str(listing["versions"][0]))
        else:
            found += _walked(transport, listing)
    return tuple(sorted(set(found)))


def _aggregated(listing: dict[str, Any]) -> Iterator[Kind]:
    """Versions come in the order of the server's preference."""
    for group in listing.get("items", ()):
        name = group["metadata"].get("name", "")
        current = [v for v in group.get("versions", ()) if v.get("freshness") != "Stale"]
        if not current:
            _complain(name, ServerTrouble(f"the server of API group {name} does not answer", status=503))
        yield from _preferred(_of_version(name, version) for version in current)


def _of_version(group: str, version: dict[str, Any]) -> list[Kind]:
    return [
        Kind(
            group,
            version["version"],
            resource["resource"],
            (resource.get("responseKind") or {}).get("kind", ""),
            resource.get("scope") == "Namespaced",
        )
        for resource in version.get("resources", ())
    ]


def _preferred(versions: Iterable[Sequence[Kind]]) -> Iterator[Kind]:
    """Each resource in the first version that serves it: not all are served in the preferred version of their group.

    EnvoyFilter, for one, has only v1alpha3 while its group prefers v1.
    """
    seen: set[str] = set()
    for kinds in versions:
        yield from (kind for kind in kinds if kind.plural not in seen)
        seen.update(kind.plural for kind in kinds)


def _walked(transport: Transport, listing: dict[str, Any]) -> Iterator[Kind]:
    for group in listing.get("groups", ()):
        name = group["name"]
        first = group.get("preferredVersion") or group["versions"][0]
        versions = [first, *(v for v in group.get("versions", ()) if v != first)]
        try:
            yield from _preferred([_resources(transport, name, v["version"]) for v in versions])
        except ClusterFailure as trouble:
            _complain(name, trouble)


def _resources(transport: Transport, group: str, version: str) -> list[Kind]:
    listing = _read(transport, f"/apis/{group}/{version}" if group else f"/api/{version}", JSON)
    return [
        Kind(group, version, r["name"], r["kind"], bool(r["namespaced"]))
        for r in listing.get("resources", ())
        if "/" not in r["name"]
    ]


def _complain(group: str, trouble: ClusterFailure) -> None:
    if group.endswith(_OURS):
        raise trouble


def _read(transport: Transport, path: str, accept: str) -> dict[str, Any]:
    status, _, body = transport.send("GET", path, {}, None, "", accept)
    if not 200 <= status < 300:
        raise failure(status, body, f"GET {path}")
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ServerTrouble(
            "the answer is not JSON: is this an API server?", status=status, request=f"GET {path}"
        )
    return found
