"""CustomResourceDefinitions: served, pruned, defaulted, validated, gone."""

from __future__ import annotations

import base64
import json
from typing import Any

from tests.conformance.case import JSON_PATCH, STRATEGIC, TABLE, CannotBeAsked, Obj, Talk, case

_PLACE = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_SPEC: Obj = {
    "type": "object",
    "required": ["host"],
    "properties": {
        "host": {"type": "string", "pattern": "^[a-z.]+$", "maxLength": 20},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535, "default": 80},
        "mode": {"type": "string", "enum": ["A", "B"], "default": "A"},
        "replicas": {"type": "integer"},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "either": {"x-kubernetes-int-or-string": True},
        "rules": {
            "type": "array",
            "maxItems": 3,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["name"],
            "items": {
                "type": "object",
                "required": ["name"],
                "properties": {"name": {"type": "string"}, "weight": {"type": "integer", "default": 1}},
            },
        },
        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "maybe": {"type": "string", "nullable": True},
    },
}


def _definition(
    api: Talk, *, scope: str = "Namespaced", parts: Obj | None = None, versions: tuple[str, ...] = ("v1",)
) -> Obj:
    group = f"{api.space}.example.com"
    status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": _SPEC, "status": status}}}
    listed = [
        {
            "name": each,
            "served": True,
            "storage": each == versions[-1],
            "schema": schema,
            **({"subresources": parts} if parts else {}),
        }
        for each in versions
    ]
    listed[-1]["additionalPrinterColumns"] = [
        {"name": "Host", "type": "string", "jsonPath": ".spec.host", "description": "d"},
        {"name": "Port", "type": "integer", "jsonPath": ".spec.port", "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    names = {
        "plural": "hosts",
        "singular": "host",
        "kind": "Host",
        "listKind": "HostList",
        "shortNames": ["ho"],
        "categories": ["net"],
    }
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": f"hosts.{group}"},
            "spec": {"group": group, "scope": scope, "names": names, "versions": listed}}  # fmt: skip


def _served(api: Talk, **how: Any) -> str:
    """Define the resource, wait until it is served, and answer the path of its collection in this namespace."""
    definition = _definition(api, **how)
    api.made(_PLACE, definition)
    group, version = definition["spec"]["group"], definition["spec"]["versions"][-1]["name"]
    place = f"/apis/{group}/{version}"
    if definition["spec"]["scope"] == "Namespaced":
        place += f"/namespaces/{api.space}"
    api.until(lambda body: "items" in body, f"{place}/hosts", quiet=True)
    api.until(
        lambda body: body.get("code") != 404,
        f"{place}/hosts",
        method="POST",
        body=_host(api, "probe", version),
        dryRun="All",
        quiet=True,
    )
    return f"{place}/hosts"


def _host(api: Talk, name: str, version: str = "v1", **spec: Any) -> Obj:
    return {
        "apiVersion": f"{api.space}.example.com/{version}",
        "kind": "Host",
        "metadata": {"name": name},
        "spec": {"host": "a.example", **spec},
    }


@case
def a_definition_is_not_established_at_first(api: Talk) -> None:
    made = api.post(_PLACE, _definition(api))
    api.left.append(f"{_PLACE}/{made['metadata']['name']}")


@case
def a_definition_becomes_established_and_is_discovered(api: Talk) -> None:
    place = _served(api, parts={"status": {}})
    group = f"{api.space}.example.com"

    def conditions(body: Obj) -> Any:
        return (
            sorted(
                (each["type"], each["status"], each["reason"], each["message"])
                for each in body["status"]["conditions"]
            ),
            body["status"]["acceptedNames"],
            body["status"]["storedVersions"],
        )

    api.get(f"{_PLACE}/hosts.{group}", only=conditions)
    api.get(f"/apis/{group}")
    api.get(
        f"/apis/{group}/v1",
        only=lambda body: [{**each, "storageVersionHash": ""} for each in body["resources"]],
    )
    api.get(place, only=lambda body: (body["kind"], body["apiVersion"], body["items"]))


@case
def a_definition_must_make_sense(api: Talk) -> None:
    wrong = _definition(api)
    wrong["metadata"]["name"] = "other.example.com"
    api.post(_PLACE, wrong)
    two = _definition(api, versions=("v1", "v2"))
    two["spec"]["versions"][0]["storage"] = True
    api.post(_PLACE, two, only=lambda body: (body["reason"], body["code"]))
    bare = _definition(api)
    del bare["spec"]["versions"][0]["schema"]
    api.post(_PLACE, bare)


