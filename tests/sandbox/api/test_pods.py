"""Evictions, bindings, proxies and logs."""

from __future__ import annotations

from typing import Any

import pytest

from upgrader.sandbox.errors import ApiError

_PODS = "/api/v1/namespaces/dt/pods"
_BUDGETS = "/apis/policy/v1/namespaces/dt/poddisruptionbudgets"
_EVICTION = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}


@pytest.fixture
def guarded(server: Any) -> Any:
    """A ready pod and a budget that covers it."""
    client = server.local()
    container = {"name": "a", "image": "b:1", "ports": [{"containerPort": 8080, "name": "web"}]}
    client.create(
        _PODS,
        {
            "metadata": {"name": "p", "labels": {"a": "b"}},
            "spec": {"containers": [container], "nodeName": "n"},
        },
    )
    key = ("", "pods", "dt", "p")
    ready = {"phase": "Running", "podIP": "10.0.0.1", "conditions": [{"type": "Ready", "status": "True"}]}
    server.store.put(key, {**server.store.get(key), "status": ready})
    client.create(
        _BUDGETS,
        {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}},
    )
    return server


def _allow(server: Any, count: int) -> None:
    key = ("policy", "poddisruptionbudgets", "dt", "b")
    status = {"disruptionsAllowed": count, "currentHealthy": 1, "desiredHealthy": 1, "expectedPods": 1}
    server.store.put(key, {**server.store.get(key), "status": status | {"observedGeneration": 1}})


def test_a_used_up_budget_refuses_the_eviction(guarded: Any) -> None:
    _allow(guarded, 0)
    status, body = guarded.ask("POST", f"{_PODS}/p/eviction", _EVICTION)
    assert (status, body["reason"]) == (429, "TooManyRequests")
    assert body["message"] == "Cannot evict pod as it would violate the pod's disruption budget."
    why = "The disruption budget b needs 1 healthy pods and has 1 currently"
    assert body["details"]["causes"] == [{"reason": "DisruptionBudget", "message": why}]
    assert "deletionTimestamp" not in guarded.local().get(f"{_PODS}/p")["metadata"]


def test_an_eviction_spends_the_budget(guarded: Any) -> None:
    _allow(guarded, 1)
    status, body = guarded.ask("POST", f"{_PODS}/p/eviction", _EVICTION)
    assert (status, body["status"]) == (201, "Success")
    assert "deletionTimestamp" in guarded.local().get(f"{_PODS}/p")["metadata"]
    budget = guarded.local().get(f"{_BUDGETS}/b")["status"]
    assert (budget["disruptionsAllowed"], list(budget["disruptedPods"])) == (0, ["p"])


def test_a_budget_nobody_has_looked_at_yet_refuses(guarded: Any) -> None:
    with pytest.raises(ApiError, match="Cannot evict pod") as refused:
        guarded.local().create(f"{_PODS}/p/eviction", _EVICTION)
    assert refused.value.details["retryAfterSeconds"] == 10


def test_two_budgets_about_one_pod_are_an_error(guarded: Any) -> None:
    guarded.local().create(
        _BUDGETS, {"metadata": {"name": "c"}, "spec": {"selector": {"matchLabels": {"a": "b"}}}}
    )
    assert guarded.ask("POST", f"{_PODS}/p/eviction", _EVICTION)[0] == 500


def test_a_bound_pod_is_not_bound_again(server: Any) -> None:
    client = server.local()
    client.create(_PODS, {"metadata": {"name": "q"}, "spec": {"containers": [{"name": "a", "image": "b"}]}})
    binding = {"metadata": {"name": "q"}, "target": {"kind": "Node", "name": "n1"}}
    client.create(f"{_PODS}/q/binding", binding)
    assert client.get(f"{_PODS}/q")["spec"]["nodeName"] == "n1"
    with pytest.raises(ApiError, match="is already assigned to node"):
        client.create(f"{_PODS}/q/binding", binding)


class _Echo:
    def get(self, pod: dict[str, Any], port: int, path: str) -> tuple[int, str, bytes]:
        return 200, "text/plain", f"{pod['metadata']['name']} {port} {path}".encode()


def test_the_proxy_reaches_a_pod_by_number_and_by_name(guarded: Any) -> None:
    guarded.api.proxy = _Echo()
    assert guarded.ask("GET", f"{_PODS}/p:15014/proxy/debug/x", query={"a": "1"})[1] == "p 15014 /debug/x?a=1"
    assert guarded.ask("GET", f"{_PODS}/p/proxy/")[1] == "p 8080 /"
    assert guarded.ask("GET", f"{_PODS}/http:p:web/proxy/")[1] == "p 8080 /"


def test_the_proxy_reaches_a_ready_pod_behind_a_service(guarded: Any) -> None:
    guarded.api.proxy = _Echo()
    client = guarded.local()
    services = "/api/v1/namespaces/dt/services"
    client.create(
        services, {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80, "targetPort": "web"}]}}
    )
    assert guarded.ask("GET", f"{services}/s:80/proxy/x")[0] == 503
    address = {"ip": "10.0.0.1", "targetRef": {"kind": "Pod", "name": "p", "namespace": "dt"}}
    subsets = [{"addresses": [address], "ports": [{"port": 8080}]}]
    client.create("/api/v1/namespaces/dt/endpoints", {"metadata": {"name": "s"}, "subsets": subsets})
    assert guarded.ask("GET", f"{services}/s:80/proxy/x")[1] == "p 8080 /x"


def test_logs_are_of_a_container_the_pod_has(guarded: Any) -> None:
    assert "a started" in guarded.ask("GET", f"{_PODS}/p/log")[1]
    status, body = guarded.ask("GET", f"{_PODS}/p/log", query={"container": "z"})
    assert (status, body["message"]) == (400, "container z is not valid for pod p")


def test_a_rehearsed_eviction_spends_nothing(guarded: Any) -> None:
    _allow(guarded, 1)
    before = guarded.store.revision
    assert guarded.ask("POST", f"{_PODS}/p/eviction", _EVICTION, query={"dryRun": "All"})[0] == 201
    assert guarded.store.revision == before
