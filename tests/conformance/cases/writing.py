"""Create and update: names, versions, conflicts, dry runs, unknown fields."""

from __future__ import annotations

from tests.conformance.case import STRATEGIC, Obj, Talk, case

_POD: Obj = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "m", "image": "i:1"}]}}
_DEPLOYMENT: Obj = {
    "metadata": {"name": "d"},
    "spec": {"replicas": 0, "paused": True, "selector": {"matchLabels": {"a": "b"}}, "template": _POD},
}


@case
def what_is_there_cannot_be_created_again(api: Talk) -> None:
    api.made("configmaps", {"metadata": {"name": "c"}})
    api.post("configmaps", {"metadata": {"name": "c"}})
    api.post("/api/v1/namespaces", {"metadata": {"name": api.space}})
    api.made("deployments", _DEPLOYMENT)
    api.post("deployments", _DEPLOYMENT)


@case
def names_are_generated(api: Talk) -> None:
    api.post("configmaps", {"metadata": {"generateName": "c-"}, "data": {"k": "v"}})
    api.post(
        "configmaps", {"metadata": {"generateName": "Bad_"}}, only=lambda body: (body["reason"], body["code"])
    )


@case
def names_must_be_names(api: Talk) -> None:
    api.post("configmaps", {"metadata": {"name": "Not_a-name"}})
    api.post("configmaps", {"metadata": {}})
    api.post("services", {"metadata": {"name": "1s"}, "spec": {"ports": [{"port": 80}]}})
    api.post("configmaps", {"metadata": {"name": "c", "labels": {"-": "v"}, "annotations": {"a b": "c"}}})
    api.post("configmaps", {"metadata": {"name": "c", "labels": {"l": "not a value"}}})