@case
def a_custom_object_is_defaulted_and_pruned(api: Talk) -> None:
    place = _served(api)
    api.post(
        place, _host(api, "h", unknown="x", free={"kept": [1]}, rules=[{"name": "r", "odd": 1}], either="80%")
    )
    api.get(f"{place}/h")
    api.patch(
        f"{place}/h", {"spec": {"port": None, "also": "unknown", "mode": "B"}}, only=lambda body: body["spec"]
    )
    api.patch(
        f"{place}/h",
        {"spec": {"maybe": None, "free": {"kept": None, "x": {}}}},
        only=lambda body: body["spec"],
    )


@case
def a_custom_object_is_validated(api: Talk) -> None:
    place = _served(api)
    api.post(place, _host(api, "h", host="NOT!", port=0, mode="C"))
    api.post(place, {**_host(api, "h"), "spec": {}})
    api.post(place, _host(api, "h", port="eighty"))
    api.post(place, _host(api, "h", rules=[{"weight": 1}]))
    api.post(place, _host(api, "h", rules=[{"name": "a"}, {"name": "a"}]))
    api.post(place, _host(api, "h", tags=["a", "a"]))
    api.post(place, _host(api, "h", labels={"a": 1}))
    api.post(place, _host(api, "h", host="a" * 30, rules=[{"name": str(at)} for at in range(5)]))
    api.post(place, _host(api, "h", host=None))


@case
def a_custom_object_says_what_it_is(api: Talk) -> None:
    place = _served(api)
    api.post(place, {"metadata": {"name": "h"}, "spec": {"host": "a"}})
    api.post(place, {**_host(api, "h"), "kind": "Other"})
    api.post(place, {**_host(api, "h"), "apiVersion": "other/v1"})
    api.post(place, _host(api, "Not_a_name"))


@case
def unknown_fields_of_a_custom_object_are_told_or_refused(api: Talk) -> None:
    place = _served(api)
    api.post(place, _host(api, "h", unknown=1, rules=[{"name": "r", "odd": 1}]), fieldValidation="Strict")
    api.post(
        place,
        _host(api, "h", unknown=1, rules=[{"name": "r", "odd": 1}]),
        fieldValidation="Warn",
        only=lambda body: body["spec"],
    )


@case
def a_custom_object_takes_patches_but_no_strategic_ones(api: Talk) -> None:
    place = _served(api)
    api.send("POST", place, _host(api, "h", rules=[{"name": "a"}]), quiet=True)
    api.patch(f"{place}/h", {"spec": {"rules": [{"name": "b"}]}}, only=lambda body: body["spec"])
    api.patch(
        f"{place}/h",
        [{"op": "add", "path": "/spec/tags", "value": ["x"]}],
        JSON_PATCH,
        only=lambda body: body["spec"],
    )
    api.patch(f"{place}/h", {"spec": {"rules": []}}, STRATEGIC)
    api.patch(f"{place}/h", {"spec": {"port": 0}})
    api.patch(f"{place}/h", {"metadata": {"resourceVersion": "1"}})


@case
def a_custom_object_is_applied(api: Talk) -> None:
    place = _served(api)
    api.apply(
        f"{place}/h", _host(api, "h", rules=[{"name": "a", "weight": 1}, {"name": "b"}], tags=["x"]), "one"
    )
    api.apply(
        f"{place}/h",
        _host(api, "h", rules=[{"name": "c"}], tags=["y"]),
        "two",
        only=lambda body: (body["spec"], body["metadata"]["managedFields"]),
    )
    api.apply(f"{place}/h", _host(api, "h", rules=[{"name": "a", "weight": 5}]), "two")
    api.apply(f"{place}/h", _host(api, "h", rules=[{"name": "b"}]), "one", only=lambda body: body["spec"])


@case
def a_custom_object_without_status_subresource_counts_every_change(api: Talk) -> None:
    place = _served(api)

    def pick(body: Obj) -> Any:
        return body["metadata"]["generation"], body.get("status")

    api.post(place, {**_host(api, "h"), "status": {"x": 1}}, only=pick)
    api.patch(f"{place}/h", {"status": {"x": 2}}, only=pick)
    api.patch(f"{place}/h", {"metadata": {"labels": {"a": "b"}}}, only=pick)
    api.get(f"{place}/h/status")


@case
def a_custom_status_is_written_apart(api: Talk) -> None:
    place = _served(api, parts={"status": {}})

    def pick(body: Obj) -> Any:
        return body["metadata"]["generation"], body.get("status"), body["spec"]["host"]

    api.post(place, {**_host(api, "h"), "status": {"x": 1}}, only=pick)
    api.patch(f"{place}/h", {"status": {"x": 2}, "spec": {"host": "b"}}, only=pick)
    api.patch(
        f"{place}/h/status",
        {"status": {"x": 3}, "spec": {"host": "c"}, "metadata": {"labels": {"l": "1"}}},
        only=lambda body: (*pick(body), body["metadata"].get("labels")),
    )
    known = api.get(f"{place}/h/status", quiet=True)
    api.put(f"{place}/h/status", {**known, "status": {"y": 1}}, only=pick)


