"""A real istiod tells which proxies took their configuration, to whoever comes by port-forward."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest

from tests.bed.bed import Bed
from tests.bed.processes import await_
from tests.bed.versions import OLD
from tests.e2e.conftest import OLD_REVISION
from tests.e2e.mesh import Namespace, populate
from upgrader.cluster.kube import Access, KubeTransport
from upgrader.cluster.rest import RestCluster
from upgrader.host.clock import SystemClock
from upgrader.model.failures import Forbidden, Unauthorized, Unforwardable
from upgrader.model.kinds import POD, Ref
from upgrader.model.step import Reading, Verdict
from upgrader.probes import ProxiesSynced

PROBE = ProxiesSynced(revision=OLD_REVISION, version=OLD)
SHOP = Namespace("shop", {"istio.io/rev": OLD_REVISION}, "shop")
_METHOD = "/envoy.service.discovery.v3.AggregatedDiscoveryService/StreamAggregatedResources"
_TYPES = (
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.listener.v3.Listener",
)
LISTENERS = _TYPES[1]


def _field(number: int, data: bytes) -> bytes:
    """A length-delimited field of a protobuf message (a request of xDS has no other that matters here)."""
    size, length = bytearray(), len(data)
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([number << 3 | 2]) + bytes([*size, length]) + data


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Length-delimited fields; of others only varints occur."""
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at, value, shift = at + 1, value | (byte & 0x7F) << shift, shift + 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = varint()
        size = varint()
        if key & 7 == 2:
            yield key >> 3, message[at : at + size]
            at += size


def _struct(values: dict[str, str]) -> bytes:
    """google.protobuf.Struct of strings."""
    pairs = (_field(1, k.encode()) + _field(2, _field(3, v.encode())) for k, v in values.items())
    return b"".join(_field(1, pair) for pair in pairs)


