"""A real istiod tells which proxies took their configuration, to whoever comes by port-forward."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

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
    cluster = reader(shop)
    place = Ref(POD, istiod_pod(shop)["metadata"]["name"], "istio-system")
    with pytest.raises(Unauthorized):
        cluster.fetch(place, 15014, "/debug/syncz")
    pods = shop.api.items("/api/v1/namespaces/shop/pods")
    name = pods[0]["metadata"]["name"]

    well = _until(cluster, Verdict.HOLDS)
    assert well.summary == f"{len(pods)} proxies of {OLD} connected to {OLD_REVISION}, all in sync"

    assert shop.sidecars.reject("no such filter\nand more", namespace="shop", pod=name, kind="LDS") == 1
    rejecting = _until(cluster, Verdict.BROKEN)
    assert rejecting.summary.endswith(f"{name}.shop: Listener: no such filter")
    assert rejecting.facts["rejecting"] == "1"
    status, body = cluster.forward(place, 15014, "/debug/syncz")
    told = {one["proxy"]: one for one in json.loads(body)}
    assert (status, f"{name}.shop" in told) == (200, True)
    say(
        f"syncz: {len(told)} proxies, {len(body) // len(told)} bytes each; fields {sorted(told[f'{name}.shop'])}"
    )

    shop.sidecars.accept(namespace="shop", pod=name)
    _until(cluster, Verdict.HOLDS)

    shop.sidecars.close()
    none = _until(cluster, Verdict.PENDING, "not connected")
    assert none.summary.startswith(f"{len(pods)} ready proxies are not connected")


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

    reading = _until(cluster, Verdict.HOLDS, "could not be seen: not allowed to use pods/portforward")
    assert "sync" in reading.facts
    assert "synced" not in reading.facts

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


def _until(cluster: RestCluster, verdict: Verdict, words: str = "") -> Reading:
    found: list[Reading] = []

    def seen() -> bool:
        found.append(PROBE.look(cluster))
        return found[-1].verdict is verdict and words in found[-1].summary

    await_(f"{verdict} {words}", seen)
    return found[-1]
