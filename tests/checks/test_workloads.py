from __future__ import annotations

import pytest

from tests.checks.asking import advises, blocks, findings, said, silent
from tests.meshes import Mesh, mesh


def shop() -> Mesh:
    return mesh().plane("1.27.9").namespace("shop", rev="1-27-9").namespace("quiet")


def test_on_delete_would_strand_its_pods() -> None:
    stuck = shop().stateful_set("shop/redis", proxies=3, strategy="OnDelete")
    found = blocks(stuck, "0308", "shop/redis")
    assert (
        found.do[0]
        == """kubectl -n shop patch statefulset/redis -p '{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}'"""
    )
    assert found.do[1].startswith("upgrade plan --to 1.28 --exclude shop/redis")


def test_on_delete_without_a_proxy_of_the_mesh_is_nobodys_business() -> None:
    silent(shop().stateful_set("quiet/redis", strategy="OnDelete"), "0308")


def test_on_delete_that_is_left_behind_is_not_said_again() -> None:
    stuck = shop().stateful_set("shop/redis", proxies=3, strategy="OnDelete")
    silent(stuck, "0308", excluded=("shop/redis",))


def test_on_delete_on_another_revision_does_not_move_in_this_hop() -> None:
    two = shop().plane("1.28.10").stateful_set("shop/redis", proxies=3, on="1-28-10", strategy="OnDelete")
    silent(two, "0308")


def test_recreate_is_said_and_not_refused() -> None:
    advises(shop().deployment("shop/ledger", proxies=1, strategy="Recreate"), "0309", "shop/ledger")
    silent(shop().deployment("shop/ledger", proxies=1), "0309")


def test_a_paused_deployment_would_not_move() -> None:
    found = blocks(shop().deployment("shop/frozen", proxies=2, paused=True), "0310", "shop/frozen")
    assert found.do[0] == "kubectl -n shop rollout resume deployment/frozen"
    silent(shop().deployment("shop/frozen", proxies=0, paused=True), "0310")


def test_a_bare_pod_would_not_move() -> None:
    found = blocks(shop().pod("shop/debug"), "0311", "shop/debug")
    assert "kubectl -n shop delete pod debug" in found.do
    silent(shop().pod("quiet/debug", proxies=0), "0311")


def test_a_running_job_is_waited_for_and_may_be_allowed() -> None:
    found = blocks(shop().job("shop/reindex", proxies=1), "0312", "shop/reindex")
    assert found.allowable
    silent(shop().job("shop/reindex", proxies=0), "0312")


def test_a_cron_job_of_the_mesh_is_an_advisory() -> None:
    advises(shop().cron_job("shop/nightly"), "0312", "shop/nightly")
    silent(shop().cron_job("quiet/nightly"), "0312")
    silent(shop().cron_job("shop/nightly", template={"sidecar.istio.io/inject": "false"}), "0312")


def test_a_partition_keeps_pods_back() -> None:
    found = blocks(shop().stateful_set("shop/db", proxies=5, partition=2), "0314", "shop/db")
    assert "leave 2 pods behind" in found.summary
    silent(shop().stateful_set("shop/db", proxies=5, partition=0), "0314")


def test_a_partition_above_the_replicas_keeps_all_of_them() -> None:
    assert (
        "leave 3 pods behind"
        in blocks(shop().stateful_set("shop/db", proxies=3, partition=9), "0314", "shop/db").summary
    )


def test_a_rollout_is_not_ours_to_restart() -> None:
    found = blocks(shop().rollout("shop/web", proxies=2), "0315", "shop/web")
    assert "Rollout is restarted by its own controller" in found.summary
    silent(shop().deployment("shop/web", proxies=2), "0315")


def test_a_proxy_on_the_host_network_would_not_come_back() -> None:
    blocks(shop().daemon_set("shop/agent", proxies=3, on="1-27-9", host_network=True), "0336", "shop/agent")
    silent(shop().ingress_gateway("1.27.9", host_network=True), "0336")


def test_a_single_pod_with_a_budget_of_one_is_an_advisory_that_blames_no_budget() -> None:
    made = (
        shop()
        .deployment("shop/licence", proxies=1)
        .budget("shop/licence", {"app": "licence"}, min_available="1")
    )
    found = advises(made, "0317", "shop/licence")
    assert "does not apply a PodDisruptionBudget to a rolling update" in found.why


@pytest.mark.parametrize(
    ("replicas", "budget", "strategy", "tight"),
    [
        (2, {"min_available": "1"}, {}, False),  # 25 % of 2 is none at a time
        (4, {"min_available": "3"}, {}, False),
        (4, {"min_available": "4"}, {}, True),
        (4, {"min_available": "75%"}, {"max_unavailable": "2"}, True),
        (4, {"max_unavailable": "1"}, {"max_unavailable": "1"}, False),
        (4, {"max_unavailable": "1"}, {"max_unavailable": "50%"}, True),
        (3, {"min_available": "1"}, {"strategy": "Recreate"}, True),
        (3, {"min_available": "3"}, {"strategy": "OnDelete"}, False),
        (1, {"max_unavailable": "1"}, {}, False),
    ],
)
def test_a_strategy_that_takes_more_than_the_budget_gives_is_an_advisory(
    replicas: int, budget: dict[str, str], strategy: dict[str, str], tight: bool
) -> None:
    made = (
        shop()
        .deployment("shop/cart", proxies=replicas, **strategy)
        .budget("shop/cart", {"app": "cart"}, **budget)
    )
    assert bool(said(made, "0317")) is tight


def test_a_budget_for_other_pods_says_nothing_about_this_workload() -> None:
    silent(shop().deployment("shop/a", proxies=1).budget("shop/b", {"app": "b"}, min_available="1"), "0317")
    silent(shop().deployment("shop/a", proxies=1).budget("quiet/a", {"app": "a"}, min_available="1"), "0317")


def test_a_bare_pod_is_told_once_though_it_shows_what_was_injected() -> None:
    injected = shop().pod(
        "shop/debug", annotations={"sidecar.istio.io/status": "{}"}, images={"istio-proxy": "x:1"}
    )
    assert [f.code for f in findings(injected) if f.subject == "shop/debug"] == ["UPG-0311"]
