"""JSON, merge and strategic-merge patches."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import APPLY, JSON_PATCH, MERGE, STRATEGIC, Obj, Talk, case


def _configmap(api: Talk) -> Obj:
    made: Obj = api.made("configmaps", {"metadata": {"name": "c", "labels": {"a": "1"}}, "data": {"k": "v"}})
    return made


def _deployment(api: Talk) -> None:
    containers = [
        {"name": "m", "image": "i:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}],
         "ports": [{"containerPort": 80}, {"containerPort": 81}], "args": ["x", "y"]},
        {"name": "n", "image": "j:1"},
    ]  # fmt: skip
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": containers}}
    spec = {"replicas": 0, "paused": True, "selector": {"matchLabels": {"a": "b"}}, "template": pod}
    api.made("deployments", {"metadata": {"name": "d"}, "spec": spec})


def _containers(body: Obj) -> Any:
    kept = ("name", "image", "env", "ports", "args")
    return [
        {name: each[name] for name in kept if name in each}
        for each in body["spec"]["template"]["spec"]["containers"]
    ]


def _containing(*containers: Obj, **more: Any) -> Obj:
    return {"spec": {"template": {"spec": {"containers": list(containers), **more}}}}


@case
def a_json_patch_adds_replaces_moves_copies_and_removes(api: Talk) -> None:
    _configmap(api)
    api.patch("configmaps/c", [
        {"op": "test", "path": "/data/k", "value": "v"},
        {"op": "add", "path": "/data/new", "value": "1"},
        {"op": "copy", "from": "/data/new", "path": "/data/copy"},
        {"op": "move", "from": "/data/k", "path": "/data/moved"},
        {"op": "replace", "path": "/data/new", "value": "2"},
        {"op": "remove", "path": "/metadata/labels/a"},
        {"op": "add", "path": "/metadata/annotations", "value": {"x.y/z": "1"}},
        {"op": "add", "path": "/metadata/annotations/x.y~1w", "value": "2"},
    ], JSON_PATCH)  # fmt: skip


@case
def a_json_patch_whose_test_fails_changes_nothing(api: Talk) -> None:
    _configmap(api)
    api.patch(
        "configmaps/c",
        [{"op": "test", "path": "/data/k", "value": "other"}, {"op": "remove", "path": "/data/k"}],
        JSON_PATCH,
    )
    api.patch("configmaps/c", [{"op": "test", "path": "/data/none", "value": "other"}], JSON_PATCH)
    api.get("configmaps/c")


@case
def a_json_patch_of_what_is_not_there_is_refused(api: Talk) -> None:
    _configmap(api)
    for op in ({"op": "remove", "path": "/data/none"}, {"op": "replace", "path": "/data/none", "value": "x"},
               {"op": "add", "path": "/none/deep", "value": "x"}, {"op": "move", "from": "/data/none", "path": "/data/x"}):  # fmt: skip
        api.patch("configmaps/c", [op], JSON_PATCH)


@case
def a_json_patch_that_is_none_is_refused(api: Talk) -> None:
    _configmap(api)
    short: dict[str, Any] = {"only": lambda body: (body["reason"], body["code"])}
    api.patch("configmaps/c", {"data": {}}, JSON_PATCH, **short)
    api.patch("configmaps/c", [{"op": "nonsense", "path": "/data/k"}], JSON_PATCH, **short)
    api.patch("configmaps/c", '[{"op":', JSON_PATCH, **short)
    api.patch("configmaps/c", [], JSON_PATCH, only=lambda body: body["data"])


@case
def a_json_patch_counts_in_lists(api: Talk) -> None:
    _deployment(api)
    place = "/spec/template/spec/containers"
    api.patch("deployments/d", [
        {"op": "add", "path": f"{place}/0/env/0", "value": {"name": "Z", "value": "0"}},
        {"op": "add", "path": f"{place}/0/env/-", "value": {"name": "C", "value": "3"}},
        {"op": "remove", "path": f"{place}/1"},
    ], JSON_PATCH, only=_containers)  # fmt: skip
    api.patch("deployments/d", [{"op": "remove", "path": f"{place}/7"}], JSON_PATCH)


@case
def a_merge_patch_replaces_lists_and_null_removes(api: Talk) -> None:
    _deployment(api)
    api.patch("deployments/d", _containing({"name": "o", "image": "k"}), only=_containers)
    _configmap(api)
    api.patch("configmaps/c", {"metadata": {"labels": None}, "data": {"k": None, "l": "1"}})


@case
def a_merge_patch_of_an_old_revision_conflicts(api: Talk) -> None:
    made = _configmap(api)
    old = made["metadata"]["resourceVersion"]
    api.patch("configmaps/c", {"metadata": {"resourceVersion": old}, "data": {"k": "w"}})
    api.patch("configmaps/c", {"metadata": {"resourceVersion": old}, "data": {"k": "x"}})
    api.patch(
        "configmaps/c",
        [{"op": "test", "path": "/metadata/resourceVersion", "value": old}],
        JSON_PATCH,
        only=lambda body: (body["reason"], body["code"]),
    )
    api.patch(
        "configmaps/c", [{"op": "replace", "path": "/metadata/resourceVersion", "value": old}], JSON_PATCH
    )
    api.patch("configmaps/c", {"metadata": {"resourceVersion": old}, "data": {"k": "x"}}, STRATEGIC)


@case
def a_merge_patch_names_the_uid_it_means(api: Talk) -> None:
    made = _configmap(api)
    api.patch(
        "configmaps/c",
        {"metadata": {"uid": made["metadata"]["uid"]}, "data": {"k": "w"}},
        only=lambda body: body["data"],
    )
    api.patch(
        "configmaps/c",
        {"metadata": {"uid": "00000000-0000-4000-8000-000000000000"}},
        only=lambda body: (body["reason"], body["code"], body["details"]),
    )
    other = {
        "uid": "00000000-0000-4000-8000-000000000000",
        "resourceVersion": made["metadata"]["resourceVersion"],
    }
    api.patch("configmaps/c", {"metadata": other, "data": {"k": "x"}})
    api.patch("configmaps/c", {"metadata": {"name": "other"}})
    api.patch(
        "configmaps/c", {"metadata": {"namespace": "other"}}, only=lambda body: (body["reason"], body["code"])
    )


@case
def a_patch_that_changes_nothing_keeps_the_revision(api: Talk) -> None:
    _configmap(api)
    api.patch("configmaps/c", {"data": {"k": "v"}})
    api.patch("configmaps/c", {})
    api.patch("configmaps/c", {}, STRATEGIC)
    api.get("configmaps/c")


@case
def a_patch_of_what_is_not_there_is_not_found(api: Talk) -> None:
    for media in (MERGE, STRATEGIC):
        api.patch("configmaps/none", {"data": {}}, media)
    api.patch("configmaps/none", [], JSON_PATCH)


@case
def a_patch_needs_a_kind_of_patch(api: Talk) -> None:
    _configmap(api)
    api.patch("configmaps/c", {"data": {}}, "application/json")
    api.patch("configmaps/c", '{"data":', MERGE, only=lambda body: (body["reason"], body["code"]))
    api.patch("configmaps/c", [1], MERGE, only=lambda body: (body["reason"], body["code"]))
    api.patch("configmaps/c", {"data": {}}, STRATEGIC, force="true")


@case
def a_strategic_patch_merges_lists_by_key(api: Talk) -> None:
    _deployment(api)
    api.patch(
        "deployments/d",
        _containing({"name": "m", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]}),
        STRATEGIC,
        only=_containers,
    )
    api.patch("deployments/d", _containing({"name": "o", "image": "k:1"}), STRATEGIC, only=_containers)
    api.patch(
        "deployments/d",
        _containing({"name": "m", "args": ["z"], "ports": [{"containerPort": 82}]}),
        STRATEGIC,
        only=_containers,
    )


@case
def a_strategic_patch_deletes_from_lists(api: Talk) -> None:
    _deployment(api)
    api.patch("deployments/d", _containing({"name": "n", "$patch": "delete"}), STRATEGIC, only=_containers)
    api.patch(
        "deployments/d",
        _containing({"name": "m", "env": [{"name": "A", "$patch": "delete"}]}),
        STRATEGIC,
        only=_containers,
    )
    api.patch("deployments/d", _containing({"name": "m", "env": None}), STRATEGIC, only=_containers)
    api.patch("deployments/d", _containing({"name": "none", "$patch": "delete"}), STRATEGIC, only=_containers)


@case
def a_strategic_patch_replaces_when_it_says_so(api: Talk) -> None:
    _deployment(api)
    api.patch(
        "deployments/d",
        _containing({"$patch": "replace"}, {"name": "o", "image": "k:1"}),
        STRATEGIC,
        only=_containers,
    )
    api.patch(
        "deployments/d",
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
        STRATEGIC,
        only=lambda body: body["spec"]["strategy"],
    )
    api.patch(
        "deployments/d",
        {"metadata": {"labels": {"x": "1"}}},
        STRATEGIC,
        only=lambda body: body["metadata"]["labels"],
    )
    api.patch(
        "deployments/d",
        {"metadata": {"labels": {"$patch": "replace", "y": "2"}}},
        STRATEGIC,
        only=lambda body: body["metadata"]["labels"],
    )


@case
def a_strategic_patch_orders_lists(api: Talk) -> None:
    _deployment(api)
    order = [{"name": "n"}, {"name": "m"}]
    api.patch(
        "deployments/d",
        _containing({"name": "o", "image": "k"}, **{"$setElementOrder/containers": [*order, {"name": "o"}]}),
        STRATEGIC,
        only=_containers,
    )


@case
def a_strategic_patch_merges_plain_lists_of_finalizers(api: Talk) -> None:
    api.made("configmaps", {"metadata": {"name": "c", "finalizers": ["example.com/a", "example.com/b"]}})
    api.patch(
        "configmaps/c",
        {"metadata": {"finalizers": ["example.com/c"]}},
        STRATEGIC,
        only=lambda body: body["metadata"]["finalizers"],
    )
    api.patch(
        "configmaps/c",
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/a"]}},
        STRATEGIC,
        only=lambda body: body["metadata"]["finalizers"],
    )
    api.patch(
        "configmaps/c",
        {"metadata": {"finalizers": None}},
        only=lambda body: body["metadata"].get("finalizers"),
    )


@case
def a_strategic_patch_merges_ports_and_owners_by_their_keys(api: Talk) -> None:
    ports = [{"name": "http", "port": 80}, {"name": "tls", "port": 443}]
    api.made("services", {"metadata": {"name": "s"}, "spec": {"ports": ports, "clusterIP": "None"}})
    api.patch(
        "services/s",
        {"spec": {"ports": [{"port": 80, "targetPort": 8080}, {"port": 90, "name": "other"}]}},
        STRATEGIC,
        only=lambda body: body["spec"]["ports"],
    )
    owner = _configmap(api)["metadata"]
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "c", "uid": owner["uid"]}
    api.patch(
        "services/s",
        {"metadata": {"ownerReferences": [ref]}},
        STRATEGIC,
        only=lambda body: body["metadata"]["ownerReferences"],
    )
    api.patch(
        "services/s",
        {"metadata": {"ownerReferences": [{"uid": owner["uid"], "$patch": "delete"}]}},
        STRATEGIC,
        only=lambda body: body["metadata"].get("ownerReferences"),
    )


@case
def a_strategic_patch_that_makes_no_sense_is_refused(api: Talk) -> None:
    _deployment(api)
    short: dict[str, Any] = {"only": lambda body: (body["reason"], body["code"])}
    api.patch("deployments/d", _containing({"image": "no-name"}), STRATEGIC, **short)
    api.patch("deployments/d", _containing({"name": "m", "$patch": "nonsense"}), STRATEGIC, **short)
    api.patch("deployments/d", {"spec": {"replicas": "x"}}, STRATEGIC, **short)
    api.patch("deployments/d", {"spec": {"replicas": -1}}, STRATEGIC)


@case
def a_webhook_configuration_merges_its_webhooks_by_name(api: Talk) -> None:
    hook = {"name": "a.example.com", "admissionReviewVersions": ["v1"], "sideEffects": "None", "clientConfig": {"url": "https://example.com/"},
            "rules": [{"apiGroups": ["none.example.com"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["x"]}]}  # fmt: skip
    place = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations"
    api.made(place, {"metadata": {"name": api.space}, "webhooks": [hook, {**hook, "name": "b.example.com"}]})

    def pick(body: Obj) -> Any:
        return [(each["name"], each["clientConfig"], each["failurePolicy"]) for each in body["webhooks"]]

    api.patch(
        f"{place}/{api.space}",
        {
            "webhooks": [
                {"name": "b.example.com", "failurePolicy": "Ignore", "clientConfig": {"caBundle": "Zm9v"}}
            ]
        },
        STRATEGIC,
        only=pick,
    )
    api.patch(
        f"{place}/{api.space}",
        {"webhooks": [{"name": "a.example.com", "$patch": "delete"}]},
        STRATEGIC,
        only=pick,
    )


@case
def an_unknown_field_of_a_patch_is_told_or_refused(api: Talk) -> None:
    _deployment(api)
    short: dict[str, Any] = {"only": lambda body: (body["reason"], body["code"]), "fieldValidation": "Strict"}
    api.patch("deployments/d", {"spec": {"replikas": 3}}, **short)
    api.patch("deployments/d", {"spec": {"replikas": 3}}, STRATEGIC, fieldValidation="Strict")
    api.patch("deployments/d", {"spec": {"replikas": 3}}, only=lambda body: body["spec"].get("replikas"))
    api.patch("deployments/d", [{"op": "add", "path": "/spec/replikas", "value": 3}], JSON_PATCH, **short)
    api.send("PATCH", "deployments/d", {"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"replikas": 3}}, media=APPLY,
             fieldManager="one", force="true", fieldValidation="Strict")  # fmt: skip
