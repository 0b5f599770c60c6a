"""``/debug/syncz`` of istiod: what each proxy that is connected to it was sent, and took.

Source: ``SyncStatus`` in pilot/pkg/xds/debug.go of istio/istio, 1.12 to 1.31. Nonces by type have always been there; ``resources``,
which knows of rejections, since 1.23: before it a rejection looks like an answer that does not come.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum

import msgspec

from upgrader.cluster.clean import clean_line

PATH = "/debug/syncz"
_LONGEST = 300


class State(IntEnum):
    """How a proxy stands; of several types the highest counts."""

    UNSENT = 0
    SYNCED = 1
    STALE = 2
    REJECTED = 3


class Resource(msgspec.Struct, frozen=True, gc=False, rename={"error": "lastError"}):
    """One type of configuration: nonces of what was sent last and of what was acknowledged last."""

    sent: str = ""
    acked: str = ""
    error: str = ""

    @property
    def state(self) -> State:
        """What was never sent is not waited for: the proxy did not ask for it, or there is none."""
        if self.error:
            return State.REJECTED
        if not self.sent:
            return State.UNSENT
        return State.SYNCED if self.acked == self.sent else State.STALE


class Told(msgspec.Struct, frozen=True, gc=False):
    """One entry; of ten thousand only these fields are kept."""

    proxy: str = ""
    cluster_id: str = ""
    cluster_sent: str = ""
    cluster_acked: str = ""
    listener_sent: str = ""
    listener_acked: str = ""
    route_sent: str = ""
    route_acked: str = ""
    endpoint_sent: str = ""
    endpoint_acked: str = ""
    extensionconfig_sent: str = ""
    extensionconfig_acked: str = ""
    resources: dict[str, Resource] | None = None

    def by_type(self) -> Iterator[tuple[str, Resource]]:
        """Short name of each type, and how it stands."""
        if self.resources:
            yield from ((_short(url), resource) for url, resource in self.resources.items())
            return
        yield "Cluster", Resource(self.cluster_sent, self.cluster_acked)
        yield "Listener", Resource(self.listener_sent, self.listener_acked)
        yield "RouteConfiguration", Resource(self.route_sent, self.route_acked)
        yield "ClusterLoadAssignment", Resource(self.endpoint_sent, self.endpoint_acked)
        yield "TypedExtensionConfig", Resource(self.extensionconfig_sent, self.extensionconfig_acked)


class Sync(msgspec.Struct, frozen=True):
    """One proxy.

    Attributes:
        waiting: Type to nonces (sent, acknowledged), of what it has not taken yet.
        error: Type and first line of the first rejection.
        cluster: Name that its cluster has in the mesh; empty when not told.
    """

    state: State
    waiting: Mapping[str, tuple[str, str]] = {}
    error: str = ""
    cluster: str = ""


class NotSyncz(ValueError):
    """The text is no answer of ``/debug/syncz``."""


def parse(data: bytes) -> list[tuple[str, Sync]]:
    """``POD.NAMESPACE`` and standing of every connection, in the order in which they were told.

    Raises:
        NotSyncz: it is something else.
    """
    try:
        told = msgspec.json.decode(data, type=list[Told] | None)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise NotSyncz(clean_line(str(error))[:_LONGEST]) from error
    if any(not one.proxy for one in told or ()):
        raise NotSyncz("an entry names no proxy")
    return [(one.proxy, _sync(one)) for one in told or ()]


def _sync(told: Told) -> Sync:
    types = sorted(told.by_type())
    state = max((resource.state for _, resource in types), default=State.UNSENT)
    waiting = {name: (r.sent, r.acked) for name, r in types if r.state is State.STALE}
    error = next((f"{name}: {_first_line(r.error)}" for name, r in types if r.error), "")
    return Sync(state, waiting, error, told.cluster_id)


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return clean_line(lines[0] if lines else text)[:_LONGEST]


def _short(url: str) -> str:
    """``type.googleapis.com/envoy.config.listener.v3.Listener`` is a Listener."""
    return clean_line(url.rpartition(".")[2])[:80]


def union(answers: list[list[tuple[str, Sync]]]) -> dict[str, list[Sync]]:
    """Proxy to how each of its connections stands; one that has just moved may have two for a while."""
    found: dict[str, list[Sync]] = {}
    for answer in answers:
        for name, sync in answer:
            found.setdefault(name, []).append(sync)
    return found