@case
def a_body_must_be_what_its_place_is_for(api: Talk) -> None:
    api.post("configmaps", {"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "c"}})
    api.post(
        "configmaps",
        {"kind": "ConfigMap", "apiVersion": "apps/v1", "metadata": {"name": "c"}},
        only=lambda body: (body["reason"], body["code"]),
    )
    api.post("configmaps", {"metadata": {"name": "c", "namespace": "elsewhere"}})
    api.post("deployments", {"kind": "Deployment", "apiVersion": "apps/v1beta1", "metadata": {"name": "c"}})


@case
def a_namespace_that_is_not_there_takes_nothing(api: Talk) -> None:
    api.post("/api/v1/namespaces/conformance-no-such-space/configmaps", {"metadata": {"name": "c"}})


@case
def a_body_that_cannot_be_read_is_refused(api: Talk) -> None:
    api.post("configmaps", '{"metadata":', only=lambda body: (body["reason"], body["code"]))
    api.post("configmaps", {"metadata": {"name": "c"}}, media="text/plain")
    api.post(
        "configmaps",
        {"metadata": {"name": "c"}, "immutable": "yes"},
        only=lambda body: (body["reason"], body["code"]),
    )
    api.post(
        "deployments",
        {"metadata": {"name": "d"}, "spec": {"replicas": "three"}},
        only=lambda body: (body["reason"], body["code"]),
    )


@case
def yaml_is_read_too(api: Talk) -> None:
    api.post("configmaps", "metadata:\n  name: c\ndata:\n  k: v\n", media="application/yaml")


@case
def a_verb_nobody_serves_is_refused(api: Talk) -> None:
    api.post("configmaps/c", {"metadata": {"name": "c"}})
    api.put("configmaps", {"metadata": {"name": "c"}})
    api.delete("/api/v1/namespaces")
    api.post("/api/v1/configmaps", {"metadata": {"name": "c"}})
    api.get("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")


@case
def an_update_replaces_the_whole(api: Talk) -> None:
    api.made("configmaps", {"metadata": {"name": "c", "labels": {"a": "b"}}, "data": {"k": "v"}})
    api.put("configmaps/c", {"metadata": {"name": "c"}, "data": {"j": "w"}})


@case
def an_update_that_changes_nothing_keeps_the_revision(api: Talk) -> None:
    made = api.post("configmaps", {"metadata": {"name": "c"}, "data": {"k": "v"}})
    api.put("configmaps/c", made)
    api.get("configmaps/c")


@case
def an_update_of_an_old_revision_conflicts(api: Talk) -> None:
    made = api.made("configmaps", {"metadata": {"name": "c"}, "data": {"k": "v"}})
    api.patch("configmaps/c", {"data": {"k": "w"}}, quiet=True)
    api.put("configmaps/c", made)
    api.made("deployments", _DEPLOYMENT)
    api.put("deployments/d", {**_DEPLOYMENT, "metadata": {"name": "d", "resourceVersion": "1"}})


@case
def an_update_of_another_object_conflicts(api: Talk) -> None:
    api.made("configmaps", {"metadata": {"name": "c"}, "data": {"k": "v"}})
    uid = "00000000-0000-4000-8000-000000000000"
    api.put(
        "configmaps/c",
        {"metadata": {"name": "c", "uid": uid}},
        only=lambda body: (body["reason"], body["code"], body["details"]),
    )
    api.put("configmaps/c", {"metadata": {"name": "d"}})
    api.put("configmaps/none", {"metadata": {"name": "none"}})
    api.put("configmaps/none", {"metadata": {"name": "none", "resourceVersion": "1"}})
    api.put(
        "configmaps/none",
        {"metadata": {"name": "none", "uid": uid}},
        only=lambda body: (body["reason"], body["code"]),
    )


@case
def what_the_server_owns_cannot_be_written(api: Talk) -> None:
    told = {"name": "c", "uid": "00000000-0000-4000-8000-000000000000", "creationTimestamp": "2001-01-01T00:00:00Z",
            "selfLink": "/x", "deletionTimestamp": "2001-01-01T00:00:00Z"}  # fmt: skip
    api.post("configmaps", {"metadata": told, "data": {"k": "v"}})
    api.post("configmaps", {"metadata": {"name": "d", "resourceVersion": "1"}})


@case
def an_immutable_configmap_stays_as_it_is(api: Talk) -> None:
    api.made("configmaps", {"metadata": {"name": "c"}, "data": {"k": "v"}, "immutable": True})
    api.patch("configmaps/c", {"data": {"k": "w"}})
    api.patch("configmaps/c", {"immutable": False})
    api.patch(
        "configmaps/c", {"metadata": {"labels": {"a": "b"}}}, only=lambda body: body["metadata"]["labels"]
    )


@case
def a_secret_keeps_its_type_and_its_bytes(api: Talk) -> None:
    api.post("secrets", {"metadata": {"name": "s"}, "stringData": {"a": "plain"}, "data": {"b": "aGV4"}})
    api.patch("secrets/s", {"type": "kubernetes.io/tls"})
    api.post("secrets", {"metadata": {"name": "t"}, "type": "kubernetes.io/tls"})


@case
def defaults_are_filled_in_for_workloads(api: Talk) -> None:
    api.post("deployments", _DEPLOYMENT)


@case
def defaults_are_filled_in_for_pods(api: Talk) -> None:
    containers = [{"name": "m", "image": "i", "ports": [{"containerPort": 80}],
                   "readinessProbe": {"httpGet": {"port": 80}}, "resources": {"limits": {"cpu": "1"}}}]  # fmt: skip

    def pick(body: Obj) -> Obj:
        """The account's token volume has a name drawn by lot."""
        body["spec"]["volumes"] = [
            each for each in body["spec"].get("volumes", []) if not each["name"].startswith("kube-api-access")
        ]
        for each in body["spec"]["containers"]:
            each.pop("volumeMounts", None)
        return body

    api.post(
        "pods",
        {"metadata": {"name": "p"}, "spec": {"containers": containers, "schedulerName": "nobody"}},
        only=pick,
    )


@case
def defaults_are_filled_in_for_services(api: Talk) -> None:
    api.post(
        "services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], "selector": {"a": "b"}}}
    )
    api.post(
        "services",
        {
            "metadata": {"name": "h"},
            "spec": {"clusterIP": "None", "ports": [{"port": 80, "targetPort": "web", "name": "w"}]},
        },
    )
    api.post(
        "services",
        {"metadata": {"name": "e"}, "spec": {"type": "ExternalName", "externalName": "a.example.com"}},
    )


@case
def defaults_are_filled_in_for_the_rest(api: Talk) -> None:
    never = {**_POD["spec"], "restartPolicy": "Never", "schedulerName": "nobody"}
    api.post(
        "statefulsets",
        {"metadata": {"name": "s"}, "spec": {**_DEPLOYMENT["spec"], "paused": None, "serviceName": "s"}},
    )
    api.post(
        "cronjobs",
        {
            "metadata": {"name": "c"},
            "spec": {
                "schedule": "@daily",
                "suspend": True,
                "jobTemplate": {"spec": {"template": {"spec": never}}},
            },
        },
    )
    api.post(
        "poddisruptionbudgets",
        {"metadata": {"name": "p"}, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": {"a": "b"}}}},
    )


@case
def workloads_that_make_no_sense_are_invalid(api: Talk) -> None:
    spec = _DEPLOYMENT["spec"]
    api.post(
        "deployments",
        {"metadata": {"name": "d"}, "spec": {**spec, "selector": {"matchLabels": {"a": "other"}}}},
    )
    api.post("deployments", {"metadata": {"name": "d"}, "spec": {**spec, "replicas": -1}})
    api.post("deployments", {"metadata": {"name": "d"}, "spec": {"replicas": 1}})
    twice = {**_POD, "spec": {"containers": [{"name": "m", "image": "i"}, {"name": "m", "image": "j"}]}}
    api.post("deployments", {"metadata": {"name": "d"}, "spec": {**spec, "template": twice}})


@case
def the_selector_of_a_workload_cannot_change(api: Talk) -> None:
    api.made("deployments", _DEPLOYMENT)
    api.patch("deployments/d", {"spec": {"selector": {"matchLabels": {"c": "d"}}}})
    api.made(
        "statefulsets",
        {"metadata": {"name": "s"}, "spec": {**_DEPLOYMENT["spec"], "paused": None, "serviceName": "s"}},
    )
    api.patch("statefulsets/s", {"spec": {"serviceName": "other"}})


@case
def a_pod_hardly_changes(api: Talk) -> None:
    api.made("pods", {"metadata": {"name": "p"}, "spec": {**_POD["spec"], "schedulerName": "nobody"}})
    api.patch(
        "pods/p",
        {"spec": {"restartPolicy": "Never"}},
        only=lambda body: (body["reason"], body["details"]["causes"][0]["field"]),
    )
    api.patch(
        "pods/p",
        {"spec": {"containers": [{"name": "m", "image": "i:2"}]}},
        STRATEGIC,
        only=lambda body: body["spec"]["containers"][0]["image"],
    )
    api.patch(
        "pods/p",
        {"metadata": {"labels": {"l": "1"}}},
        only=lambda body: (body["metadata"]["labels"], body["metadata"].get("generation")),
    )


@case
def a_dry_run_answers_and_stores_nothing(api: Talk) -> None:
    api.post("configmaps", {"metadata": {"name": "c"}, "data": {"k": "v"}}, dryRun="All")
    api.get("configmaps/c")
    api.made("configmaps", {"metadata": {"name": "c"}, "data": {"k": "v"}})
    api.patch("configmaps/c", {"data": {"k": "w"}}, dryRun="All", only=lambda body: body["data"])
    api.put("configmaps/c", {"metadata": {"name": "c"}}, dryRun="All", only=lambda body: body.get("data"))
    api.delete("configmaps/c", dryRun="All")
    api.delete("configmaps/c", {"dryRun": ["All"]})
    api.get("configmaps/c", only=lambda body: body["data"])
    api.post("configmaps", {"metadata": {"name": "c"}}, dryRun="All")


@case
def a_dry_run_is_all_or_nothing(api: Talk) -> None:
    api.post("configmaps", {"metadata": {"name": "c"}}, dryRun="Some")
    api.delete("configmaps/c", {"dryRun": ["Some"]})
    api.made("configmaps", {"metadata": {"name": "c"}})
    api.patch("configmaps/c", {"data": {"k": "w"}}, dryRun="Some")


@case
def unknown_fields_are_dropped_told_or_refused(api: Talk) -> None:
    def odd(name: str) -> Obj:
        return {"metadata": {"name": name}, "data": {"k": "v"}, "dada": {}, "immutabel": True}

    api.post("configmaps", odd("a"), fieldValidation="Ignore")
    api.post("configmaps", odd("b"), fieldValidation="Warn")
    api.post("configmaps", odd("c"), fieldValidation="Strict")
    api.post("configmaps", odd("d"))
    api.post("configmaps", odd("e"), fieldValidation="Nonsense")
    spec = {**_DEPLOYMENT["spec"], "replikas": 1}
    api.post("deployments", {"metadata": {"name": "d"}, "spec": spec}, fieldValidation="Strict")


@case
def generation_counts_changes_of_the_spec(api: Talk) -> None:
    def pick(body: Obj) -> object:
        return body["metadata"]["generation"]

    api.post("deployments", _DEPLOYMENT, only=pick)
    api.patch("deployments/d", {"metadata": {"labels": {"l": "1"}}}, only=pick)
    api.patch("deployments/d", {"spec": {"minReadySeconds": 5}}, only=pick)
    api.patch("deployments/d", {"spec": {"minReadySeconds": 5}}, only=pick)
    api.patch("deployments/d/status", {"status": {"observedGeneration": 1}}, only=pick)
    api.post("poddisruptionbudgets", {"metadata": {"name": "p"}, "spec": {"minAvailable": 1}}, only=pick)
    api.patch("poddisruptionbudgets/p", {"spec": {"minAvailable": 2}}, only=pick)
    api.post(
        "ingresses",
        {
            "metadata": {"name": "i"},
            "spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}},
        },
        only=pick,
    )


@case
def a_field_manager_is_noted(api: Talk) -> None:
    api.post(
        "configmaps",
        {"metadata": {"name": "c", "labels": {"a": "b"}}, "data": {"k": "v"}},
        fieldManager="hand",
    )
    api.patch("configmaps/c", {"data": {"j": "w"}}, fieldManager="foot")
    api.patch("configmaps/c", {"data": {"k": "w"}}, fieldManager="foot")
    api.patch("configmaps/c", {"data": {"k": None}}, fieldManager="hand")
    api.post("configmaps", {"metadata": {"name": "d"}}, fieldManager="x" * 129)
