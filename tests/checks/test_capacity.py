from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import advises, blocks, said, silent
from tests.checks.objects import istiod, node, quota, ranged, service, thing
from tests.meshes import Mesh, mesh
from upgrader.checks.capacity.quantities import quantity, told
from upgrader.model.snapshot import Document

ROOT = "istio-system/istiod-1-27-9"
SMALL = {"requests": {"cpu": "500m", "memory": "512Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}


def running(*documents: Document, replicas: int = 2, **fields: Any) -> Mesh:
    """An istiod of 1.27.9 with one served workload, and these objects."""
    made = mesh().plane("1.27.9", replicas=replicas).namespace("istio-system").namespace("shop", rev="1-27-9")
    return made.deployment("shop/cart", proxies=2).having(documents=documents, **fields)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("500m", 0.5),
        ("2Gi", 2**31),
        ("1e3", 1000),
        ("1500", 1500),
        ("64M", 64e6),
        (2, 2),
        (None, 0),
        ("many", 0),
        ("1E", 1e18),
    ],
)
def test_quantities_are_read_as_kubernetes_writes_them(text: Any, number: float) -> None:
    assert quantity(text) == number


def test_quantities_are_told_in_words() -> None:
    assert told("requests.memory", 2 * 2**30) == "2 GiB"
    assert told("limits.memory", 1.5 * 2**30) == "1.5 GiB"
    assert told("memory", 256 * 2**20) == "256 MiB"
    assert told("cpu", 0.35) == "350m"
    assert told("cpu", 4) == told("pods", 4) == "4"


# Memory of istiod


def services(count: int) -> list[Document]:
    return [service(f"shop/s{number}") for number in range(count)]


def test_a_limit_of_istiod_below_the_rule_for_so_many_services_is_told_with_whose_rule_it_is() -> None:
    limited = istiod("1-27-9", resources={"limits": {"memory": "2Gi"}})
    found = advises(running(limited, *services(60)), "0375", ROOT)
    assert found.summary == f"{ROOT}: its memory limit is 2 GiB, for 60 Services 8 GiB are advised"
    assert "50 to 200 Services: 8 to 12 GiB" in found.what[1]
    assert "not Istio's" in found.why


@pytest.mark.parametrize(
    ("count", "limit"), [(10, "1Gi"), (11, "4Gi"), (50, "4Gi"), (51, "8Gi"), (201, "16Gi")]
)
def test_a_limit_that_meets_the_rule_is_fine(count: int, limit: str) -> None:
    silent(running(istiod("1-27-9", resources={"limits": {"memory": limit}}), *services(count)), "0375")


@pytest.mark.parametrize(("count", "limit"), [(11, "3Gi"), (51, "7Gi"), (201, "12Gi")])
def test_a_limit_just_below_the_rule_is_told(count: int, limit: str) -> None:
    advises(
        running(istiod("1-27-9", resources={"limits": {"memory": limit}}), *services(count)), "0375", ROOT
    )


def test_without_a_limit_the_largest_node_counts() -> None:
    assert "no node" in advises(running(node(memory="6Gi"), *services(60)), "0375", ROOT).summary
    silent(running(node(memory="6Gi"), node("node-2", memory="16Gi"), *services(60)), "0375")
    silent(running(*services(60)), "0375")


# Room on the nodes


def test_nodes_without_room_for_a_second_control_plane_are_told() -> None:
    full = running(
        node(memory="5Gi"), istiod("1-27-9", resources={"requests": {"memory": "2Gi"}}), replicas=1
    )
    silent(full, "0376")
    found = advises(
        running(node(memory="4Gi"), istiod("1-27-9", resources={"requests": {"memory": "3Gi"}}), replicas=1),
        "0376",
        ROOT,
    )
    assert "requests 3 GiB of memory, and the nodes have 768 MiB left" in found.summary
    assert "seen only in part" in found.what[1]


def test_a_pod_that_fits_on_no_node_is_told_although_the_sum_would_do() -> None:
    nodes = [node(f"node-{n}", memory="2Gi") for n in range(8)]
    large = istiod("1-27-9", resources={"requests": {"memory": "3Gi"}})
    assert "no node offers the 3 GiB" in advises(running(*nodes, large), "0376", ROOT).summary


def test_nodes_that_take_no_pods_do_not_count() -> None:
    need = istiod("1-27-9", resources={"requests": {"memory": "3Gi"}})
    silent(running(node(memory="8Gi"), need, replicas=1), "0376")
    advises(
        running(node(memory="8Gi", cordoned=True), node("b", memory="4Gi"), need, replicas=1), "0376", ROOT
    )
    away = node(memory="8Gi", ready=False)
    advises(running(away, node("b", memory="4Gi"), need, replicas=1), "0376", ROOT)
    windows = node(memory="8Gi", operatingSystem="windows")
    advises(running(windows, node("b", memory="4Gi"), need, replicas=1), "0376", ROOT)


