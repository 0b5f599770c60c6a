"""Rows 9, 16, 76, 86 and 87, and what else acts on the cluster."""

from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import advises, blocks, silent
from tests.meshes import Mesh, mesh, shop
from upgrader.model.kinds import DEPLOYMENT, MUTATING_WEBHOOK, Kind, Ref
from upgrader.model.snapshot import Belonging, Document

ENTRY = Kind("networking.istio.io", "v1", "serviceentries", "ServiceEntry")
OPERATOR = Kind("install.istio.io", "v1alpha1", "istiooperators", "IstioOperator")
CLASS = Kind("networking.k8s.io", "v1", "ingressclasses", "IngressClass", namespaced=False)
SECRET = Kind("", "v1", "secrets", "Secret")
SAIL = Kind("sailoperator.io", "v1", "istios", "Istio", namespaced=False)


def test_an_ingress_controller_with_a_sidecar_is_an_edge_of_the_mesh() -> None:
    made = shop().deployment(
        "shop/edge", proxies=2, images={"c": "registry.k8s.io/ingress-nginx/controller:v1.12"}
    )
    found = advises(made, "0388", "other ingress controllers")
    assert "1 with a sidecar" in found.summary
    assert found.objects == ("Deployment shop/edge",)


def test_a_class_of_another_controller_is_told_and_one_of_istio_is_not() -> None:
    def having(controller: str) -> Mesh:
        made = Document(ref=Ref(CLASS, "edge"), body={"spec": {"controller": controller}})
        return shop().having(documents=(made,))

    assert "k8s.io/ingress-nginx" in advises(having("k8s.io/ingress-nginx"), "0388", "other ingress controllers").summary  # fmt: skip
    silent(having("istio.io/ingress-controller"), "0388")
    silent(shop(), "0388")


def entry(count: int, resolution: str = "STATIC", **fields: Any) -> Mesh:
    """A ServiceEntry with so many endpoints."""
    spec = {"hosts": ["a.consul"], "resolution": resolution, "endpoints": [{"address": f"10.0.0.{n}"} for n in range(count)]}  # fmt: skip
    return shop().resource("shop/a", kind=ENTRY, spec=spec, **fields)


def test_many_static_endpoints_are_kept_by_somebody_else() -> None:
    assert "10 static endpoints" in advises(entry(10), "0389", "kept endpoints").summary
    advises(entry(1, labels={"app.kubernetes.io/managed-by": "consul-sync"}), "0389", "kept endpoints")


def test_a_few_that_somebody_wrote_are_not() -> None:
    silent(entry(9), "0389")
    silent(entry(20, "DNS"), "0389")


@pytest.mark.parametrize(
    ("marks", "name"),
    [
        ({"annotations": {"linkerd.io/inject": "enabled"}}, "Linkerd"),
        ({"annotations": {"consul.hashicorp.com/connect-inject": "true"}}, "Consul"),
        ({"template": {"kuma.io/sidecar-injection": "enabled"}}, "Kuma"),
    ],
)
def test_a_workload_with_two_injectors_of_two_meshes_is_told(marks: dict[str, Any], name: str) -> None:
    assert advises(shop().deployment("shop/b", proxies=1, **marks), "0390", name).objects == (
        "Deployment shop/b",
    )


def test_one_that_refuses_it_or_has_no_sidecar_of_istio_is_not() -> None:
    silent(shop().deployment("shop/b", proxies=1, annotations={"linkerd.io/inject": "disabled"}), "0390")
    silent(shop().deployment("monitoring/b", annotations={"linkerd.io/inject": "enabled"}), "0390")


def webhook(**managers: str) -> Mesh:
    """An injector with these field managers; ``_`` becomes ``-``."""
    ref = Ref(MUTATING_WEBHOOK, "istio-sidecar-injector-1-27-9")
    owners = {key.replace("_", "-"): how for key, how in managers.items()}
    return shop().having(belongings=(Belonging(ref=ref, uid="u", revision="1-27-9", managers=owners),))


def test_a_driver_that_applies_beside_istiod_is_told() -> None:
    advises(webhook(helm="Apply", pilot_discovery="Update"), "0391", "istio-sidecar-injector-1-27-9")
    advises(
        webhook(helm_controller="Apply", pilot_discovery="Update"), "0391", "istio-sidecar-injector-1-27-9"
    )
    found = advises(webhook(helm="Update", pilot_discovery="Update", admissionsenforcer="Update"), "0391", "istio-sidecar-injector-1-27-9")  # fmt: skip
    assert found.summary.startswith("istio-sidecar-injector-1-27-9: admissionsenforcer and ")


