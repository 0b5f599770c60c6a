"""Get and list: selectors, pages, shapes."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.conformance.case import PARTIAL, PARTIAL_LIST, TABLE, Talk, case

_MINE = "of=case"


def _three(api: Talk) -> None:
    for name, tier in (("a", "web"), ("b", "db"), ("c", "web")):
        labels = {"of": "case", "tier": tier}
        api.made("configmaps", {"metadata": {"name": name, "labels": labels}, "data": {"k": name}})


def _names(body: Any) -> Any:
    return [each["metadata"]["name"] for each in body["items"]]


@case
def an_object_is_read_as_it_was_written(api: Talk) -> None:
    api.post(
        "configmaps",
        {"metadata": {"name": "c", "annotations": {"n": "ü"}}, "data": {"k": "v"}, "immutable": False},
    )
    api.get("configmaps/c")


@case
def what_is_not_there_is_not_found(api: Talk) -> None:
    api.get("configmaps/none")
    api.get("deployments/none")
    api.get("/api/v1/namespaces/conformance-no-such-space")
    api.get("/api/v1/namespaces/conformance-no-such-space/configmaps/c")
    api.get("/api/v1/namespaces/conformance-no-such-space/configmaps")


@case
def what_is_not_served_is_not_found_either(api: Talk) -> None:
    api.get("nonsense/x")
    api.get("/apis/nonsense.example.com/v1/things")
    api.get("/apis/apps/v9/deployments")
    api.get("/nowhere")
    api.get("pods/x/nonsense")


@case
def a_list_is_sorted_and_its_items_have_no_kind(api: Talk) -> None:
    _three(api)
    api.get("configmaps", labelSelector=_MINE)


@case
def an_empty_list_has_items(api: Talk) -> None:
    api.get("configmaps", labelSelector="no=such")
    api.get("deployments")


@case
def labels_select(api: Talk) -> None:
    _three(api)
    for selector in ("tier=web,of", "tier==web", "tier!=web,of=case", "tier in (web, db),of", "tier notin (web),of",
                     "of,!tier", "of,!none"):  # fmt: skip
        api.get("configmaps", labelSelector=selector, only=_names)


@case
def a_label_selector_that_is_none_is_refused(api: Talk) -> None:
    for selector in ("a in (", "=", "a=b=c", "a,,b", "-a=b", "a=-b", "a in b"):
        api.get("configmaps", labelSelector=selector)


@case
def fields_select(api: Talk) -> None:
    _three(api)
    for selector in ("metadata.name=b", "metadata.name!=b,metadata.name!=kube-root-ca.crt",
                     f"metadata.namespace={api.space},metadata.name=a", "metadata.namespace=other"):  # fmt: skip
        api.get("configmaps", fieldSelector=selector, only=_names)


@case
def pods_are_selected_by_what_they_are(api: Talk) -> None:
    for name, policy in (("p", "Always"), ("q", "Never")):
        spec = {
            "containers": [{"name": "m", "image": "i"}],
            "schedulerName": "nobody",
            "restartPolicy": policy,
        }
        api.made("pods", {"metadata": {"name": name}, "spec": spec})
    for selector in ("status.phase=Pending", "status.phase!=Pending", "spec.restartPolicy=Never", "spec.nodeName=",
                     "spec.schedulerName=nobody,metadata.name=p", "spec.serviceAccountName=default"):  # fmt: skip
        api.get("pods", fieldSelector=selector, only=_names)


@case
def a_field_selector_nobody_knows_is_refused(api: Talk) -> None:
    api.get("configmaps", fieldSelector="data.k=v")
    api.get("pods", fieldSelector="spec.containers=x")
    api.get("deployments", fieldSelector="spec.replicas=1")
    api.get("configmaps", fieldSelector="metadata.name")
    api.get("deployments", fieldSelector="metadata.name=x", only=_names)


@case
def a_list_comes_in_pages(api: Talk) -> None:
    _three(api)
    first = api.get("configmaps", labelSelector=_MINE, limit=2)
    api.get("configmaps", labelSelector=_MINE, limit=2, **{"continue": first["metadata"]["continue"]})


@case
def pages_without_selector_say_how_many_remain(api: Talk) -> None:
    for name in ("a", "b", "c"):
        api.made("leases", {"metadata": {"name": name}})
    first = api.get("leases", limit=1)
    second = api.get("leases", limit=1, **{"continue": first["metadata"]["continue"]})
    api.get("leases", limit=5, **{"continue": second["metadata"]["continue"]})
    api.get("leases", limit=3)


@case
def pages_show_one_moment(api: Talk) -> None:
    _three(api)
    first = api.get("configmaps", labelSelector=_MINE, limit=1, only=_names)
    api.delete("configmaps/b", quiet=True)
    api.made("configmaps", {"metadata": {"name": "bb", "labels": {"of": "case"}}})
    api.get("configmaps", labelSelector=_MINE, only=_names, **{"continue": first["metadata"]["continue"]})
    api.get("configmaps", labelSelector=_MINE, only=_names)


@case
def a_continue_token_that_is_none_is_refused(api: Talk) -> None:
    api.get(
        "configmaps", limit=1, **{"continue": "nonsense"}, only=lambda body: (body["reason"], body["code"])
    )
    strange = base64.urlsafe_b64encode(json.dumps({"v": "other", "rv": 1, "start": "a"}).encode()).decode()
    api.get("configmaps", limit=1, **{"continue": strange.rstrip("=")})


@case
def a_limit_that_is_no_number_is_refused(api: Talk) -> None:
    api.get("configmaps", limit="many")
    api.get("configmaps", resourceVersion="nonsense")
    api.get("configmaps", resourceVersion="1", resourceVersionMatch="Nonsense")
    api.get("configmaps", resourceVersionMatch="Exact")
    api.get("configmaps", resourceVersion="0", resourceVersionMatch="Exact")


@case
def a_revision_that_is_yet_to_come_is_too_large(api: Talk) -> None:
    api.get("configmaps", resourceVersion="99999999999", only=lambda body: (body["reason"], body["details"]))


@case
def a_list_is_read_at_an_exact_revision(api: Talk) -> None:
    _three(api)
    at = api.get("configmaps", labelSelector=_MINE, quiet=True)["metadata"]["resourceVersion"]
    api.delete("configmaps/a", quiet=True)
    api.get("configmaps", labelSelector=_MINE, only=_names, resourceVersion=at, resourceVersionMatch="Exact")
    api.get(
        "configmaps",
        labelSelector=_MINE,
        only=_names,
        resourceVersion=at,
        resourceVersionMatch="NotOlderThan",
    )
    api.get("configmaps", labelSelector=_MINE, only=_names, resourceVersion="0")


@case
def metadata_alone_can_be_asked_for(api: Talk) -> None:
    _three(api)
    api.get("configmaps/a", accept=PARTIAL)
    api.get("configmaps", labelSelector=_MINE, accept=PARTIAL_LIST)
    api.get("configmaps", labelSelector=_MINE, accept=PARTIAL)
    api.patch("configmaps/a", {"data": {"k": "w"}}, accept=PARTIAL)
    api.get(
        "configmaps/a",
        accept="application/json;as=PartialObjectMetadata;v=v1beta1;g=meta.k8s.io",
        only=lambda b: b["apiVersion"],
    )


@case
def a_shape_nobody_serves_is_not_acceptable(api: Talk) -> None:
    api.get("configmaps/kube-root-ca.crt", accept="application/json;as=Nonsense;v=v1;g=meta.k8s.io")
    api.get("configmaps/kube-root-ca.crt", accept="text/html")
    api.get("configmaps/none", accept="text/html;q=0.9, */*;q=0.1")


def _bare(body: Any) -> Any:
    """Without the prose of columns and the ages of rows."""
    columns = [{k: v for k, v in each.items() if k != "description"} for each in body["columnDefinitions"]]
    ages = {at for at, each in enumerate(columns) if each["name"] in {"Age", "Last Schedule", "Duration"}}
    rows = [
        [("<age>" if at in ages else cell) for at, cell in enumerate(row["cells"])] for row in body["rows"]
    ]
    return {"kind": body["kind"], "columns": columns, "rows": rows}


@case
def config_is_shown_as_a_table(api: Talk) -> None:
    _three(api)
    api.made("secrets", {"metadata": {"name": "s"}, "stringData": {"a": "b"}})
    api.get("configmaps", labelSelector=_MINE, accept=TABLE, only=_bare)
    api.get("secrets", accept=TABLE, only=_bare)
    api.get(
        "secrets/s",
        accept=TABLE,
        includeObject="None",
        only=lambda body: [each["object"] for each in body["rows"]],
    )
    api.get("secrets/s", accept=TABLE, includeObject="Object", only=lambda body: body["rows"][0]["object"])
    api.get("secrets/s", accept=TABLE, only=lambda body: body["rows"][0]["object"])


@case
def workloads_are_shown_as_tables(api: Talk) -> None:
    pod: dict[str, Any] = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "m", "image": "i:1"}]},
    }
    base: dict[str, Any] = {"replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": pod}
    api.made("deployments", {"metadata": {"name": "d"}, "spec": {**base, "paused": True}})
    api.made("statefulsets", {"metadata": {"name": "s"}, "spec": {**base, "serviceName": "s"}})
    api.made("replicasets", {"metadata": {"name": "r"}, "spec": base})
    never = {**pod["spec"], "nodeSelector": {"no": "where"}}
    daemon = {"selector": base["selector"], "template": {**pod, "spec": never}}
    api.made("daemonsets", {"metadata": {"name": "x"}, "spec": daemon})
    for kind in ("deployments", "statefulsets", "replicasets", "daemonsets"):
        api.get(kind, accept=TABLE, only=_bare)


@case
def batch_and_network_are_shown_as_tables(api: Talk) -> None:
    pod = {
        "spec": {
            "restartPolicy": "Never",
            "schedulerName": "nobody",
            "containers": [{"name": "m", "image": "i"}],
        }
    }
    api.made("jobs", {"metadata": {"name": "j"}, "spec": {"suspend": True, "template": pod}})
    job = {"spec": {"template": pod}}
    api.made(
        "cronjobs",
        {"metadata": {"name": "c"}, "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": job}},
    )
    api.made(
        "services",
        {
            "metadata": {"name": "s"},
            "spec": {"clusterIP": "None", "ports": [{"port": 80}], "selector": {"a": "b"}},
        },
    )
    api.made(
        "poddisruptionbudgets",
        {"metadata": {"name": "p"}, "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"a": "b"}}}},
    )
    rule = {
        "host": "a.example.com",
        "http": {
            "paths": [
                {
                    "path": "/",
                    "pathType": "Prefix",
                    "backend": {"service": {"name": "s", "port": {"number": 80}}},
                }
            ]
        },
    }
    api.made("ingresses", {"metadata": {"name": "i"}, "spec": {"rules": [rule]}})
    for kind in ("jobs", "cronjobs", "services", "poddisruptionbudgets", "ingresses"):
        api.until(lambda body: body["rows"], kind, accept=TABLE, only=_bare)


@case
def rights_and_accounts_are_shown_as_tables(api: Talk) -> None:
    api.made(
        "roles",
        {"metadata": {"name": "r"}, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    )
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}
    api.made(
        "rolebindings",
        {
            "metadata": {"name": "b"},
            "roleRef": ref,
            "subjects": [{"kind": "User", "name": "u", "apiGroup": "rbac.authorization.k8s.io"}],
        },
    )
    api.made("leases", {"metadata": {"name": "l"}, "spec": {"holderIdentity": "me"}})
    for kind in ("roles", "rolebindings", "leases", "serviceaccounts"):
        api.get(kind, accept=TABLE, only=_bare)


@case
def pods_are_shown_as_a_table(api: Talk) -> None:
    spec = {
        "containers": [{"name": "m", "image": "i"}, {"name": "n", "image": "j"}],
        "schedulerName": "nobody",
    }
    api.made("pods", {"metadata": {"name": "p"}, "spec": spec})
    api.get("pods", accept=TABLE, only=_bare)
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    states = [{"name": "m", "ready": True, "restartCount": 0, "image": "i", "imageID": "", "state": {"running": {}}},
              {"name": "n", "ready": False, "restartCount": 3, "image": "j", "imageID": "", "state": waiting}]  # fmt: skip
    api.patch("pods/p/status", {"status": {"phase": "Running", "containerStatuses": states}}, quiet=True)
    api.get("pods", accept=TABLE, only=_bare)