@case
def a_custom_scale_reads_and_writes_what_the_definition_says(api: Talk) -> None:
    scale = {
        "specReplicasPath": ".spec.replicas",
        "statusReplicasPath": ".status.replicas",
        "labelSelectorPath": ".status.selector",
    }
    place = _served(api, parts={"status": {}, "scale": scale})
    api.send("POST", place, _host(api, "h", replicas=2), quiet=True)
    api.get(f"{place}/h/scale")
    api.patch(f"{place}/h/scale", {"spec": {"replicas": 5}}, only=lambda body: body["spec"])
    api.patch(f"{place}/h/status", {"status": {"replicas": 1, "selector": "a=b"}}, quiet=True)
    api.get(f"{place}/h/scale", only=lambda body: (body["spec"], body["status"]))
    api.get(f"{place}/h", only=lambda body: (body["spec"]["replicas"], body["metadata"]["generation"]))


@case
def a_custom_object_is_served_in_every_version(api: Talk) -> None:
    place = _served(api, versions=("v1beta1", "v1"))
    older = place.replace("/v1/", "/v1beta1/")
    api.until(lambda body: "items" in body, older, quiet=True)
    api.send("POST", place, _host(api, "h"), quiet=True)
    api.get(f"{older}/h", only=lambda body: (body["apiVersion"], body["kind"], body["spec"]))
    api.get(
        older,
        only=lambda body: (
            body["apiVersion"],
            body["kind"],
            [(each["apiVersion"], each["kind"]) for each in body["items"]],
        ),
    )
    api.patch(
        f"{older}/h",
        {"spec": {"port": 81}},
        only=lambda body: (body["apiVersion"], body["spec"]["port"], body["metadata"]["generation"]),
    )
    api.get(f"/apis/{api.space}.example.com")
    api.get(place.replace("/v1/", "/v9/"))


@case
def a_custom_object_is_shown_with_its_columns(api: Talk) -> None:
    place = _served(api)
    api.send("POST", place, _host(api, "h"), quiet=True)

    def bare(body: Obj) -> Any:
        return body["columnDefinitions"][1:], [row["cells"][:-1] for row in body["rows"]]

    api.get(place, accept=TABLE, only=bare)
    api.get(f"{place}/h", accept=TABLE, only=bare)


@case
def cluster_wide_custom_objects_have_no_namespace(api: Talk) -> None:
    place = _served(api, scope="Cluster")
    api.post(place, _host(api, "h"))
    api.get(f"{place}/h", only=lambda body: body["metadata"].get("namespace"))
    api.get(place.replace("/hosts", f"/namespaces/{api.space}/hosts"))


@case
def custom_objects_go_with_their_definition(api: Talk) -> None:
    place = _served(api)
    api.send("POST", place, _host(api, "h"), quiet=True)
    api.delete(
        f"{_PLACE}/hosts.{api.space}.example.com",
        only=lambda body: (body["kind"], body["metadata"]["finalizers"]),
    )
    api.gone(f"{_PLACE}/hosts.{api.space}.example.com")
    api.until(lambda body: body == "404 page not found\n", f"{place}/h")


@case
def custom_objects_are_selected_by_metadata_alone(api: Talk) -> None:
    place = _served(api)
    for name in ("a", "b"):
        api.send("POST", place, _host(api, name), quiet=True)
    api.get(
        place,
        fieldSelector="metadata.name=b",
        only=lambda body: [each["metadata"]["name"] for each in body["items"]],
    )
    api.get(place, fieldSelector="spec.host=b")
    api.delete(
        place,
        only=lambda body: (
            body["kind"],
            body["apiVersion"],
            [each["metadata"]["name"] for each in body["items"]],
        ),
    )
    api.get(place, only=lambda body: body["items"])


@case
def an_expired_page_comes_with_a_fresh_token(api: Talk) -> None:
    # Of a resource that is new: a server keeps a snapshot in memory since it began, and answers from that.
    place = _served(api)
    for name in ("a", "b", "c"):
        api.post(place, _host(api, name), quiet=True)
    first = api.get(place, limit=1, quiet=True)
    if not api.place.compact():
        raise CannotBeAsked("UPGRADER_BED_ETCD names no etcd: nothing can be compacted")
    token = _of_long_ago(first["metadata"]["continue"])
    gone = api.get(place, limit=1, **{"continue": token})
    api.get(
        place,
        **{"continue": gone["metadata"]["continue"]},
        only=lambda body: [each["metadata"]["name"] for each in body["items"]],
    )


def _of_long_ago(token: str) -> str:
    """The same place in the list at the very first revision: a server may keep newer ones in memory."""
    told = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    return base64.urlsafe_b64encode(json.dumps({**told, "rv": 1}).encode()).decode().rstrip("=")
