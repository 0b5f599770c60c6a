"""What a kind of a pattern is in a snapshot."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tests.checks.advisories.asking import advice, cluster, custom, document, hits
from tests.meshes import Mesh, mesh
from upgrader.catalog.advisories import KUBERNETES, VIEWS
from upgrader.checks.advisories import views
from upgrader.model.kinds import Kind
from upgrader.model.snapshot import Definition
from upgrader.survey.documents import kept


def found(built: Mesh, kind: str, path: str, **test: Any) -> list[str]:
    return hits(advice({"kind": kind, "path": path} | test), built)


def template(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "x"}, "annotations": {}}, "spec": spec}


def test_every_view_that_the_catalog_may_name_is_made_here() -> None:
    assert views.VIEWS.keys() >= VIEWS


def test_every_kind_of_kubernetes_that_the_catalog_may_name_is_in_a_snapshot() -> None:
    read = {plural for _, plural in kept._KEPT} | {"configmaps", "secrets"}
    odd = {"Endpoints": "endpoints", "NetworkPolicy": "networkpolicies"}
    for kind in KUBERNETES - views.VIEWS.keys():
        plural = odd.get(kind, kind.lower() + ("es" if kind.endswith("s") else "s"))
        assert plural in read, kind


def test_a_workload_is_its_pod_template() -> None:
    probe = template(containers=[{"name": "app", "livenessProbe": {"tcpSocket": {"port": 1}}}])
    real = cluster().namespace("shop").deployment("shop/cart")
    real._parts["workloads"] = [msgspec.structs.replace(w, template=probe) for w in real._all("workloads")]
    path = "spec.containers[*].(livenessProbe|readinessProbe).tcpSocket"
    assert found(real, "Workload", path) == [
        "Deployment shop/cart spec.containers[0].livenessProbe.tcpSocket"
    ]


def test_the_variables_of_istiod_are_a_mapping() -> None:
    built = cluster(env={"PILOT_X": "false"})
    assert found(built, "IstiodEnv", "PILOT_X", equals=False) == [
        "Deployment istio-system/istiod-1-27-9 env PILOT_X"
    ]
    assert found(built, "IstiodEnv", "PILOT_X", equals=True) == []


def test_only_the_control_plane_that_is_left_is_asked() -> None:
    built = cluster(env={"A": "1"}).plane("1.28.10", env={"B": "1"})
    built.having(mesh_configs={"1-27-9": {"a": 1}, "1-28-10": {"b": 1}})
    assert found(built, "IstiodEnv", "B") == found(built, "MeshConfig", "b") == []
    assert len(found(built, "IstiodEnv", "A")) == len(found(built, "MeshConfig", "a")) == 1


def test_a_mesh_configuration_is_named_as_the_config_map_that_holds_it() -> None:
    built = cluster(mesh_configs={"1-27-9": {"defaultConfig": {"concurrency": 0}}})
    assert found(built, "MeshConfig", "defaultConfig.concurrency", equals=0) == [
        "ConfigMap istio-system/istio-1-27-9 defaultConfig.concurrency"
    ]
    built = cluster(injector_values={"1-27-9": {"global": {"hub": "h"}}})
    assert found(built, "InjectorValues", "global.hub") == [
        "ConfigMap istio-system/istio-sidecar-injector-1-27-9 global.hub"
    ]
    built = cluster(install_values={"1-27-9": {"values": {"a": 1}}})
    assert found(built, "InstallValues", "values.a") == ["values of revision 1-27-9 values.a"]


def test_variables_of_proxies_come_from_everywhere_they_can_be_set() -> None:
    config = {"1-27-9": {"defaultConfig": {"proxyMetadata": {"ISTIO_X": "1"}}}}
    own = custom("ProxyConfig", "shop/pc", {"environmentVariables": {"ISTIO_X": "2"}})
    built = cluster(own, mesh_configs=config).namespace("shop")
    notes = {"proxy.istio.io/config": "proxyMetadata: {ISTIO_X: '3'}\nconcurrency: 2"}
    built.deployment("shop/cart", annotations=notes).deployment(
        "shop/odd", annotations={"proxy.istio.io/config": "{"}
    )
    assert found(built, "ProxyEnv", "ISTIO_X") == [
        "ConfigMap istio-system/istio-1-27-9 defaultConfig.proxyMetadata.ISTIO_X",
        "ProxyConfig shop/pc spec.environmentVariables.ISTIO_X",
        "Deployment shop/cart annotation proxy.istio.io/config proxyMetadata.ISTIO_X",
    ]
    assert found(built, "ProxyEnv", "ISTIO_X", equals="4") == []


def test_variables_of_the_cni_agent_come_from_its_pods_and_its_config_map() -> None:
    pods = {
        "spec": {
            "template": template(containers=[{"name": "install-cni", "env": [{"name": "A", "value": "1"}]}])
        }
    }
    agent = document("DaemonSet", "istio-system/istio-cni-node", pods)
    settings = document("ConfigMap", "istio-system/istio-cni-config", {"data": {"B": "1"}})
    other = document("ConfigMap", "istio-system/other", {"data": {"B": "1"}})
    built = cluster(documents=(agent, settings, other))
    assert found(built, "CniEnv", "A") == ["DaemonSet istio-system/istio-cni-node env A"]
    assert found(built, "CniEnv", "B") == ["ConfigMap istio-system/istio-cni-config data.B"]


def test_proxies_are_told_once_for_each_workload_and_version() -> None:
    built = cluster().namespace("shop", rev="1-27-9").deployment("shop/cart", proxies=3)
    assert found(built, "Proxy", "version", below="1.28") == ["proxies of Deployment shop/cart version"]
    assert found(built, "Proxy", "version", below="1.27") == []


def test_a_control_plane_is_what_the_snapshot_says_of_it() -> None:
    assert found(cluster(), "ControlPlane", "version", equals="1.27.9") == [
        "Deployment istio-system/istiod-1-27-9 version"
    ]


@pytest.mark.parametrize(
    ("version", "groups", "platform"),
    [
        ("v1.33.4-gke.100", [], "gke"),
        ("v1.33.4-eks-abc1", [], "eks"),
        ("v1.33.4+k3s1", [], "k3s"),
        ("v1.33.4+rke2r1", [], "rke2"),
        ("v1.33.4", ["route.openshift.io"], "openshift"),
        ("v1.33.4", ["networking.istio.io"], ""),
    ],
)
def test_the_platform_is_told_by_the_server(version: str, groups: list[str], platform: str) -> None:
    built = mesh(version).plane("1.27.9").having(kinds=tuple(Kind(g, "v1", "xs", "X") for g in groups))
    assert bool(found(built, "Cluster", "platform", equals=platform)) is True
    assert found(built, "Cluster", "version", at_least="1.33") != []
    assert found(built, "Cluster", "version", at_least="1.34") == []


def test_a_cluster_counts_its_objects() -> None:
    built = cluster(custom("VirtualService", "a/b", {}), custom("VirtualService", "a/c", {}))
    assert found(built, "Cluster", "counts.VirtualService", above=1) != []
    assert found(built, "Cluster", "counts.VirtualService", above=2) == []


def test_a_definition_looks_as_it_does_on_the_api_server() -> None:
    crd = Definition(
        name="gateways.gateway.networking.k8s.io", uid="u", served=("v1", "v1beta1"), storage="v1", stored=("v1beta1",),
        bundle="v1.0.0",
    )  # fmt: skip
    built = cluster(definitions=(crd,))
    bundle = "metadata.annotations['gateway.networking.k8s.io/bundle-version']"
    assert found(built, "CustomResourceDefinition", bundle, below="1.1.0") != []
    assert found(built, "CustomResourceDefinition", bundle, below="1.0.0") == []
    served = 'spec.versions[?name=="v1beta1" && served==true]'
    assert found(built, "CustomResourceDefinition", served, name="gateways.*") != []
    assert found(built, "CustomResourceDefinition", "spec.versions[?name=='v1alpha2']") == []
    assert found(built, "CustomResourceDefinition", "status.storedVersions[*]", equals="v1beta1") != []


def test_namespaces_and_webhooks_have_their_labels() -> None:
    built = cluster().namespace("shop", rev="x")
    assert found(built, "Namespace", "", selector="istio.io/rev=x") == ["Namespace shop"]
    path = "metadata.labels['istio.io/rev']"
    assert found(built, "MutatingWebhookConfiguration", path, equals="1-27-9") != []
    assert found(built, "ValidatingWebhookConfiguration", path, equals="1-27-9") != []


def test_kinds_of_one_name_are_told_apart_by_their_group() -> None:
    built = cluster(
        custom("Gateway", "a/istio", {}), custom("Gateway", "a/api", {}, group="gateway.networking.k8s.io")
    )
    assert found(built, "Gateway.networking.istio.io", "spec", exists=True) == ["Gateway a/istio spec"]
    assert found(built, "Gateway.gateway.networking.k8s.io", "spec") == ["Gateway a/api spec"]


@pytest.mark.parametrize(("injected", "names"), [(True, ["shop/cart"]), (False, ["other/job", "shop/out"])])
def test_a_workload_may_be_asked_whether_it_gets_a_sidecar(injected: bool, names: list[str]) -> None:
    built = cluster().namespace("shop", rev="1-27-9").namespace("other")
    built.deployment("shop/cart").deployment("other/job")
    built.deployment("shop/out", template={"sidecar.istio.io/inject": "false"})
    said = found(built, "Workload", "metadata.labels.app", injected=injected)
    assert sorted(text.split()[1] for text in said) == names


def test_what_stays_behind_is_not_asked() -> None:
    built = cluster().namespace("shop").deployment("shop/cart").deployment("shop/api")
    one = advice({"kind": "Workload", "path": "metadata.labels.app"})
    assert hits(one, built, excluded=("shop/cart",)) == ["Deployment shop/api metadata.labels.app"]
    assert hits(one, built, excluded=("shop",)) == []
