"""One conversation of a proxy with istiod: asks, follows and acknowledges as Envoy does, or rejects.

State of the world over ADS. Clusters and listeners are asked for with a wildcard; endpoints by the names in the
clusters taken, routes by the names in the listeners taken. What was rejected is not followed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import grpc
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.core.v3 import base_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2
from google.protobuf import json_format
from google.rpc import status_pb2

from tests.bed.standins.sidecars.pods import Proxy

__all__ = ["TYPES", "Talk", "TalkEnded", "channel_to", "converse"]

TYPES: Final[Mapping[str, str]] = {
    "CDS": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "EDS": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
    "LDS": "type.googleapis.com/envoy.config.listener.v3.Listener",
    "RDS": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
}
"""By the names that ``istioctl proxy-status`` uses."""
_SHORT = {url: short for short, url in TYPES.items()}
_FOLLOWED = {"CDS": "EDS", "LDS": "RDS"}
_WILDCARD = frozenset(_FOLLOWED)
_CALLED: dict[bytes, str] = {}
"""Name of a listener by its digest."""
_INTERNAL = 13
"""The code with which Envoy rejects."""
_NAMES: dict[bytes, frozenset[str]] = {}
"""Names in a resource by its digest: hundreds of proxies are sent the same ones."""


@dataclass(slots=True)
class Subscription:
    """One type of resources on one stream."""

    names: frozenset[str] = frozenset()
    version: str = ""
    nonce: str = ""
    accepted: bool = False
    rejected: bool = False


@dataclass(slots=True)
class Talk:
    """What was said on one stream.

    Attributes:
        asked: Subscriptions by short type.
        rejects: Rejections sent on this stream.
        listeners: Names of those that were taken last.
    """

    asked: dict[str, Subscription] = field(default_factory=dict)
    rejects: int = 0
    listeners: frozenset[str] = frozenset()

    @property
    def rejecting(self) -> bool:
        """The last response of some type was rejected."""
        return any(each.rejected for each in self.asked.values())

    @property
    def synced(self) -> bool:
        """Everything asked for was sent and acknowledged."""
        return all(kind in self.asked for kind in _WILDCARD) and all(s.accepted for s in self.asked.values())


class TalkEnded(Exception):
    """A stream ended; the words are the code and what istiod or the connection said."""


def channel_to(address: str) -> grpc.aio.Channel:
    """A plaintext connection; the streams of any number of proxies share it."""
    return grpc.aio.insecure_channel(
        address,
        options=[
            ("grpc.enable_http_proxy", 0),
            ("grpc.max_receive_message_length", -1),
            ("grpc.initial_reconnect_backoff_ms", 200),
            ("grpc.max_reconnect_backoff_ms", 2000),
        ],
    )


async def converse(
    channel: grpc.aio.Channel, proxy: Proxy, talk: Talk, refusal: Callable[[str], str]
) -> AsyncIterator[None]:
    """Talk until istiod ends the stream; yields after each response, when *talk* has changed.

    Args:
        channel: To istiod.
        proxy: Who connects.
        talk: Kept up to date.
        refusal: Asked with the short type of each response: why it is rejected, or an empty string.

    Raises:
        TalkEnded: istiod refused the stream or went away.
    """
    stream = ads_pb2_grpc.AggregatedDiscoveryServiceStub(channel).StreamAggregatedResources()
    try:
        for request in _first(proxy, talk):
            await stream.write(request)
        while (response := await stream.read()) is not grpc.aio.EOF:
            for request in _answers(response, talk, refusal):
                await stream.write(request)
            yield
        raise TalkEnded(f"{(await stream.code()).name}: {await stream.details()}")
    except asyncio.InvalidStateError as error:  # a write after the end
        raise TalkEnded(f"{(await stream.code()).name}: {await stream.details()}") from error
    except grpc.aio.AioRpcError as error:
        raise TalkEnded(f"{error.code().name}: {error.details()}") from error
    finally:
        stream.cancel()


def _first(proxy: Proxy, talk: Talk) -> Iterable[Any]:
    node = base_pb2.Node(id=proxy.node, cluster=_cluster(proxy), user_agent_name="envoy")
    json_format.ParseDict(dict(proxy.metadata), node.metadata)
    for kind in sorted(_WILDCARD):
        talk.asked[kind] = Subscription()
        yield discovery_pb2.DiscoveryRequest(node=node, type_url=TYPES[kind])


def _cluster(proxy: Proxy) -> str:
    return f"{proxy.metadata.get('LABELS', {}).get('app', 'istio-proxy')}.{proxy.namespace}"


def _answers(response: Any, talk: Talk, refusal: Callable[[str], str]) -> Iterable[Any]:
    kind = _SHORT.get(response.type_url, "")
    if kind not in talk.asked:
        return
    asked = talk.asked[kind]
    asked.nonce = response.nonce
    if detail := refusal(kind):
        asked.rejected, asked.accepted = True, False
        talk.rejects += 1
        yield _request(kind, asked, detail)
        return
    asked.version, asked.accepted, asked.rejected = response.version_info, True, False
    if kind == "LDS":
        talk.listeners = frozenset(_named(resource) for resource in response.resources)
    yield _request(kind, asked)
    if follower := _FOLLOWED.get(kind):
        yield from _follow(follower, response, talk)


def _follow(kind: str, response: Any, talk: Talk) -> Iterable[Any]:
    """Ask for what the accepted resources refer to, if that is not what is asked for already."""
    names = frozenset().union(*(_referred(resource) for resource in response.resources))
    asked = talk.asked.get(kind)
    if asked is None:
        if not names:
            return
        asked = talk.asked[kind] = Subscription()
    elif asked.names == names:
        return
    asked.accepted = asked.accepted and names <= asked.names
    asked.names = names
    yield _request(kind, asked)
    if not names:
        del talk.asked[kind]


def _request(kind: str, asked: Subscription, detail: str = "") -> Any:
    return discovery_pb2.DiscoveryRequest(
        type_url=TYPES[kind],
        resource_names=sorted(asked.names),
        version_info=asked.version,
        response_nonce=asked.nonce,
        error_detail=status_pb2.Status(code=_INTERNAL, message=detail) if detail else None,
    )


def _named(listener: Any) -> str:
    digest = hashlib.blake2b(listener.value, digest_size=16).digest()
    if digest not in _CALLED:
        _CALLED[digest] = listener_pb2.Listener.FromString(listener.value).name
    return _CALLED[digest]


def _referred(resource: Any) -> frozenset[str]:
    digest = hashlib.blake2b(resource.value, digest_size=16).digest()
    if digest not in _NAMES:
        reader = _endpoints if resource.type_url == TYPES["CDS"] else _routes
        _NAMES[digest] = frozenset(reader(resource.value))
    return _NAMES[digest]


def _endpoints(data: bytes) -> Iterable[str]:
    cluster = cluster_pb2.Cluster.FromString(data)
    if cluster.type == cluster_pb2.Cluster.EDS:
        yield cluster.eds_cluster_config.service_name or cluster.name


def _routes(data: bytes) -> Iterable[str]:
    listener = listener_pb2.Listener.FromString(data)
    for chain in (*listener.filter_chains, listener.default_filter_chain):
        for each in chain.filters:
            manager = hcm_pb2.HttpConnectionManager()
            if each.typed_config.Unpack(manager) and manager.HasField("rds"):
                yield manager.rds.route_config_name
