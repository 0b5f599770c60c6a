"""Subresources: status, scale, eviction, binding, proxy, logs, tokens."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Obj, Talk, case

_POD: Obj = {
    "schedulerName": "nobody",
    "containers": [{"name": "m", "image": "i", "ports": [{"containerPort": 80}]}],
}
_READY: Obj = {"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}}


def _deployment(api: Talk, **spec: Any) -> None:
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": _POD}
    api.made(
        "deployments",
        {
            "metadata": {"name": "d"},
            "spec": {
                "replicas": 0,
                "paused": True,
                "selector": {"matchLabels": {"a": "b"}},
                "template": pod,
                **spec,
            },
        },
    )


def _pods(api: Talk, *names: str) -> None:
    for name in names:
        api.made("pods", {"metadata": {"name": name, "labels": {"a": "b"}}, "spec": _POD})
        api.patch(f"pods/{name}/status", _READY, quiet=True)


def _eviction(name: str, **options: Any) -> Obj:
    return {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name},
        **({"deleteOptions": options} if options else {}),
    }


@case
def a_status_is_written_apart_from_the_spec(api: Talk) -> None:
    api.made("pods", {"metadata": {"name": "p"}, "spec": _POD})

    def pick(body: Obj) -> Any:
        return body["status"], body["spec"]["schedulerName"], body["metadata"].get("labels")

    api.patch(
        "pods/p/status",
        {**_READY, "spec": {"schedulerName": "x"}, "metadata": {"labels": {"l": "1"}}},
        only=pick,
    )
    api.patch("pods/p", {"status": {"phase": "Failed"}}, only=lambda body: body["status"]["phase"])
    api.get("pods/p/status", only=pick)
    api.patch("pods/none/status", _READY)
    api.get("configmaps/kube-root-ca.crt/status")


@case
def a_status_of_a_workload_is_written_apart(api: Talk) -> None:
    api.made(
        "ingresses",
        {
            "metadata": {"name": "i"},
            "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}},
        },
    )
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    api.patch(
        "ingresses/i/status",
        {"status": status},
        only=lambda body: (body["status"], body["metadata"]["generation"]),
    )
    api.patch(
        "ingresses/i",
        {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}]}}},
        only=lambda body: body["status"],
    )


@case
def a_scale_is_read_and_written(api: Talk) -> None:
    _deployment(api)
    api.get("deployments/d/scale")
    known = api.patch("deployments/d/scale", {"spec": {"replicas": 2}}, only=lambda body: body["spec"])
    api.put(
        "deployments/d/scale",
        {**known, "spec": {"replicas": 1}, "metadata": {"name": "d"}},
        only=lambda body: body["spec"],
    )
    api.get("deployments/d", only=lambda body: (body["spec"]["replicas"], body["metadata"]["generation"]))


@case
def a_scale_that_makes_no_sense_is_refused(api: Talk) -> None:
    _deployment(api)
    api.patch("deployments/d/scale", {"spec": {"replicas": -1}})
    api.patch("deployments/d/scale", {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 1}})
    api.patch("deployments/none/scale", {"spec": {"replicas": 1}})
    api.get("daemonsets/none/scale")
    api.patch("deployments/d/scale", {"spec": {"replicas": 3}}, dryRun="All", only=lambda body: body["spec"])
    api.get("deployments/d", only=lambda body: body["spec"]["replicas"])


@case
def an_eviction_without_budget_deletes(api: Talk) -> None:
    _pods(api, "p")
    api.post("pods/p/eviction", _eviction("p", dryRun=["All"]))
    api.get("pods/p", only=lambda body: body["metadata"]["name"])
    api.post("pods/p/eviction", _eviction("p"))
    api.gone("pods/p")
    api.post("pods/p/eviction", _eviction("p"))
    api.post(
        "pods/q/eviction",
        {"kind": "Eviction", "apiVersion": "policy/v1beta1", "metadata": {"name": "q"}},
        only=lambda body: (body["code"], body["reason"]),
    )


def _budget(api: Talk, allowed: int, **spec: Any) -> None:
    api.made(
        "poddisruptionbudgets",
        {"metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, **spec}},
    )
    api.until(lambda body: body["status"]["observedGeneration"] == 1 and body["status"]["disruptionsAllowed"] == allowed and body["status"]["expectedPods"] > 0,
              "poddisruptionbudgets/b", only=lambda body: body["status"])  # fmt: skip


@case
def a_budget_counts_its_pods_and_refuses_an_eviction(api: Talk) -> None:
    _pods(api, "p", "q")
    _budget(api, 0, minAvailable=2)
    api.post("pods/p/eviction", _eviction("p"))
    api.get("pods/p", only=lambda body: body["metadata"].get("deletionTimestamp"))


@case
def a_budget_allows_what_is_to_spare(api: Talk) -> None:
    _pods(api, "p", "q", "r")
    _budget(api, 1, minAvailable=2)
    api.post("pods/p/eviction", _eviction("p"))
    api.post("pods/q/eviction", _eviction("q"), only=lambda body: (body["code"], body["reason"]))
    api.gone("pods/p")
    api.until(
        lambda body: not body["status"].get("disruptedPods") and body["status"]["currentHealthy"] == 2,
        "poddisruptionbudgets/b",
        only=lambda body: body["status"],
    )
    api.post("pods/q/eviction", _eviction("q"))


@case
def two_budgets_for_one_pod_are_one_too_many(api: Talk) -> None:
    _pods(api, "p")
    _budget(api, 1, minAvailable=0)
    api.made(
        "poddisruptionbudgets",
        {"metadata": {"name": "c"}, "spec": {"minAvailable": 0, "selector": {"matchLabels": {"a": "b"}}}},
    )
    api.until(
        lambda body: body["code"] == 500,
        "pods/p/eviction",
        method="POST",
        body=_eviction("p", dryRun=["All"]),
    )


@case
def a_pod_that_is_not_ready_may_be_evicted_when_the_budget_is_met(api: Talk) -> None:
    _pods(api, "p", "q")
    api.made("pods", {"metadata": {"name": "r", "labels": {"a": "b"}}, "spec": _POD})
    _budget(api, 0, minAvailable=2)
    api.post("pods/r/eviction", _eviction("r"))
    api.gone("pods/r")


@case
def an_eviction_names_what_it_means(api: Talk) -> None:
    _pods(api, "p")
    api.post(
        "pods/p/eviction",
        _eviction("p", preconditions={"uid": "00000000-0000-4000-8000-000000000000"}),
        only=lambda body: (body["code"], body["reason"]),
    )
    api.post("pods/p/eviction", _eviction("other"), only=lambda body: (body["code"], body["reason"]))
    api.get("pods/p", only=lambda body: body["metadata"].get("deletionTimestamp"))


@case
def budgets_that_make_no_sense_are_invalid(api: Talk) -> None:
    selector = {"matchLabels": {"a": "b"}}
    api.post(
        "poddisruptionbudgets",
        {"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "maxUnavailable": 1, "selector": selector}},
    )
    api.post(
        "poddisruptionbudgets",
        {"metadata": {"name": "b"}, "spec": {"minAvailable": "x", "selector": selector}},
    )
    api.post(
        "poddisruptionbudgets",
        {"metadata": {"name": "b"}, "spec": {"minAvailable": -1, "selector": selector}},
    )


@case
def a_pod_is_bound_once(api: Talk) -> None:
    api.made("pods", {"metadata": {"name": "p"}, "spec": _POD})
    binding = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": f"{api.space}-nowhere"},
    }
    api.post("pods/p/binding", binding)
    api.get(
        "pods/p",
        only=lambda body: (
            body["spec"]["nodeName"],
            [each["status"] for each in body["status"]["conditions"] if each["type"] == "PodScheduled"],
        ),
    )
    api.post("pods/p/binding", binding)


@case
def a_pod_that_is_not_there_or_not_up_is_no_proxy(api: Talk) -> None:
    api.get("pods/none/proxy/x")
    api.get("services/none/proxy/x")
    api.made("pods", {"metadata": {"name": "p"}, "spec": _POD})
    api.get("pods/p/proxy/x", only=lambda body: (body["code"], body["reason"]))
    api.get("pods/none:80/proxy/")


@case
def logs_are_of_pods_that_run_somewhere(api: Talk) -> None:
    api.get("pods/none/log")
    api.made(
        "pods",
        {
            "metadata": {"name": "p"},
            "spec": {**_POD, "containers": [*_POD["containers"], {"name": "n", "image": "j"}]},
        },
    )
    api.get("pods/p/log")
    api.get("pods/p/log", container="none")


@case
def a_token_is_made_for_an_account(api: Talk) -> None:
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"audiences": ["me"], "expirationSeconds": 3600},
    }
    api.post(
        "serviceaccounts/default/token",
        body,
        only=lambda told: (
            told["kind"],
            told["spec"]["audiences"],
            told["spec"]["expirationSeconds"],
            bool(told["status"]["token"]),
        ),
    )
    api.post("serviceaccounts/none/token", body)
    api.post(
        "serviceaccounts/default/token",
        {**body, "spec": {"expirationSeconds": 5}},
        only=lambda told: (told["code"], told["reason"], told["details"]["causes"]),
    )
