"""Delete: preconditions, finalizers, owners, whole collections and namespaces."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import JSON_PATCH, Obj, Talk, case

_POD = {
    "metadata": {"labels": {"a": "b"}},
    "spec": {"schedulerName": "nobody", "containers": [{"name": "m", "image": "i"}]},
}
_OTHER = "00000000-0000-4000-8000-000000000000"


def _configmap(api: Talk, name: str = "c", **meta: Any) -> Obj:
    made: Obj = api.made("configmaps", {"metadata": {"name": name, **meta}})
    return made


@case
def a_delete_answers_a_status_or_the_object(api: Talk) -> None:
    _configmap(api)
    api.delete("configmaps/c")
    api.made("services", {"metadata": {"name": "s"}, "spec": {"clusterIP": "None", "ports": [{"port": 80}]}})
    api.delete("services/s")
    api.made("serviceaccounts", {"metadata": {"name": "a"}})
    api.delete("serviceaccounts/a")
    api.made("leases", {"metadata": {"name": "l"}})
    api.delete("leases/l")
    api.delete("configmaps/c")


@case
def a_delete_means_the_uid_it_names(api: Talk) -> None:
    made = _configmap(api)
    api.delete("configmaps/c", {"preconditions": {"uid": _OTHER}})
    api.delete("configmaps/c", {"preconditions": {"uid": made["metadata"]["uid"]}})
    api.gone("configmaps/c")


@case
def a_delete_means_the_revision_it_names(api: Talk) -> None:
    made = _configmap(api)
    old = made["metadata"]["resourceVersion"]
    new = api.patch("configmaps/c", {"data": {"k": "v"}}, quiet=True)["metadata"]["resourceVersion"]
    api.delete("configmaps/c", {"preconditions": {"resourceVersion": old}})
    api.delete("configmaps/c", {"preconditions": {"resourceVersion": new, "uid": made["metadata"]["uid"]}})


@case
def options_of_a_delete_that_make_no_sense_are_refused(api: Talk) -> None:
    _configmap(api)
    api.delete("configmaps/c", {"propagationPolicy": "Nonsense"})
    api.delete("configmaps/c", {"propagationPolicy": "Orphan", "orphanDependents": True})
    api.delete("configmaps/c", {"gracePeriodSeconds": -1}, only=lambda body: body["code"])


@case
def a_finalizer_holds_what_is_deleted(api: Talk) -> None:
    _configmap(api, finalizers=["example.com/hold"])
    api.delete("configmaps/c")
    api.delete("configmaps/c")
    api.get("configmaps/c")
    api.patch("configmaps/c", {"data": {"still": "here"}}, only=lambda body: body["data"])
    api.post("configmaps", {"metadata": {"name": "c"}})
    api.patch("configmaps/c", {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}})
    api.patch("configmaps/c", {"metadata": {"finalizers": []}})
    api.get("configmaps/c")


@case
def finalizers_must_be_qualified(api: Talk) -> None:
    api.post("configmaps", {"metadata": {"name": "c", "finalizers": ["plain"]}})
    api.post("configmaps", {"metadata": {"name": "c", "finalizers": ["example.com/Not valid"]}})


@case
def a_pod_that_runs_nowhere_is_gone_at_once(api: Talk) -> None:
    api.made("pods", {"metadata": {"name": "p"}, "spec": _POD["spec"]})
    api.delete("pods/p", only=lambda body: (body["kind"], body["metadata"].get("deletionGracePeriodSeconds")))
    api.get("pods/p")


@case
def a_pod_without_grace_is_gone_at_once(api: Talk) -> None:
    api.made("pods", {"metadata": {"name": "p", "finalizers": ["example.com/hold"]}, "spec": _POD["spec"]})
    api.delete(
        "pods/p",
        {"gracePeriodSeconds": 0},
        only=lambda body: (
            body["kind"],
            "deletionTimestamp" in body["metadata"],
            body["metadata"].get("deletionGracePeriodSeconds"),
        ),
    )
    api.patch("pods/p", {"metadata": {"finalizers": None}}, quiet=True)
    api.get("pods/p")


@case
def a_collection_is_deleted_by_labels(api: Talk) -> None:
    for name in ("a", "b", "c"):
        _configmap(api, name, labels={"of": "case", "tier": "web" if name != "b" else "db"})
    api.delete(
        "configmaps",
        labelSelector="tier=web",
        only=lambda body: (body["kind"], [each["metadata"]["name"] for each in body["items"]]),
    )
    api.get(
        "configmaps",
        labelSelector="of=case",
        only=lambda body: [each["metadata"]["name"] for each in body["items"]],
    )
    api.delete("configmaps", labelSelector="of=case", dryRun="All", only=lambda body: len(body["items"]))
    api.delete("configmaps", labelSelector="none=such")
    api.delete("configmaps", labelSelector="a in (")
    api.get("configmaps", labelSelector="of=case", only=lambda body: len(body["items"]))


@case
def a_collection_with_finalizers_is_marked(api: Talk) -> None:
    _configmap(api, "a", labels={"of": "case"}, finalizers=["example.com/hold"])
    _configmap(api, "b", labels={"of": "case"})
    api.delete(
        "configmaps",
        labelSelector="of=case",
        only=lambda body: [each["metadata"]["name"] for each in body["items"]],
    )
    api.get(
        "configmaps",
        labelSelector="of=case",
        only=lambda body: [
            (each["metadata"]["name"], "deletionTimestamp" in each["metadata"]) for each in body["items"]
        ],
    )
    api.patch("configmaps/a", {"metadata": {"finalizers": None}}, quiet=True)


def _family(api: Talk, **ref: Any) -> None:
    owner = _configmap(api, "owner")["metadata"]
    told = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"], **ref}
    _configmap(api, "child", ownerReferences=[told])


@case
def what_is_owned_goes_with_its_owner(api: Talk) -> None:
    _family(api)
    api.delete("configmaps/owner")
    api.gone("configmaps/child")


@case
def what_is_orphaned_stays_without_owner(api: Talk) -> None:
    _family(api)
    api.delete("configmaps/owner", {"propagationPolicy": "Orphan"})
    api.gone("configmaps/owner")
    api.get("configmaps/child", only=lambda body: body["metadata"].get("ownerReferences"))


@case
def an_owner_waits_for_what_blocks_it(api: Talk) -> None:
    _family(api, blockOwnerDeletion=True)
    api.patch("configmaps/child", {"metadata": {"finalizers": ["example.com/hold"]}}, quiet=True)
    api.delete(
        "configmaps/owner",
        {"propagationPolicy": "Foreground"},
        only=lambda body: body["metadata"]["finalizers"],
    )
    api.until(
        lambda body: body["metadata"]["deletionTimestamp"],
        "configmaps/child",
        only=lambda body: body["metadata"]["finalizers"],
    )
    api.get("configmaps/owner", only=lambda body: body["metadata"]["finalizers"])
    api.patch("configmaps/child", {"metadata": {"finalizers": None}}, quiet=True)
    api.gone("configmaps/owner")
    api.get("configmaps/child")


@case
def an_owner_that_never_was_takes_its_own_along(api: Talk) -> None:
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "uid": _OTHER}
    _configmap(api, "child", ownerReferences=[ref])
    api.gone("configmaps/child")


@case
def one_of_two_owners_is_enough(api: Talk) -> None:
    refs = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": name,
            "uid": _configmap(api, name)["metadata"]["uid"],
        }
        for name in ("x", "y")
    ]
    _configmap(api, "child", ownerReferences=refs)
    api.delete("configmaps/x")
    api.until(
        lambda body: len(body["metadata"]["ownerReferences"]) == 1,
        "configmaps/child",
        only=lambda body: body["metadata"]["ownerReferences"],
    )
    api.delete("configmaps/y")
    api.gone("configmaps/child")


@case
def owner_references_must_be_whole(api: Talk) -> None:
    api.post(
        "configmaps", {"metadata": {"name": "c", "ownerReferences": [{"kind": "ConfigMap", "name": "x"}]}}
    )
    ref = {"apiVersion": "v1", "kind": "ConfigMap", "name": "x", "uid": _OTHER, "controller": True}
    api.post(
        "configmaps",
        {
            "metadata": {
                "name": "c",
                "ownerReferences": [ref, {**ref, "name": "y", "uid": _OTHER.replace("4", "5")}],
            }
        },
    )


@case
def a_namespace_ends_with_all_that_is_in_it(api: Talk) -> None:
    name = f"{api.space}-end"
    place = f"/api/v1/namespaces/{name}"
    api.made("/api/v1/namespaces", {"metadata": {"name": name}})
    api.until(lambda body: body["metadata"]["name"], f"{place}/serviceaccounts/default", quiet=True)
    api.until(lambda body: body["metadata"]["name"], f"{place}/configmaps/kube-root-ca.crt", quiet=True)
    api.send(
        "POST",
        f"{place}/configmaps",
        {"metadata": {"name": "held", "finalizers": ["example.com/hold"]}},
        quiet=True,
    )
    api.send("POST", f"{place}/secrets", {"metadata": {"name": "free"}}, quiet=True)
    api.delete(
        place,
        only=lambda body: (
            body["kind"],
            body["spec"],
            body["status"]["phase"],
            "deletionTimestamp" in body["metadata"],
        ),
    )
    api.post(f"{place}/configmaps", {"metadata": {"name": "late"}})
    api.gone(f"{place}/secrets/free")
    api.until(
        lambda body: body["metadata"]["deletionTimestamp"],
        f"{place}/configmaps/held",
        only=lambda body: body["metadata"]["finalizers"],
    )
    api.until(lambda body: any(each["type"] == "NamespaceFinalizersRemaining" and each["status"] == "True" for each in body["status"]["conditions"]),
              place, only=lambda body: body["status"])  # fmt: skip
    api.patch(f"{place}/configmaps/held", {"metadata": {"finalizers": None}}, quiet=True)
    api.gone(place)


@case
def a_namespace_is_finalized_by_its_own_finalizer(api: Talk) -> None:
    name = f"{api.space}-fin"
    api.made("/api/v1/namespaces", {"metadata": {"name": name}})
    api.get(f"/api/v1/namespaces/{name}", only=lambda body: (body["spec"], body["metadata"]["labels"]))
    api.patch(
        f"/api/v1/namespaces/{name}",
        [{"op": "replace", "path": "/spec/finalizers", "value": []}],
        JSON_PATCH,
        only=lambda body: body["spec"],
    )
    api.send("DELETE", f"/api/v1/namespaces/{name}", quiet=True)
    api.gone(f"/api/v1/namespaces/{name}")


@case
def some_namespaces_cannot_go(api: Talk) -> None:
    for name in ("default", "kube-system"):
        api.delete(f"/api/v1/namespaces/{name}")
