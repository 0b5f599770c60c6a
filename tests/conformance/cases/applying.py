"""Server-side apply: owners, conflicts, what leaving something out means."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import STRATEGIC, Obj, Talk, case


def _configmap(**data: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data}


def _deployment(*containers: Obj, replicas: int | None = None) -> Obj:
    pod = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": list(containers)}}
    spec: Obj = {"paused": True, "selector": {"matchLabels": {"a": "b"}}, "template": pod}
    if replicas is not None:
        spec["replicas"] = replicas
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}


def _containers(body: Obj) -> Any:
    kept = ("name", "image", "env", "ports")
    return [
        {name: each[name] for name in kept if name in each}
        for each in body["spec"]["template"]["spec"]["containers"]
    ]


def _managers(body: Obj) -> Any:
    """Without the controllers, which leave no trace in a sandbox."""
    return [
        each
        for each in body["metadata"].get("managedFields", [])
        if each["manager"] != "kube-controller-manager"
    ]


def _owned(body: Obj) -> Any:
    return body.get("data"), body["metadata"].get("managedFields")


@case
def an_apply_creates_and_applies_again_without_change(api: Talk) -> None:
    api.apply("configmaps/c", _configmap(k="v"))
    api.apply("configmaps/c", _configmap(k="v"))
    api.get("configmaps/c")


@case
def an_apply_creates_workloads_with_owners_of_what_was_said(api: Talk) -> None:
    api.apply(
        "deployments/d",
        _deployment(
            {
                "name": "m",
                "image": "i:1",
                "ports": [{"containerPort": 80}],
                "env": [{"name": "A", "value": "1"}],
            },
            replicas=0,
        ),
    )


@case
def what_an_apply_leaves_out_goes_when_nobody_else_owns_it(api: Talk) -> None:
    api.apply("configmaps/c", _configmap(k="v", l="w"), quiet=True)
    api.apply("configmaps/c", _configmap(k="v"), only=_owned)
    api.patch("configmaps/c", {"data": {"by": "hand"}}, quiet=True)
    api.apply("configmaps/c", _configmap(), only=_owned)


@case
def what_two_apply_alike_belongs_to_both(api: Talk) -> None:
    api.apply("configmaps/c", _configmap(k="v"), "one", quiet=True)
    api.apply("configmaps/c", _configmap(k="v"), "two", only=_owned)
    api.apply("configmaps/c", _configmap(), "one", only=_owned)
    api.apply("configmaps/c", _configmap(), "two", only=lambda body: body.get("data"))


@case
def an_apply_of_what_another_owns_conflicts(api: Talk) -> None:
    api.apply("configmaps/c", _configmap(k="v", l="1"), "one", quiet=True)
    api.apply("configmaps/c", _configmap(k="w"), "two")
    api.apply("configmaps/c", _configmap(k="w", l="2"), "two")
    api.get("configmaps/c", only=_owned)


@case
def a_conflict_tells_every_owner(api: Talk) -> None:
    api.apply(
        "deployments/d",
        _deployment({"name": "m", "image": "i:1", "env": [{"name": "A", "value": "1"}]}, replicas=0),
        "one",
        quiet=True,
    )
    api.patch("deployments/d", {"spec": {"minReadySeconds": 1}}, fieldManager="hand", quiet=True)
    other = _deployment({"name": "m", "image": "i:2", "env": [{"name": "A", "value": "2"}]}, replicas=1)
    other["spec"]["minReadySeconds"] = 2
    api.apply("deployments/d", other, "two")


@case
def force_takes_over_what_another_owns(api: Talk) -> None:
    api.apply("configmaps/c", _configmap(k="v", l="1"), "one", quiet=True)
    api.apply("configmaps/c", _configmap(k="w"), "two", force="true", only=_owned)
    api.apply("configmaps/c", _configmap(k="v", l="1"), "one")
    api.apply("configmaps/c", _configmap(l="1"), "one", only=_owned)
    api.apply("configmaps/c", _configmap(k="v", l="1"), "one", force="true", only=_owned)


@case
def an_update_takes_over_what_it_changes(api: Talk) -> None:
    api.apply("configmaps/c", _configmap(k="v", l="1"), "one", quiet=True)
    api.patch("configmaps/c", {"data": {"k": "w"}}, fieldManager="hand", only=_owned)
    api.apply("configmaps/c", _configmap(k="v", l="1"), "one")
    api.patch("configmaps/c", {"data": {"l": "1"}}, fieldManager="hand", only=_owned)
    body = _configmap(k="x", l="1")
    api.put("configmaps/c", body, fieldManager="other", only=_owned)


@case
def a_manager_of_updates_and_of_applies_are_two(api: Talk) -> None:
    api.post("configmaps", _configmap(k="v"), fieldManager="one", only=_owned)
    api.apply("configmaps/c", _configmap(k="v"), "one", only=_owned)
    api.apply("configmaps/c", _configmap(k="w"), "one")
    api.apply("configmaps/c", _configmap(k="w"), "one", force="true", only=_owned)


@case
def an_apply_says_who_applies(api: Talk) -> None:
    api.send("PATCH", "configmaps/c", _configmap(k="v"), media="application/apply-patch+yaml")
    api.apply("configmaps/c", {**_configmap(k="v"), "metadata": {"name": "other"}})
    api.apply("configmaps/c", {"data": {"k": "v"}})
    api.apply(
        "configmaps/c",
        {**_configmap(k="v"), "kind": "Secret"},
        only=lambda body: (body["reason"], body["code"]),
    )
    api.apply(
        "configmaps/c",
        {**_configmap(k="v"), "apiVersion": "v2"},
        only=lambda body: (body["reason"], body["code"]),
    )
    api.apply(
        "configmaps/c", {**_configmap(k="v"), "metadata": {"name": "c", "managedFields": [{"manager": "x"}]}}
    )


@case
def an_apply_may_name_the_revision_it_means(api: Talk) -> None:
    made = api.apply("configmaps/c", _configmap(k="v"), quiet=True)
    known = made["metadata"]["resourceVersion"]
    body = _configmap(k="w")
    body["metadata"]["resourceVersion"] = known
    api.apply("configmaps/c", body, only=_owned)
    api.apply("configmaps/c", {**body, "data": {"k": "x"}})
    body["metadata"] = {"name": "none", "resourceVersion": known}
    api.apply("configmaps/none", body, only=lambda told: (told["reason"], told["code"]))


@case
def applied_lists_merge_by_key_and_lose_what_is_left_out(api: Talk) -> None:
    first = {"name": "m", "image": "i:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]}
    api.apply(
        "deployments/d", _deployment(first, {"name": "n", "image": "j:1"}, replicas=0), "one", quiet=True
    )
    api.apply("deployments/d", _deployment({"name": "o", "image": "k:1"}), "two", only=_containers)
    api.apply(
        "deployments/d",
        _deployment({**first, "env": [{"name": "B", "value": "2"}]}, replicas=0),
        "one",
        only=_containers,
    )
    api.apply(
        "deployments/d",
        _deployment({**first, "env": [{"name": "C", "value": "3"}, {"name": "B", "value": "2"}]}, replicas=0),
        "one",
        only=_containers,
    )
    api.get("deployments/d", only=_managers)


@case
def who_no_longer_applies_a_field_leaves_its_default(api: Talk) -> None:
    api.apply("deployments/d", _deployment({"name": "m", "image": "i:1"}, replicas=0), "one", quiet=True)
    api.apply(
        "deployments/d",
        _deployment({"name": "m", "image": "i:1"}),
        "one",
        only=lambda body: body["spec"]["replicas"],
    )


@case
def a_scale_passes_ownership_on(api: Talk) -> None:
    api.apply("deployments/d", _deployment({"name": "m", "image": "i:1"}, replicas=0), "one", quiet=True)

    def pick(body: Obj) -> Any:
        return body["spec"]["replicas"], _managers(body)

    api.patch("deployments/d/scale", {"spec": {"replicas": 2}}, fieldManager="scaler", quiet=True)
    api.get("deployments/d", only=pick)
    api.apply("deployments/d", _deployment({"name": "m", "image": "i:1"}, replicas=0), "one")
    api.apply("deployments/d", _deployment({"name": "m", "image": "i:1"}), "one", only=pick)


@case
def a_dry_apply_tells_conflicts_and_stores_nothing(api: Talk) -> None:
    api.apply("configmaps/c", _configmap(k="v"), "one", dryRun="All")
    api.get("configmaps/c")
    api.apply("configmaps/c", _configmap(k="v"), "one", quiet=True)
    api.apply("configmaps/c", _configmap(k="w"), "two", dryRun="All")
    api.apply("configmaps/c", _configmap(k="w"), "two", dryRun="All", force="true", only=_owned)
    api.get("configmaps/c", only=_owned)


@case
def an_applied_status_has_an_owner_of_its_own(api: Talk) -> None:
    spec = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "s"},
        "spec": {"type": "ClusterIP", "clusterIP": "None", "ports": [{"port": 80}]},
    }
    api.apply("services/s", spec, "one", only=_managers)
    status = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "status": {"conditions": [
        {"type": "Fine", "status": "True", "reason": "Because", "message": "", "lastTransitionTime": "2020-01-01T00:00:00Z"}]}}  # fmt: skip
    api.apply(
        "services/s/status",
        status,
        "two",
        only=lambda body: (body["status"], body["metadata"]["managedFields"]),
    )


@case
def labels_and_finalizers_are_owned_one_by_one(api: Talk) -> None:
    def told(labels: Obj, *finalizers: str) -> Obj:
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "c", "labels": labels, "finalizers": list(finalizers)},
        }

    def pick(body: Obj) -> Any:
        meta = body["metadata"]
        return meta.get("labels"), meta.get("finalizers"), meta["managedFields"]

    api.apply("configmaps/c", told({"a": "1", "b": "1"}, "example.com/a"), "one", only=pick)
    api.apply("configmaps/c", told({"c": "1"}, "example.com/b"), "two", only=pick)
    api.apply("configmaps/c", told({"a": "1"}), "one", only=pick)
    api.patch("configmaps/c", {"metadata": {"finalizers": None}}, quiet=True)


@case
def managed_fields_can_be_cleared_and_not_forged(api: Talk) -> None:
    api.apply("configmaps/c", _configmap(k="v"), "one", quiet=True)
    api.patch("configmaps/c", {"metadata": {"managedFields": [{}]}}, only=_owned)
    api.apply("configmaps/c", _configmap(k="w"), "two", only=_owned)


@case
def an_apply_may_come_as_yaml(api: Talk) -> None:
    api.apply(
        "configmaps/c", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\ndata:\n  k: v\n", only=_owned
    )
    api.apply("configmaps/c", "apiVersion: v1\nkind: [", only=lambda body: (body["reason"], body["code"]))


@case
def a_list_with_the_same_key_twice_cannot_be_applied(api: Talk) -> None:
    twice = {"name": "m", "image": "i:1", "env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]}
    api.apply("deployments/d", _deployment(twice), only=lambda body: (body["reason"], body["code"]))
    api.apply(
        "deployments/d", _deployment({"image": "no-name"}), only=lambda body: (body["reason"], body["code"])
    )


@case
def a_strategic_patch_of_an_applied_list_moves_ownership(api: Talk) -> None:
    api.apply("deployments/d", _deployment({"name": "m", "image": "i:1"}, replicas=0), "one", quiet=True)
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "m", "image": "i:2"}]}}}}
    api.patch("deployments/d", patch, STRATEGIC, fieldManager="hand", only=_managers)
    api.apply("deployments/d", _deployment({"name": "m", "image": "i:1"}, replicas=0), "one")