@contextmanager
def proxy(address: str, pod: dict[str, Any], answer: Callable[[str], str | None]) -> Iterator[None]:
    """A sidecar, as far as istiod can tell; *answer* gives the words of a rejection, "" to take it, None to say nothing."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    identity = f"sidecar~{pod['status']['podIP']}~{name}.{namespace}~{namespace}.svc.cluster.local"
    metadata = {"ISTIO_VERSION": OLD, "NAMESPACE": namespace, "CLUSTER_ID": "Kubernetes"}
    node = _field(2, _field(1, identity.encode()) + _field(3, _struct(metadata)))
    asked: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
    for url in _TYPES:
        asked.put(node + _field(4, url.encode()))

    def converse(answers: Any) -> None:
        try:
            for message in answers:
                told = dict(_fields(message))
                url, nonce = told[4], told[5]
                words = answer(url.decode())
                if words is not None:
                    error = _field(6, _field(2, words.encode())) if words else b""
                    asked.put(_field(1, told.get(1, b"")) + _field(4, url) + _field(5, nonce) + error)
        except grpc.RpcError:
            return

    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(_METHOD)(iter(asked.get, None))
        thread = threading.Thread(target=converse, args=(call,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            call.cancel()
            asked.put(None)
            thread.join()


def reader(bed: Bed, user: str = "upgrader") -> RestCluster:
    return RestCluster(KubeTransport(Access(str(bed.kubeconfig(user))), SystemClock()))


def istiod_pod(bed: Bed) -> dict[str, Any]:
    (found,) = bed.api.items("/api/v1/namespaces/istio-system/pods", labelSelector="app=istiod")
    return found


@pytest.fixture
def shop(bed: Bed) -> Bed:
    """One istiod and one namespace."""
    bed.install(OLD, OLD_REVISION)
    bed.await_ready("istio-system", f"istiod-{OLD_REVISION}")
    populate(bed, (SHOP,))
    return bed


def test_a_real_istiod_is_asked_who_took_what(shop: Bed, say: Callable[[str], None]) -> None:
    cluster, istiod = reader(shop), istiod_pod(shop)
    place = Ref(POD, istiod["metadata"]["name"], "istio-system")
    with pytest.raises(Unauthorized):
        cluster.fetch(place, 15014, "/debug/syncz")
    assert cluster.forward(place, 15014, "/debug/syncz") == (200, b"[]")

    pods = shop.api.items("/api/v1/namespaces/shop/pods")
    none = PROBE.look(cluster)
    assert none.summary.startswith(f"{len(pods)} ready proxies are not connected")

    address = f"{istiod['status']['podIP']}:15010"
    said = {"all": "", "listeners": ""}

    def usual(_: str) -> str:
        return ""

    def odd(url: str) -> str | None:
        return said["listeners"] if url == LISTENERS else ""

    with _all(address, pods[1:], usual), proxy(address, pods[0], odd):
        well = _until(cluster, Verdict.HOLDS)
    assert well.summary == f"{len(pods)} proxies of {OLD} connected to {OLD_REVISION}, all in sync"

    said["listeners"] = "Error adding listener 0.0.0.0_80: no\nand more"
    with _all(address, pods[1:], usual), proxy(address, pods[0], odd):
        rejecting = _until(cluster, Verdict.BROKEN)
        status, body = cluster.forward(place, 15014, "/debug/syncz")
    name = f"{pods[0]['metadata']['name']}.shop"
    assert rejecting.summary.endswith(f"{name}: Listener: Error adding listener 0.0.0.0_80: no")
    told = {one["proxy"]: one for one in json.loads(body)}
    assert (status, len(told)) == (200, len(pods))
    say(f"syncz: {len(pods)} proxies, {len(body) // len(told)} bytes each; fields {sorted(told[name])}")

    with (
        _all(address, pods[1:], usual),
        proxy(address, pods[0], lambda url: None if url == LISTENERS else ""),
    ):
        stale = _until(cluster, Verdict.PENDING, "not taken the last push")
    assert stale.summary.endswith(name)


def test_who_may_not_forward_goes_by_number_and_is_told_so(shop: Bed) -> None:
    user = "system:serviceaccount:shop:looking"
    rules = [
        {"apiGroups": [""], "resources": ["pods", "pods/proxy"], "verbs": ["get", "list"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["list"]},
    ]
    role: dict[str, Any] = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "looking"},
        "rules": rules,
    }
    rbac = "/apis/rbac.authorization.k8s.io/v1"
    shop.api.create(f"{rbac}/clusterroles", role)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "looking"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "looking"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}],
    }  # fmt: skip
    shop.api.create(f"{rbac}/clusterrolebindings", binding)
    access = Access(str(shop.kubeconfig("admin")), user=user)
    cluster = RestCluster(KubeTransport(access, SystemClock()))
    place = Ref(POD, istiod_pod(shop)["metadata"]["name"], "istio-system")
    with pytest.raises(Forbidden, match="pods/portforward"):
        cluster.forward(place, 15014, "/debug/syncz")

    reading = PROBE.look(cluster)
    assert reading.verdict is Verdict.PENDING
    assert "0 proxies" in reading.summary
    assert "could not be seen: not allowed to use pods/portforward" in reading.summary

    rules.append({"apiGroups": [""], "resources": ["pods/portforward"], "verbs": ["get", "create"]})
    shop.api.patch(f"{rbac}/clusterroles/looking", {"rules": rules})
    await_("the right is there", lambda: "could not be seen" not in PROBE.look(cluster).summary)
    assert cluster.forward(place, 15014, "/debug/syncz")[0] == 200


def test_without_a_kubelet_there_is_no_way(shop: Bed) -> None:
    shop.processes.stop("kwok")
    place = Ref(POD, istiod_pod(shop)["metadata"]["name"], "istio-system")

    with pytest.raises(Unforwardable, match="error dialing backend"):
        reader(shop).forward(place, 15014, "/debug/syncz")
    assert "could not be seen: no port-forward" in PROBE.look(reader(shop)).summary


@contextmanager
def _all(address: str, pods: list[dict[str, Any]], answer: Callable[[str], str | None]) -> Iterator[None]:
    if not pods:
        yield
        return
    with proxy(address, pods[0], answer), _all(address, pods[1:], answer):
        yield


def _until(cluster: RestCluster, verdict: Verdict, words: str = "") -> Reading:
    found: list[Reading] = []

    def seen() -> bool:
        found.append(PROBE.look(cluster))
        return found[-1].verdict is verdict and words in found[-1].summary

    await_(f"{verdict} {words}", seen)
    return found[-1]