def test_what_applications_their_sidecars_and_agents_request_is_taken() -> None:
    agent = thing("DaemonSet", "kube-system/agent", {
        "spec": {"template": {"spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": "1"}}}]}}},
        "status": {"desiredNumberScheduled": 2},
    })  # fmt: skip
    made = mesh().plane("1.27.9", replicas=1).namespace("shop", rev="1-27-9")
    made.deployment("shop/cart", proxies=3)
    silent(made.having(documents=(node(cpu="3.3"), agent)), "0376")
    found = advises(made.having(documents=(node(cpu="3"), agent)), "0376", ROOT)
    assert "the nodes have 200m left" in found.summary


# Quotas


def test_a_quota_of_the_root_namespace_without_room_for_a_second_istiod_blocks() -> None:
    full = quota("istio-system/compute", {"requests.memory": "6Gi"}, {"requests.memory": "4Gi"})
    found = blocks(running(full), "0377", "istio-system/compute")
    assert found.what == ("requests.memory: 4 GiB wanted, 2 GiB of 6 GiB left",)
    assert found.allowable
    silent(
        running(quota("istio-system/compute", {"requests.memory": "8Gi"}, {"requests.memory": "4Gi"})), "0377"
    )


@pytest.mark.parametrize("key", ["pods", "count/pods"])
def test_pods_are_counted(key: str) -> None:
    blocks(running(quota("istio-system/pods", {key: "3"}, {key: "2"})), "0377", "istio-system/pods")
    silent(running(quota("istio-system/pods", {key: "4"}, {key: "2"})), "0377")


def test_short_names_of_a_quota_mean_requests() -> None:
    blocks(running(quota("istio-system/q", {"cpu": "1500m"}, {"cpu": "1"})), "0377", "istio-system/q")
    silent(running(quota("istio-system/q", {"cpu": "2"}, {"cpu": "1"})), "0377")


def test_a_quota_that_wants_a_limit_which_istiod_does_not_say_refuses_it_unless_one_is_filled_in() -> None:
    limited = quota("istio-system/q", {"limits.memory": "64Gi"}, {"limits.memory": "0"})
    assert "every pod must say one" in blocks(running(limited), "0377", "istio-system/q").what[0]
    silent(running(limited, ranged("istio-system/r", default={"memory": "4Gi"})), "0377")


def test_quotas_of_other_pods_or_that_were_not_counted_yet_are_not_weighed() -> None:
    critical = {
        "matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "In", "values": ["system-node-critical"]}
        ]
    }
    silent(running(quota("istio-system/q", {"pods": "1"}, {"pods": "1"}, scopeSelector=critical)), "0377")
    silent(running(quota("istio-system/q", {"pods": "1"}, {"pods": "1"}, scopes=["Terminating"])), "0377")
    blocks(
        running(quota("istio-system/q", {"pods": "1"}, {"pods": "1"}, scopes=["NotTerminating"])),
        "0377",
        "istio-system/q",
    )
    silent(running(thing("ResourceQuota", "istio-system/q", {"spec": {"hard": {"pods": "1"}}})), "0377")


def test_a_quota_that_has_no_room_for_the_first_new_pod_of_a_restart_blocks() -> None:
    full = quota("shop/q", {"pods": "2"}, {"pods": "2"})
    found = blocks(running(full), "0377", "shop/q")
    assert found.summary == "shop/q: has no room for the pod that a restart of shop/cart starts with"
    silent(running(quota("shop/q", {"pods": "3"}, {"pods": "2"})), "0377")


def test_a_workload_that_may_take_a_pod_down_first_gets_on_in_a_full_quota() -> None:
    made = mesh().plane("1.27.9").namespace("shop", rev="1-27-9")
    made.deployment("shop/cart", proxies=2, max_unavailable="1")
    silent(made.having(documents=(quota("shop/q", {"pods": "2"}, {"pods": "2"}),)), "0377")


def test_application_and_sidecar_count_together() -> None:
    made = mesh().plane("1.27.9").namespace("shop", rev="1-27-9")
    made.deployment("shop/cart", proxies=2, asks={"requests": {"cpu": "400m"}})
    silent(made.having(documents=(quota("shop/q", {"cpu": "1500m"}, {"cpu": "1"}),)), "0377")
    found = blocks(
        made.having(documents=(quota("shop/q", {"cpu": "1400m"}, {"cpu": "1"}),)), "0377", "shop/q"
    )
    assert found.what == ("cpu: 500m wanted, 400m of 1400m left",)