def test_helm_3_and_istioctl_beside_istiod_are_as_they_should_be() -> None:
    silent(webhook(helm="Update", pilot_discovery="Update"), "0391")
    silent(webhook(istio_operator="Apply", pilot_discovery="Update"), "0391")
    silent(webhook(kubectl="Apply"), "0391")


def operator(replicas: int) -> Document:
    """Istio's in-cluster operator."""
    return Document(
        ref=Ref(DEPLOYMENT, "istio-operator", "istio-operator"), body={"spec": {"replicas": replicas}}
    )


def test_an_operator_that_runs_blocks_and_its_resources_alone_are_an_advisory() -> None:
    assert blocks(shop().having(documents=(operator(1),)), "0392", "IstioOperator").allowable
    advises(shop().resource("istio-system/mesh", kind=OPERATOR), "0392", "IstioOperator")


def test_one_that_is_scaled_down_and_the_record_of_istioctl_are_not_told() -> None:
    silent(shop().having(documents=(operator(0),)), "0392")
    silent(shop().resource("istio-system/installed-state-1-27-9", kind=OPERATOR), "0392")


def test_control_planes_that_sail_keeps_beside_this_one_block() -> None:
    kept = (Document(ref=Ref(SAIL, "default")),)
    assert blocks(shop().having(documents=kept), "0392", "Sail Operator").allowable
    silent(mesh().plane("1.27.9", installer="sail").having(documents=kept), "0392")


def test_a_namespace_that_helm_keeps_is_told_if_its_label_decides_on_injection() -> None:
    kept: dict[str, Any] = {"labels": {"app.kubernetes.io/managed-by": "Helm"}}
    made = mesh().plane("1.27.9").namespace("apps", rev="1-27-9", **kept).deployment("apps/a", proxies=1)
    assert advises(made, "0393", "labels of namespaces").objects == ("Namespace apps",)
    silent(mesh().plane("1.27.9").namespace("apps", **kept).deployment("apps/a"), "0393")
    silent(shop(), "0393")


def remote(**labels: str) -> Mesh:
    """A mesh with one Secret."""
    made = Document(ref=Ref(SECRET, "istio-remote-secret-east", "istio-system"), labels=labels)
    return shop().having(documents=(made,))


def test_other_clusters_are_told_with_the_order() -> None:
    found = advises(remote(**{"istio/multiCluster": "true"}), "0394", "other clusters")
    assert "1 remote secret, 0 east-west gateways" in found.summary
    assert "east-west gateways, then ingress gateways" in found.do[0]
    gateway = shop().injected_gateway("istio-ingress/eastwest", template={"istio": "eastwestgateway"})
    advises(gateway, "0394", "other clusters")


def test_a_mesh_of_one_cluster_has_none() -> None:
    silent(remote(app="shop"), "0394")
    silent(shop(), "0394")


def test_a_service_for_remote_clusters_blocks() -> None:
    made = mesh().plane("1.27.9")
    silent(made, "0395")
    made.having(services=("istio-system/istiod-1-27-9", "istio-system/istiod-remote"))
    assert blocks(made, "0395", "istio-system/istiod-remote").allowable


def tracing(old: dict[str, Any], new: dict[str, Any]) -> Mesh:
    """Two revisions with these mesh configurations."""
    return mesh().plane("1.27.9").plane("1.28.10").having(mesh_configs={"1-27-9": old, "1-28-10": new})


def test_tracing_that_differs_between_revisions_is_told() -> None:
    old = {"defaultConfig": {"tracing": {"sampling": 1.0}}, "enableTracing": True}
    found = advises(tracing(old, {"enableTracing": True}), "0396", "revision 1-28-10")
    assert "says defaultConfig.tracing otherwise" in found.summary


def test_tracing_that_is_the_same_in_another_order_is_not() -> None:
    one, two = {"name": "a", "zipkin": {}}, {"name": "b", "opentelemetry": {}}
    silent(tracing({"extensionProviders": [one, two]}, {"extensionProviders": [two, one], "rootNamespace": "x"}), "0396")  # fmt: skip
