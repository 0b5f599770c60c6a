"""Restarts that leave nobody serving, that take longer than they are waited for, and an istiod that is too small for them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.checks.asking import advises, said, silent
from tests.checks.objects import thing
from tests.meshes import Mesh, mesh
from upgrader.model.kinds import Obj
from upgrader.model.snapshot import Document

PROBE: Obj = {"httpGet": {"path": "/", "port": 80}}


def shop() -> Mesh:
    return mesh().plane("1.27.9").namespace("shop", rev="1-27-9")


def pods(**container: Any) -> Obj:
    return {"containers": [{"name": "app", **container}]}


def selecting(name: str, **labels: str) -> Document:
    return thing("Service", name, {"spec": {"selector": labels}})


def test_the_only_pod_of_a_stateful_set_ends_before_the_next_one_starts() -> None:
    found = advises(shop().stateful_set("shop/db", proxies=1), "0348", "shop/db")
    assert "its only pod ends before a new one is ready" in found.summary
    assert found.what[1] == "up to 70 s, assumed, for no pod told how long it takes"
    silent(shop().stateful_set("shop/db", proxies=2), "0348")


def test_a_deployment_that_may_take_all_pods_down_is_told_how_to_let_one_more_run() -> None:
    found = advises(
        shop().deployment("shop/cart", proxies=3, max_unavailable="100%", max_surge="0"), "0348", "shop/cart"
    )
    assert "all 3 pods may end" in found.summary
    assert '"maxSurge":1' in found.do[1]
    silent(shop().deployment("shop/cart", proxies=1), "0348")


def test_recreate_and_what_runs_on_each_node_have_words_of_their_own() -> None:
    silent(shop().deployment("shop/cart", proxies=2, strategy="Recreate"), "0348")
    silent(shop().daemon_set("shop/agent", proxies=1), "0348")
    silent(shop().stateful_set("shop/db", proxies=1, strategy="OnDelete"), "0348")
    silent(shop().stateful_set("shop/db", replicas=0), "0348")


def test_a_gap_is_as_long_as_the_pods_that_run_tell() -> None:
    made = shop().stateful_set("shop/db", replicas=1).pods_of("shop/db", 1, on="1-27-9", ready_after=12)
    assert advises(made, "0348", "shop/db").what[1] == "up to 42 s, as its pods tell"


def test_a_single_pod_that_never_says_when_it_is_ready_is_told_once_for_the_mesh() -> None:
    services = (selecting("shop/a", app="a"), selecting("shop/b", app="b"))
    both = shop().deployment("shop/a", proxies=1, spec=pods()).deployment("shop/b", proxies=1, spec=pods())
    found = advises(both.having(documents=services), "0348")
    assert found.summary.startswith("2 workloads have a single pod without a readinessProbe")
    assert found.objects == ("Deployment shop/a", "Deployment shop/b")
    silent(both.having(documents=()), "0348")
    probed = shop().deployment("shop/a", proxies=1, spec=pods(readinessProbe=PROBE))
    silent(probed.having(documents=services), "0348")
    silent(shop().deployment("shop/a", proxies=2, spec=pods()).having(documents=services), "0348")


def test_a_restart_that_takes_longer_than_a_step_is_waited_for() -> None:
    many = shop().stateful_set("shop/db", proxies=14)
    found = advises(many, "0349", "shop/db")
    assert found.summary == "shop/db: its restart takes 6 to 21 min, and a run waits 20 min for a step"
    assert found.do[0].startswith("patience: {step: 30m}")
    silent(shop().stateful_set("shop/db", proxies=13), "0349")
    silent(many, "0349", step_patience=timedelta(minutes=21))


def test_a_pod_that_takes_longer_than_the_progress_deadline_fails_its_rollout() -> None:
    late: Any = {"proxies": 1, "min_ready": 100}
    found = advises(shop().deployment("shop/cart", **late, progress_deadline=130), "0349", "shop/cart")
    assert "its rollout is called failed after 130 s" in found.summary
    silent(shop().deployment("shop/cart", **late, progress_deadline=140), "0349")


def scaler(least: int, most: int = 5, **spec: Any) -> Document:
    target = {"kind": "Deployment", "name": "istiod-1-27-9"}
    body = {"spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most, **spec}}
    return thing("HorizontalPodAutoscaler", "istio-system/istiod-1-27-9", body)


NAME = "istio-system/istiod-1-27-9"
MEMORY: Obj = {"type": "Resource", "resource": {"name": "memory"}}
CPU: Obj = {"type": "Resource", "resource": {"name": "cpu"}}


def test_an_autoscaler_by_cpu_that_begins_with_fewer_istiods_than_run_now() -> None:
    busy = (
        mesh().plane("1.27.9", replicas=3).namespace("shop", rev="1-27-9").deployment("shop/cart", proxies=2)
    )
    found = advises(busy.having(documents=(scaler(1),)), "0397", NAME)
    assert "begins with 1 pod" in found.summary
    assert found.do[0].startswith("set autoscaleMin to 3")
    assert "patch hpa/istiod-1-28-10" in found.do[1]
    silent(busy.having(documents=(scaler(3),)), "0397")
    silent(busy.having(documents=()), "0397")
    silent(busy.having(documents=(scaler(1, metrics=[MEMORY]),)), "0397")
    assert said(busy.having(documents=(scaler(1, metrics=[MEMORY, CPU]),)), "0397")


def test_a_quiet_istiod_may_still_be_too_small_for_all_its_proxies_at_once() -> None:
    quiet = (
        mesh()
        .plane("1.27.9", replicas=1)
        .namespace("shop", rev="1-27-9")
        .deployment("shop/cart", proxies=2001)
    )
    found = advises(quiet.having(documents=(scaler(1, most=1),)), "0397", NAME)
    assert "its maximum is 1: raise that too" in found.what
    few = (
        mesh()
        .plane("1.27.9", replicas=1)
        .namespace("shop", rev="1-27-9")
        .deployment("shop/cart", proxies=2000)
    )
    silent(few.having(documents=(scaler(1),)), "0397")
