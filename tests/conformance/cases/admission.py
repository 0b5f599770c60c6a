"""Webhooks: who is asked, and what happens when nobody answers."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Obj, Talk, case

_PLACE = "/apis/admissionregistration.k8s.io/v1"
_RULE: Obj = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}


def _hook(api: Talk, **more: Any) -> Obj:
    """Asked for configmaps of this case alone, and answered by nobody."""
    return {
        "name": "hook.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": 5,
        "clientConfig": {"service": {"namespace": api.space, "name": "missing", "path": "/x"}},
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": api.space}},
        "rules": [_RULE],
        **more,
    }


def _register(api: Talk, hook: Obj, kind: str = "mutating") -> None:
    hook = {name: value for name, value in hook.items() if value is not None}
    api.made(f"{_PLACE}/{kind}webhookconfigurations", {"metadata": {"name": api.space}, "webhooks": [hook]})


def _configmap(name: str = "c", **labels: str) -> Obj:
    return {"metadata": {"name": name, "labels": labels}}


def _until_asked(api: Talk, status: int = 500, **how: Any) -> None:
    """The server takes a moment until it knows of a new configuration."""
    api.until(
        lambda body: body.get("code") == status,
        "configmaps",
        method="POST",
        body=_configmap("probe", **how),
        dryRun="All",
    )


@case
def a_webhook_whose_service_is_missing_blocks(api: Talk) -> None:
    _register(api, _hook(api))
    _until_asked(api)
    api.post("configmaps", _configmap())
    api.apply("configmaps/d", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "d"}})
    api.get("configmaps/c")


@case
def a_validating_webhook_whose_service_is_missing_blocks(api: Talk) -> None:
    _register(api, _hook(api), "validating")
    _until_asked(api)
    api.post("configmaps", _configmap())


@case
def a_webhook_whose_service_has_no_endpoints_blocks(api: Talk) -> None:
    api.made(
        "services",
        {"metadata": {"name": "missing"}, "spec": {"ports": [{"port": 443}], "selector": {"no": "pod"}}},
    )
    api.until(lambda body: body["metadata"]["name"], "endpoints/missing", quiet=True)
    _register(api, _hook(api))
    _until_asked(api)
    api.until(lambda body: "no endpoints" in body["message"], "configmaps", method="POST", body=_configmap())


@case
def a_webhook_whose_service_has_no_such_port_blocks(api: Talk) -> None:
    api.made(
        "services",
        {"metadata": {"name": "missing"}, "spec": {"ports": [{"port": 80}], "selector": {"no": "pod"}}},
    )
    _register(api, _hook(api))
    api.until(
        lambda body: body.get("code") == 500 and "port" in body["message"],
        "configmaps",
        method="POST",
        body=_configmap(),
        dryRun="All",
    )


@case
def a_webhook_that_may_fail_lets_pass(api: Talk) -> None:
    _register(api, _hook(api, failurePolicy="Ignore"))
    api.post("configmaps", _configmap(), only=lambda body: body["metadata"]["name"])


@case
def a_dry_run_is_refused_when_the_webhook_has_side_effects(api: Talk) -> None:
    _register(api, _hook(api, sideEffects="NoneOnDryRun"))
    _until_asked(api)
    place = f"{_PLACE}/mutatingwebhookconfigurations/{api.space}"
    api.post(
        f"{_PLACE}/mutatingwebhookconfigurations",
        {"metadata": {"name": f"{api.space}-2"}, "webhooks": [_hook(api, sideEffects="Some")]},
    )
    api.get(place, only=lambda body: body["webhooks"][0]["sideEffects"])


@case
def only_what_the_object_selector_selects_is_asked_about(api: Talk) -> None:
    _register(api, _hook(api, objectSelector={"matchLabels": {"ask": "yes"}}))
    _until_asked(api, ask="yes")
    api.post("configmaps", _configmap("plain"), only=lambda body: body["metadata"]["name"])
    api.post("configmaps", _configmap("asked", ask="yes"))
    api.patch(
        "configmaps/plain",
        {"metadata": {"labels": {"ask": "yes"}}},
        only=lambda body: body["metadata"]["labels"],
    )


@case
def an_update_is_asked_about_when_old_or_new_is_selected(api: Talk) -> None:
    api.made("configmaps", _configmap("c", ask="yes"))
    api.made("configmaps", _configmap("d"))
    rule = {**_RULE, "operations": ["CREATE", "UPDATE"]}
    _register(api, _hook(api, objectSelector={"matchLabels": {"ask": "yes"}}, rules=[rule]))
    _until_asked(api, ask="yes")
    api.patch("configmaps/c", {"metadata": {"labels": {"ask": None}}})
    api.patch("configmaps/d", {"metadata": {"labels": {"ask": "yes"}}})
    api.patch("configmaps/d", {"data": {"k": "v"}}, only=lambda body: body["data"])


@case
def a_webhook_is_asked_about_deletes_when_it_says_so(api: Talk) -> None:
    api.made("configmaps", _configmap())
    _register(api, _hook(api, rules=[{**_RULE, "operations": ["DELETE"]}]), "validating")
    api.until(lambda body: body.get("code") == 500, "configmaps/c", method="DELETE", dryRun="All")
    api.delete("configmaps/c")
    api.post("configmaps", _configmap("d"), only=lambda body: body["metadata"]["name"])


@case
def other_resources_and_subresources_are_not_asked_about(api: Talk) -> None:
    _register(api, _hook(api))
    _until_asked(api)
    api.post("secrets", {"metadata": {"name": "s"}}, only=lambda body: body["metadata"]["name"])
    api.post("serviceaccounts", {"metadata": {"name": "a"}}, only=lambda body: body["metadata"]["name"])


@case
def a_rule_means_a_subresource_only_when_it_names_it(api: Talk) -> None:
    pod = {
        "metadata": {"name": "p"},
        "spec": {"schedulerName": "nobody", "containers": [{"name": "m", "image": "i"}]},
    }
    api.made("pods", pod)
    rule = {**_RULE, "operations": ["UPDATE"], "resources": ["pods/status"]}
    _register(api, _hook(api, rules=[rule]), "validating")
    status = {"status": {"phase": "Running"}}
    api.until(
        lambda body: body.get("code") == 500,
        "pods/p/status",
        method="PATCH",
        body=status,
        media="application/merge-patch+json",
        dryRun="All",
    )
    api.patch("pods/p/status", status)
    api.patch("pods/p", {"metadata": {"labels": {"a": "b"}}}, only=lambda body: body["metadata"]["labels"])


@case
def an_old_version_of_a_resource_is_asked_about_as_equivalent(api: Talk) -> None:
    rule = {
        "apiGroups": ["autoscaling"],
        "apiVersions": ["v1"],
        "operations": ["CREATE"],
        "resources": ["horizontalpodautoscalers"],
    }
    spec = {"maxReplicas": 2, "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}
    body = {"metadata": {"name": "h"}, "spec": spec}
    _register(api, _hook(api, rules=[rule]))
    api.until(
        lambda told: told.get("code") == 500,
        "horizontalpodautoscalers",
        method="POST",
        body=body,
        dryRun="All",
    )
    api.send("PATCH", f"{_PLACE}/mutatingwebhookconfigurations/{api.space}", [{"op": "replace", "path": "/webhooks/0/matchPolicy", "value": "Exact"}],
             media="application/json-patch+json", quiet=True)  # fmt: skip
    api.until(
        lambda told: "code" not in told,
        "horizontalpodautoscalers",
        method="POST",
        body=body,
        dryRun="All",
        only=lambda told: told["kind"],
    )


@case
def a_webhook_at_an_address_that_leads_nowhere_blocks(api: Talk) -> None:
    _register(api, _hook(api, clientConfig={"url": "https://127.0.0.1:1/x"}))
    api.until(
        lambda body: body.get("code") == 500,
        "configmaps",
        method="POST",
        body=_configmap(),
        dryRun="All",
        only=lambda body: (body["code"], body["reason"]),
    )


@case
def configurations_of_webhooks_are_defaulted(api: Talk) -> None:
    bare = {"name": "a.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": {"service": {"namespace": "n", "name": "s"}},
            "namespaceSelector": {"matchLabels": {"none": "such"}}, "rules": [_RULE]}  # fmt: skip
    for kind in ("mutating", "validating"):
        made = api.post(
            f"{_PLACE}/{kind}webhookconfigurations", {"metadata": {"name": api.space}, "webhooks": [bare]}
        )
        api.left.append(f"{_PLACE}/{kind}webhookconfigurations/{made['metadata']['name']}")


@case
def configurations_of_webhooks_must_make_sense(api: Talk) -> None:
    place = f"{_PLACE}/mutatingwebhookconfigurations"

    def told(**more: Any) -> None:
        hook = {name: value for name, value in _hook(api, **more).items() if value is not None}
        api.post(place, {"metadata": {"name": api.space}, "webhooks": [hook]})

    told(name="not-qualified")
    told(sideEffects=None)
    told(admissionReviewVersions=None)
    told(failurePolicy="Perhaps")
    told(timeoutSeconds=60)
    told(clientConfig={"url": "http://example.com/x"})
    told(clientConfig={})
    api.post(place, {"metadata": {"name": api.space}, "webhooks": [_hook(api), _hook(api)]})


@case
def a_webhook_whose_certificate_cannot_be_read_blocks(api: Talk) -> None:
    service = {"namespace": api.space, "name": "missing", "path": "/x"}
    _register(api, _hook(api, clientConfig={"service": service, "caBundle": "Zm9v"}))
    _until_asked(api)
