"""Raw objects as nouns."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from upgrader.cluster.read import (
    control_plane_of,
    gateway_kind,
    image_of,
    installer_of,
    is_control_plane,
    is_istio_webhook,
    is_live,
    is_ready,
    owner_of,
    proxy_kind,
    proxy_of,
    revision_of,
    settled,
    tag_service_of,
    text_of,
    version_of,
    webhook_of,
    workload_of,
)
from upgrader.model.image import Image

Obj = dict[str, Any]
DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("docker.io/istio/proxyv2:1.27.9", Image("docker.io/istio/proxyv2", "1.27.9")),
        (
            "docker.io/istio/proxyv2:1.27.9-distroless",
            Image("docker.io/istio/proxyv2", "1.27.9", "distroless"),
        ),
        ("localhost:5000/proxyv2", Image("localhost:5000/proxyv2")),
        ("localhost:5000/proxyv2:1.31.0-rc.0-debug", Image("localhost:5000/proxyv2", "1.31.0-rc.0", "debug")),
        (f"proxyv2@{DIGEST}", Image("proxyv2", "", "", DIGEST)),
        (f"hub/proxyv2:1.28.10@{DIGEST}", Image("hub/proxyv2", "1.28.10", "", DIGEST)),
        ("auto", Image("auto")),
    ],
)
def test_an_image_is_taken_apart_and_put_together_again(text: str, expected: Image) -> None:
    assert image_of(text) == expected
    assert text_of(expected) == (text.partition("@")[0] if expected.tag else text)


def test_the_digest_of_what_runs_goes_before_the_one_in_the_spec() -> None:
    running = "sha256:" + "cd" * 32
    assert image_of("hub/proxyv2:1", f"docker-pullable://hub/proxyv2@{running}").digest == running
    assert image_of(f"hub/proxyv2@{DIGEST}", f"hub/proxyv2@{running}").digest == running


def test_the_local_id_of_an_image_is_not_a_digest_that_a_registry_knows() -> None:
    assert image_of("hub/proxyv2:1", DIGEST).digest == ""


def test_a_tag_that_names_no_release_has_no_version() -> None:
    assert [version_of(image_of(f"hub/pilot:{t}")) for t in ("latest", "1.29", "1.29.6", "1.31.0-rc.0")] == [
        "", "", "1.29.6", "1.31.0-rc.0",
    ]  # fmt: skip


def pod(
    *,
    labels: Obj | None = None,
    annotations: Obj | None = None,
    env: Obj | None = None,
    args: tuple[str, ...] = ("proxy", "sidecar"),
    native: bool = False,
    status: Obj | None = None,
    owner: tuple[str, str] | None = None,
    **meta: Any,
) -> Obj:
    proxy: Obj = {
        "name": "istio-proxy",
        "image": "docker.io/istio/proxyv2:1.27.9",
        "args": list(args),
        "env": [{"name": k, "value": v} for k, v in (env or {}).items()],
    }
    spec: Obj = {"containers": [{"name": "app", "image": "app:1"}]}
    if native:
        spec["initContainers"] = [{**proxy, "restartPolicy": "Always"}]
    else:
        spec["containers"].append(proxy)
    owners = (
        [{"kind": owner[0], "name": owner[1], "apiVersion": "apps/v1", "controller": True}] if owner else []
    )
    metadata = {"name": "cart-1", "namespace": "shop", "uid": "u", "labels": labels or {}, **meta}
    metadata |= {"annotations": annotations or {}, "ownerReferences": owners}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status or {}}


def ready(value: str = "True", phase: str = "Running") -> Obj:
    return {"phase": phase, "conditions": [{"type": "Ready", "status": value}]}


def test_the_label_of_a_pod_is_believed_only_when_nothing_else_says() -> None:
    label = {"istio.io/rev": "wish"}
    wrote = {"istio.io/rev": "1-27-9"}
    told = {"sidecar.istio.io/status": json.dumps({"revision": "1-26-8"})}
    talks = {"CA_ADDR": "istiod-1-25-5.istio-system.svc:15012"}
    assert revision_of(pod(labels=label, annotations=wrote | told, env=talks)) == "1-27-9"
    assert revision_of(pod(labels=label, annotations=told, env=talks)) == "1-26-8"
    assert revision_of(pod(labels=label, env=talks)) == "1-25-5"
    assert revision_of(pod(labels=label)) == "wish"
    assert revision_of(pod()) == ""


@pytest.mark.parametrize(
    ("env", "expected"),
    [
        ({"CA_ADDR": "istiod.istio-system.svc:15012"}, "default"),
        ({"CA_ADDR": "istiod.mesh.svc.cluster.local:15012"}, "default"),
        ({"CA_ADDR": "https://istiod-1-28-10.mesh.svc:15012"}, "1-28-10"),
        ({"PROXY_CONFIG": '{"discoveryAddress":"istiod-canary.istio-system.svc:15012"}'}, "canary"),
        ({"PROXY_CONFIG": "{}"}, ""),
        ({"CA_ADDR": "ca.example.com:443"}, ""),
        ({"XDS_ADDRESS": "istiod-1-29-6.istio-system.svc:15012", "CA_ADDRESS": "x:1"}, "1-29-6"),
    ],
)
def test_the_istiod_that_a_proxy_talks_to_tells_its_revision(env: Obj, expected: str) -> None:
    assert revision_of(pod(env=env)) == expected


def test_a_status_annotation_that_is_no_json_says_nothing() -> None:
    for text in ("{", "[]", "null", '{"revision": null}'):
        assert revision_of(pod(annotations={"sidecar.istio.io/status": text})) == ""


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (pod(), "sidecar"),
        (pod(native=True), "sidecar"),
        (pod(args=("proxy", "router")), "gateway"),
        (pod(annotations={"inject.istio.io/templates": "sidecar, gateway"}), "gateway"),
        (pod(labels={"gateway.istio.io/managed": "istio.io-gateway-controller"}), "gateway"),
        (pod(labels={"operator.istio.io/component": "EgressGateways"}), "gateway"),
        (pod(labels={"gateway.istio.io/managed": "istio.io-mesh-controller"}), "waypoint"),
        (pod(args=("proxy", "waypoint")), "waypoint"),
        (pod(args=("proxy", "ztunnel"), labels={"app": "ztunnel"}), "ztunnel"),
    ],
)
def test_what_a_proxy_is_for(made: Obj, kind: str) -> None:
    assert proxy_kind(made) == kind


@pytest.mark.parametrize(
    ("image", "told"),
    [
        ("docker.io/istio/proxyv2:1.20.0", Image("docker.io/istio/proxyv2", "1.20.0")),
        ("", None),
        (None, None),
    ],
)
def test_what_sets_traffic_up_is_told_where_its_image_is_not_that_of_the_proxy(
    image: str | None, told: Image | None
) -> None:
    made = pod(status=ready())
    [own] = [c["image"] for c in made["spec"]["containers"] if c["name"] == "istio-proxy"]
    if image is not None:
        made["spec"]["initContainers"] = [
            {"name": "wait", "image": "busybox"},
            {"name": "istio-init", "image": image or own},
        ]
    found = proxy_of(made)
    assert found is not None
    assert found.init_image == told


def test_a_proxy_is_read_whether_it_is_a_container_or_a_native_sidecar() -> None:
    counted = {"name": "istio-proxy", "restartCount": 3, "imageID": f"docker.io/istio/proxyv2@{DIGEST}"}
    plain = proxy_of(pod(status={**ready(), "containerStatuses": [counted]}))
    native = proxy_of(pod(native=True, status={**ready(), "initContainerStatuses": [counted]}))
    assert plain is not None
    assert native is not None
    assert (plain.native, native.native) == (False, True)
    for proxy in (plain, native):
        assert (proxy.ready, proxy.restarts, proxy.version, proxy.image.digest) == (True, 3, "1.27.9", DIGEST)


def test_a_pod_without_proxy_or_with_its_work_done_has_none() -> None:
    bare = pod()
    bare["spec"]["containers"].pop()
    assert proxy_of(bare) is None
    assert proxy_of(pod(status=ready("False", "Succeeded"))) is None
    assert proxy_of(pod(status=ready("False", "Failed"))) is None


def test_a_pod_that_is_asked_to_go_is_live_and_not_ready() -> None:
    going = pod(status=ready(), deletionTimestamp="2026-01-01T00:00:00Z")
    assert is_live(going)
    assert not is_ready(going)
    found = proxy_of(going)
    assert found is not None
    assert found.terminating


@pytest.mark.parametrize(
    ("labels", "owner", "expected"),
    [
        ({"pod-template-hash": "5f6d"}, ("ReplicaSet", "cart-5f6d"), ("Deployment", "cart")),
        ({"pod-template-hash": "5f6d"}, ("ReplicaSet", "cart"), ("ReplicaSet", "cart")),
        ({"rollouts-pod-template-hash": "7c"}, ("ReplicaSet", "cart-7c"), ("Rollout", "cart")),
        ({}, ("StatefulSet", "redis"), ("StatefulSet", "redis")),
        ({}, None, ("Pod", "cart-1")),
    ],
)
def test_the_owner_of_a_pod_is_what_a_restart_is_asked_of(
    labels: Obj, owner: tuple[str, str] | None, expected: tuple[str, str]
) -> None:
    assert owner_of(pod(labels=labels, owner=owner)) == expected


def workload(kind: str, spec: Obj | None = None, status: Obj | None = None, **meta: Any) -> Obj:
    metadata = {"name": "cart", "namespace": "shop", "uid": "u", "generation": 4, **meta}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec or {},
        "status": status or {},
    }


DONE = {
    "observedGeneration": 4,
    "replicas": 3,
    "updatedReplicas": 3,
    "readyReplicas": 3,
    "availableReplicas": 3,
}


@pytest.mark.parametrize(
    "wrong",
    [
        {"observedGeneration": 3},
        {"updatedReplicas": 2},
        {"replicas": 4},
        {"availableReplicas": 2},
        {"replicas": 0, "updatedReplicas": 0, "availableReplicas": 0},
    ],
)
def test_a_deployment_is_not_settled_while_one_counter_differs(wrong: Obj) -> None:
    assert settled(workload("Deployment", {"replicas": 3}, DONE))
    assert not settled(workload("Deployment", {"replicas": 3}, DONE | wrong))


def test_a_deployment_scaled_to_zero_is_settled_when_its_pods_are_gone() -> None:
    assert settled(workload("Deployment", {"replicas": 0}, {"observedGeneration": 4}))
    assert not settled(workload("Deployment", {"replicas": 0}, {"observedGeneration": 4, "replicas": 1}))


def test_a_set_whose_partition_or_strategy_holds_pods_back_is_not_settled() -> None:
    held = DONE | {"updatedReplicas": 1}
    partition = {
        "replicas": 3,
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}},
    }
    on_delete = {"replicas": 3, "updateStrategy": {"type": "OnDelete"}}
    assert not settled(workload("StatefulSet", partition, held))
    assert not settled(workload("StatefulSet", on_delete, held))
    assert settled(workload("StatefulSet", partition, DONE))
    assert not settled(workload("StatefulSet", partition, DONE | {"readyReplicas": 2}))


def test_a_daemon_set_is_settled_when_every_node_has_the_new_pod() -> None:
    status = {
        "observedGeneration": 4,
        "desiredNumberScheduled": 5,
        "updatedNumberScheduled": 5,
        "numberAvailable": 5,
    }
    assert settled(workload("DaemonSet", {}, status))
    assert not settled(workload("DaemonSet", {}, status | {"updatedNumberScheduled": 4}))
    assert not settled(workload("DaemonSet", {}, status | {"numberAvailable": 4}))


def test_jobs_are_settled_when_ended_and_pods_when_ready() -> None:
    complete = {"conditions": [{"type": "Complete", "status": "True"}]}
    assert settled(workload("Job", {}, complete))
    assert not settled(workload("Job", {}, {"active": 1}))
    assert settled(pod(status=ready()))
    assert not settled(pod(status=ready("False")))


def test_a_workload_keeps_what_a_restart_depends_on() -> None:
    template = {
        "metadata": {"labels": {"app": "redis"}, "annotations": {"a": "b"}},
        "spec": {
            "hostNetwork": True,
            "containers": [{"name": "redis", "image": "redis:7"}],
            "initContainers": [{"name": "istio-proxy", "image": "auto"}],
        },
    }
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2, "maxUnavailable": 1}}
    found = workload_of(
        workload("StatefulSet", {"replicas": 3, "updateStrategy": strategy, "template": template})
    )
    assert (found.name, found.replicas, found.strategy, found.partition) == (
        "shop/cart",
        3,
        "RollingUpdate",
        2,
    )
    assert (found.max_unavailable, found.host_network) == ("1", True)
    assert found.images == {"redis": "redis:7", "istio-proxy": "auto"}
    assert (found.template_labels, found.template_annotations) == ({"app": "redis"}, {"a": "b"})


def test_defaults_that_the_server_would_fill_in_are_known_without_it() -> None:
    found = workload_of(workload("Deployment", {"template": {"spec": {"containers": []}}}))
    assert (found.replicas, found.strategy, found.paused) == (1, "RollingUpdate", False)


def test_the_template_of_a_cron_job_is_found_in_its_job() -> None:
    template = {
        "metadata": {"labels": {"app": "nightly"}},
        "spec": {"containers": [{"name": "n", "image": "n:1"}]},
    }
    cron = workload("CronJob", {"suspend": True, "jobTemplate": {"spec": {"template": template}}})
    found = workload_of(cron)
    assert (found.template_labels, found.images, found.paused) == ({"app": "nightly"}, {"n": "n:1"}, True)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        (workload("Deployment"), ""),
        (workload("Deployment", labels={"gateway.istio.io/managed": "istio.io-gateway-controller"}), "api"),
        (workload("Deployment", labels={"operator.istio.io/component": "IngressGateways"}), "istioctl"),
        (workload("Deployment", labels={"operator.istio.io/component": "Pilot"}), ""),
    ],
)
def test_how_a_gateway_came_to_be(made: Obj, kind: str) -> None:
    assert gateway_kind(made) == kind


def test_a_gateway_of_the_gateway_api_names_its_gateway() -> None:
    owner = {"kind": "Gateway", "apiVersion": "gateway.networking.k8s.io/v1", "name": "web", "uid": "g"}
    found = workload_of(workload("Deployment", ownerReferences=[owner]))
    assert (found.gateway, found.gateway_owner) == ("api", "shop/web")


def managed(manager: str, **meta: Any) -> Obj:
    return workload("Deployment", managedFields=[{"manager": manager}], **meta)


@pytest.mark.parametrize(
    ("made", "installer"),
    [
        (workload("Deployment", annotations={"meta.helm.sh/release-name": "istiod"}), "helm"),
        (workload("Deployment", labels={"operator.istio.io/managed": "Reconcile"}), "istioctl"),
        (managed("istio-operator"), "istioctl"),
        (managed("kubectl-client-side-apply"), "manifests"),
        (
            workload(
                "Deployment",
                annotations={"meta.helm.sh/release-name": "x"},
                ownerReferences=[{"apiVersion": "sailoperator.io/v1", "kind": "IstioRevision", "name": "r"}],
            ),
            "sail",
        ),
        (workload("Deployment", labels={"app.kubernetes.io/managed-by": "Helm"}), "unknown"),
    ],
)
def test_who_installed_an_object_is_told_by_what_only_one_of_them_writes(made: Obj, installer: str) -> None:
    assert installer_of(made) == installer


def test_any_webhook_that_calls_an_istiod_is_one_of_istio() -> None:
    def made(name: str, service: str, **labels: str) -> Obj:
        entry = {"name": name, "clientConfig": {"service": {"name": service, "namespace": "istio-system"}}}
        return {
            "kind": "ValidatingWebhookConfiguration",
            "metadata": {"name": "w", "labels": labels},
            "webhooks": [entry],
        }

    assert is_istio_webhook(made("foreign.example.com", "istiod-1-27-9"))
    assert is_istio_webhook(made("namespace.sidecar-injector.istio.io", "elsewhere"))
    assert is_istio_webhook(made("x.example.com", "y", app="sidecar-injector"))
    assert not is_istio_webhook(made("x.cert-manager.io", "cert-manager"))


def test_a_webhook_without_failure_policy_fails_and_one_by_url_names_no_service() -> None:
    rules = [{"apiGroups": ["", "apps"], "apiVersions": ["v1"], "resources": ["pods"]}]
    entries = [{"name": "a", "clientConfig": {"url": "https://x", "caBundle": "Cg=="}, "rules": rules}]
    found = webhook_of(
        {"kind": "MutatingWebhookConfiguration", "metadata": {"name": "w"}, "webhooks": entries}
    )
    assert (found.entries[0].failure_policy, found.entries[0].service, found.entries[0].ca) == (
        "Fail",
        "",
        True,
    )
    assert found.entries[0].resources == ("/v1/pods", "apps/v1/pods")


def test_only_the_service_of_a_tag_is_one() -> None:
    labels = {"app": "istiod", "istio.io/tag": "prod", "istio.io/rev": "1-28-10"}
    made = {"metadata": {"name": "istiod-revision-tag-prod", "namespace": "istio-system", "labels": labels}}
    found = tag_service_of(made)
    assert found is not None
    assert (found.tag, found.revision) == ("prod", "1-28-10")
    assert (
        tag_service_of({"metadata": {"name": "istiod", "namespace": "s", "labels": {"app": "istiod"}}})
        is None
    )


DATA = os.environ.get("UPGRADER_TEST_DATA", "")
MANIFESTS = sorted(Path(DATA, "manifests").glob("*/istiod.yaml")) if DATA else []


@pytest.mark.slow
@pytest.mark.skipif(not MANIFESTS, reason="set UPGRADER_TEST_DATA to read upstream manifests")
def test_the_control_plane_of_every_upstream_release_is_recognised() -> None:
    for manifest in MANIFESTS:
        objects = [o for o in yaml.load_all(manifest.read_text(), Loader=yaml.CSafeLoader) if o]
        version = manifest.parent.name
        revision = version.replace(".", "-")
        values = next(
            o["data"]["values"]
            for o in objects
            if o["kind"] == "ConfigMap" and o["metadata"]["name"].startswith("istio-sidecar-injector")
        )
        planes = [
            control_plane_of(o, values) for o in objects if o["kind"] == "Deployment" and is_control_plane(o)
        ]
        assert [(p.revision, p.version) for p in planes] == [(revision, version)]
        assert planes[0].proxy_image is not None
        assert (planes[0].proxy_image.tag, planes[0].proxy_image.repository[-8:]) == (version, "/proxyv2")
        assert all(is_istio_webhook(o) for o in objects if o["kind"].endswith("WebhookConfiguration"))
