"""What the server says that it serves."""

from __future__ import annotations

from typing import Any

from tests.conformance.case import Pick, Talk, case

_AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def _resources(*plurals: str) -> Pick:
    """Of an APIResourceList what is said of some resources and their subresources."""

    def pick(body: Any) -> Any:
        found = {each["name"]: each for each in body["resources"] if each["name"].split("/")[0] in plurals}
        return {**body, "resources": [found[name] for name in sorted(found)]}

    return pick


@case
def the_core_group_lists_its_versions(api: Talk) -> None:
    api.get("/api", only=lambda body: (body["kind"], body["versions"]))


@case
def core_resources_tell_their_names_and_verbs(api: Talk) -> None:
    api.get("/api/v1", only=_resources(
        "configmaps", "endpoints", "events", "namespaces", "nodes", "secrets", "serviceaccounts",
        "services", "persistentvolumeclaims", "replicationcontrollers", "resourcequotas",
    ))  # fmt: skip


@case
def workload_resources_tell_their_names_and_verbs(api: Talk) -> None:
    api.get(
        "/apis/apps/v1",
        only=_resources("deployments", "replicasets", "statefulsets", "daemonsets", "controllerrevisions"),
    )
    api.get("/apis/batch/v1", only=_resources("jobs", "cronjobs"))


@case
def policies_and_leases_tell_their_names_and_verbs(api: Talk) -> None:
    api.get("/apis/policy/v1")
    api.get("/apis/coordination.k8s.io/v1")
    api.get("/apis/autoscaling/v2")


@case
def reviews_webhooks_and_definitions_tell_their_names_and_verbs(api: Talk) -> None:
    api.get("/apis/authorization.k8s.io/v1")
    api.get("/apis/authentication.k8s.io/v1", only=_resources("selfsubjectreviews"))
    api.get(
        "/apis/admissionregistration.k8s.io/v1",
        only=_resources("mutatingwebhookconfigurations", "validatingwebhookconfigurations"),
    )
    api.get("/apis/apiextensions.k8s.io/v1")
    api.get("/apis/rbac.authorization.k8s.io/v1")


@case
def a_group_tells_its_versions(api: Talk) -> None:
    api.get("/apis/apps")
    api.get("/apis/policy")
    api.get(
        "/apis",
        only=lambda body: [each for each in body["groups"] if each["name"] in {"apps", "batch", "policy"}],
    )
    api.get("/apis/nonsense.example.com")
    api.get("/apis/nonsense.example.com/v1")


@case
def everything_is_told_at_once(api: Talk) -> None:
    def pick(body: Any) -> Any:
        group = next(each for each in body["items"] if each["metadata"].get("name", "") == "apps")
        resources = group["versions"][0]["resources"]
        return {"kind": body["kind"], "apiVersion": body["apiVersion"], "version": group["versions"][0]["version"],
                "resources": sorted(resources, key=lambda each: str(each["resource"]))}  # fmt: skip

    api.get("/apis", accept=_AGGREGATED, only=pick)


@case
def core_is_told_at_once(api: Talk) -> None:
    def pick(body: Any) -> Any:
        wanted = ("namespaces", "configmaps", "services", "nodes", "serviceaccounts")
        found = {each["resource"]: each for each in body["items"][0]["versions"][0]["resources"]}
        for each in found.values():
            each["subresources"] = sorted(
                each.get("subresources", []), key=lambda part: str(part["subresource"])
            )
        return [body["kind"], body["items"][0]["metadata"], [found[name] for name in wanted]]

    api.get("/api", accept=_AGGREGATED, only=pick)


@case
def the_version_is_told(api: Talk) -> None:
    api.get("/version", only=lambda body: {name: body[name] for name in ("major", "minor", "gitVersion")})


@case
def the_server_says_that_it_is_well(api: Talk) -> None:
    for path in ("/healthz", "/livez", "/readyz"):
        api.get(path)


@case
def openapi_lists_its_documents(api: Talk) -> None:
    def pick(body: Any) -> Any:
        wanted = {"api/v1", "apis/apps/v1", "apis/policy/v1"}
        return {
            name: each["serverRelativeURL"].split("?")[0]
            for name, each in body["paths"].items()
            if name in wanted
        }

    api.get("/openapi/v3", only=pick)


@case
def openapi_describes_what_kubectl_asks_for(api: Talk) -> None:
    def fields(name: str) -> Pick:
        def pick(body: Any) -> Any:
            schema = body["components"]["schemas"][name]
            return sorted(schema["properties"]), schema.get("x-kubernetes-group-version-kind")

        return pick

    def patched(body: Any) -> Any:
        path = body["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]
        names = {each["name"] for each in [*path["patch"]["parameters"], *path.get("parameters", [])]}
        return sorted(names & {"fieldValidation", "dryRun", "fieldManager", "force"}), sorted(
            path.keys() - {"parameters"}
        )

    apps = "/openapi/v3/apis/apps/v1"
    api.get(apps, only=fields("io.k8s.api.apps.v1.Deployment"))
    api.get(apps, only=fields("io.k8s.api.apps.v1.DeploymentSpec"))
    api.get(apps, only=patched)
    api.get("/openapi/v3/apis/nonsense/v1", only=lambda _: "")