# Limits


def test_a_sidecar_that_a_limit_range_does_not_allow_blocks() -> None:
    found = blocks(running(ranged("shop/r", max={"cpu": "1"})), "0379", "shop/r")
    assert found.summary == "shop/r: istio-proxy asks for 2 of cpu, at most 1 is allowed"
    assert found.what == ("concerned: shop/cart",)
    silent(running(ranged("shop/r", max={"cpu": "2"})), "0379")


def test_a_request_below_the_least_that_is_wanted_blocks() -> None:
    blocks(running(ranged("shop/r", min={"memory": "256Mi"})), "0379", "shop/r")
    silent(running(ranged("shop/r", min={"memory": "128Mi"})), "0379")


def test_a_limit_that_is_filled_in_below_the_request_of_istiod_blocks() -> None:
    found = blocks(running(ranged("istio-system/r", default={"memory": "512Mi"})), "0379", "istio-system/r")
    assert "less than the 2 GiB that it requests" in found.summary
    silent(running(ranged("istio-system/r", default={"memory": "2Gi"})), "0379")


def test_annotations_say_what_a_sidecar_asks_for() -> None:
    made = mesh().plane("1.27.9").namespace("shop", rev="1-27-9")
    made.deployment("shop/cart", proxies=2, annotations={"sidecar.istio.io/proxyCPULimit": "500m"})
    silent(made.having(documents=(ranged("shop/r", max={"cpu": "1"}),)), "0379")


def test_values_of_the_injector_say_what_a_sidecar_asks_for() -> None:
    values = {"1-27-9": {"global": {"proxy": {"resources": SMALL}}}}
    silent(running(ranged("shop/r", max={"cpu": "1"}), injector_values=values), "0379")


def test_sidecars_without_limits_are_told_with_their_number() -> None:
    values = {"1-27-9": {"global": {"proxy": {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}}}}}
    found = advises(running(injector_values=values), "0379", "revision 1-27-9")
    assert found.summary == "revision 1-27-9: its 2 sidecars have no limits.cpu, limits.memory"
    assert found.what[1] == "together 20m of requests.cpu, 128 MiB of requests.memory, now and after the move"
    silent(running(injector_values={"1-27-9": {"global": {"proxy": {"resources": SMALL}}}}), "0379")
    silent(running(), "0379")


# Single pods


def single(*documents: Document, kubernetes: str = "v1.33.4") -> Mesh:
    made = mesh(kubernetes).plane("1.27.9", replicas=1).namespace("shop", rev="1-27-9")
    return made.deployment("shop/cart", proxies=1).having(documents=documents)


def test_a_single_istiod_is_told_while_a_node_is_being_drained() -> None:
    found = advises(single(node(cordoned=True)), "0378", ROOT)
    assert "no budget keeps it" in found.summary
    assert found.do[1].endswith("--selector=app=istiod,istio.io/rev=1-27-9 --min-available=1")
    silent(single(node()), "0378")


def test_a_budget_that_lets_nobody_drain_the_node_of_the_single_istiod_is_told() -> None:
    kept = single(node(cordoned=True)).budget("istio-system/istiod", {"app": "istiod"}, min_available="1")
    assert "lets nobody drain" in advises(kept, "0378", ROOT).summary


def test_where_a_hop_needs_another_kubernetes_nodes_will_be_drained() -> None:
    [found] = said(single(kubernetes="v1.28.4"), "0378", "1.27.9 1.28.10 1.29.6")
    assert found.what == ("hop 1 needs a newer Kubernetes, and its nodes are drained for that",)


def test_two_istiods_or_an_autoscaler_that_wants_two_are_enough() -> None:
    silent(running(node(cordoned=True)), "0378")
    scaler = {"spec": {"minReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "istiod-1-27-9"}}}
    silent(single(node(cordoned=True), thing("HorizontalPodAutoscaler", ROOT, scaler)), "0378")
    scaler["spec"]["minReplicas"] = 1
    advises(single(node(cordoned=True), thing("HorizontalPodAutoscaler", ROOT, scaler)), "0378", ROOT)


def test_a_gateway_of_a_single_pod_is_told_then_too() -> None:
    made = mesh().plane("1.27.9").namespace("edge", rev="1-27-9").injected_gateway("edge/gate", proxies=1)
    advises(made.having(documents=(node(cordoned=True),)), "0378", "edge/gate")
    made = mesh().plane("1.27.9").namespace("edge", rev="1-27-9").injected_gateway("edge/gate", proxies=2)
    silent(made.having(documents=(node(cordoned=True),)), "0378")
