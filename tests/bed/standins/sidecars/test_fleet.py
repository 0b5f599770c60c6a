"""Connections to an istiod that answers what the test says: what Envoy would say back, and who is counted how.

Needs the optional dependencies `bed`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any

import grpc
import pytest
from envoy.config.cluster.v3 import cluster_pb2
from envoy.config.listener.v3 import listener_pb2
from envoy.extensions.filters.network.http_connection_manager.v3 import http_connection_manager_pb2 as hcm_pb2
from envoy.service.discovery.v3 import ads_pb2_grpc, discovery_pb2

from tests.bed.standins.sidecars.fleet import Fleet, Rule
from tests.bed.standins.sidecars.pods import Istiod, Proxy
from tests.bed.standins.sidecars.serving import carry_out
from tests.bed.standins.sidecars.xds import TYPES

CART = Proxy(
    uid="1",
    namespace="shop",
    pod="cart",
    node="sidecar~10.244.0.1~cart.shop~shop.svc.cluster.local",
    version="1.30.3",
    istiod=Istiod("istiod", "istio-system"),
    metadata={"ISTIO_VERSION": "1.30.3", "LABELS": {"app": "cart"}},
)
SHORT = {url: kind for kind, url in TYPES.items()}


def cluster(name: str, *, eds: bool = True) -> Any:
    kind = cluster_pb2.Cluster.EDS if eds else cluster_pb2.Cluster.STATIC
    return cluster_pb2.Cluster(name=name, type=kind)


def listener(route: str) -> Any:
    found = listener_pb2.Listener(name="0.0.0.0_80")
    manager = hcm_pb2.HttpConnectionManager()
    manager.rds.route_config_name = route
    found.filter_chains.add().filters.add().typed_config.Pack(manager)
    return found


@dataclass
class Answering:
    """Answers each question once and acknowledgements never, and remembers what it heard."""

    resources: dict[str, list[Any]] = field(default_factory=dict)
    heard: list[Any] = field(default_factory=list)
    streams: int = 0
    there: list[str] = field(default_factory=list)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def until(self, heard: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self.news:
            await self.news.wait_for(heard)

    def answered(self) -> bool:
        """Whether it has heard about each kind of resource that it sent."""
        return {r.type_url for r in self.heard if r.response_nonce} == set(SHORT)

    async def tell(self) -> None:
        async with self.news:
            self.news.notify_all()

    async def StreamAggregatedResources(  # noqa: N802
        self, requests: AsyncIterator[Any], context: Any
    ) -> AsyncIterator[Any]:
        self.streams += 1
        asked: dict[str, list[str]] = {}
        try:
            async for request in requests:
                self.heard.append(request)
                await self.tell()
                kind, names = SHORT[request.type_url], list(request.resource_names)
                if request.HasField("error_detail") or asked.get(kind) == names:
                    continue
                asked[kind] = names
                response = discovery_pb2.DiscoveryResponse(
                    type_url=request.type_url, version_info="v1", nonce=f"{kind}-1"
                )
                for each in self.resources.get(kind, ()):
                    response.resources.add().Pack(each)
                yield response
        finally:
            self.streams -= 1
            await self.tell()

    DeltaAggregatedResources = StreamAggregatedResources


def full() -> Answering:
    return Answering({"CDS": [cluster("a"), cluster("b", eds=False)], "LDS": [listener("80")]})


def talking(work: Callable[[Answering, Fleet], Awaitable[None]], *, sample: int = 0) -> None:
    """Run *work* with an istiod and a fleet that knows where it is."""

    async def both() -> None:
        istiod, server = full(), grpc.aio.server()
        ads_pb2_grpc.add_AggregatedDiscoveryServiceServicer_to_server(istiod, server)
        istiod.there = [f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"]
        await server.start()
        fleet = Fleet(lambda _: istiod.there, sample)
        try:
            await work(istiod, fleet)
        finally:
            await fleet.close()
            await server.stop(None)

    asyncio.run(both())


async def until(fleet: Fleet, state: str, **more: Any) -> None:
    told = await carry_out(fleet, {"do": "wait", "state": state, "seconds": 20, **more})
    assert told["held"], told


def test_a_proxy_asks_for_what_it_was_told_of_and_acknowledges_all() -> None:
    async def work(istiod: Answering, fleet: Fleet) -> None:
        fleet.join(CART)
        await until(fleet, "synced")
        await istiod.until(istiod.answered)
        first = istiod.heard[0]
        assert (first.node.id, first.node.metadata["ISTIO_VERSION"]) == (CART.node, "1.30.3")
        asked = {SHORT[r.type_url]: list(r.resource_names) for r in istiod.heard if r.resource_names}
        assert asked == {"EDS": ["a"], "RDS": ["80"]}
        acknowledged = {
            (SHORT[r.type_url], r.version_info, r.response_nonce) for r in istiod.heard if r.version_info
        }
        assert acknowledged == {(kind, "v1", f"{kind}-1") for kind in TYPES}

    talking(work)


def test_what_it_is_told_to_reject_it_rejects_at_once_and_does_not_follow() -> None:
    async def work(istiod: Answering, fleet: Fleet) -> None:
        fleet.join(CART)
        await until(fleet, "synced")
        await istiod.until(istiod.answered)  # or an answer still under way is counted as a new one
        istiod.heard.clear()
        told = await carry_out(
            fleet, {"do": "reject", "namespace": "sh*", "kind": "LDS", "detail": "no such filter"}
        )
        assert told == {"concerned": 1}
        await until(fleet, "rejecting")
        await istiod.until(lambda: any(r.HasField("error_detail") for r in istiod.heard))
        said = [r for r in istiod.heard if r.HasField("error_detail")]
        assert [
            (r.error_detail.message, r.error_detail.code, r.response_nonce, r.version_info) for r in said
        ] == [("no such filter", 13, "LDS-1", "")]
        assert "RDS" not in {SHORT[r.type_url] for r in istiod.heard}
        assert fleet.counts()["rejects"] == 1
        await carry_out(fleet, {"do": "accept"})
        await until(fleet, "synced")

    talking(work)


def test_others_are_not_concerned() -> None:
    async def work(istiod: Answering, fleet: Fleet) -> None:
        fleet.reject(Rule(pod="cart", detail="no"), now=True)
        fleet.replace([CART, replace(CART, uid="2", pod="till", node=CART.node.replace("cart", "till"))])
        await until(fleet, "rejecting", count=1)
        await until(fleet, "synced", pod="till")

    talking(work)


def test_a_pod_that_goes_closes_its_stream_and_lets_another_into_the_sample() -> None:
    async def work(istiod: Answering, fleet: Fleet) -> None:
        fleet.replace([CART, replace(CART, uid="2", pod="till")])
        await until(fleet, "synced", count=1)
        assert {m.proxy.pod for m in fleet.members()} == {"cart"}
        assert fleet.counts()["spare"] == 1
        fleet.drop("1")
        await until(fleet, "synced", pod="till")
        fleet.drop("2")
        await istiod.until(lambda: not istiod.streams)
        assert fleet.counts()["proxies"] == 0

    talking(work, sample=1)


def test_without_an_endpoint_it_waits_and_says_why() -> None:
    async def work(istiod: Answering, fleet: Fleet) -> None:
        there, istiod.there = istiod.there, []
        fleet.join(CART)
        assert await fleet.settled(lambda: bool(fleet.members()[0].trouble), 20)
        assert fleet.members()[0].told()["trouble"] == "istiod.istio-system has no endpoint"
        assert fleet.counts()["waiting"] == 1
        istiod.there = there
        await until(fleet, "synced")

    talking(work)


def test_a_request_that_makes_no_sense_is_refused() -> None:
    async def work() -> None:
        fleet = Fleet(lambda _: [])
        with pytest.raises(ValueError, match="no such type: XDS"):
            await carry_out(fleet, {"do": "reject", "kind": "XDS", "detail": "no"})
        with pytest.raises(ValueError, match="no such state: fine"):
            await carry_out(fleet, {"do": "wait", "state": "fine"})
        with pytest.raises(ValueError, match="no such request: dance"):
            await carry_out(fleet, {"do": "dance"})

    asyncio.run(work())
