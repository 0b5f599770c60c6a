from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import advises, blocks, silent
from tests.meshes import mesh, shop
from upgrader.model import kinds
from upgrader.model.kinds import CONFIG_MAP, DAEMON_SET, Kind, Ref

FILTER = Kind("networking.istio.io", "v1alpha3", "envoyfilters", "EnvoyFilter")
ROUTE = Kind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
OLD = {"istio.io/rev": "1-27-9"}


def test_objects_for_the_old_revision_alone_are_refused_namespace_by_namespace() -> None:
    made = shop().resource("shop/a", labels=OLD).resource("shop/b", kind=FILTER, labels=OLD)
    found = blocks(made, "0328", "Namespace shop")
    assert "2 Istio objects for revision 1-27-9 only" in found.summary
    assert "kubectl -n shop label virtualservices.networking.istio.io a istio.io/rev-" in found.do
    assert found.allowable


def test_objects_for_everybody_another_revision_or_what_stays_are_left_alone() -> None:
    silent(shop().resource("shop/a"), "0328")
    silent(shop().resource("shop/a", labels={"istio.io/rev": "1-28-10"}), "0328")
    silent(shop().resource("shop/a", labels=OLD), "0328", excluded=("shop",))


def test_a_route_of_the_gateway_api_that_is_labelled_for_one_revision_is_refused() -> None:
    blocks(shop().resource("shop/a", kind=ROUTE, labels=OLD), "0328", "Namespace shop")


@pytest.mark.parametrize("kind", [kinds.K8S_GATEWAY, kinds.LISTENER_SET, kinds.X_LISTENER_SET])
def test_gateways_and_what_adds_to_them_are_labelled_anew_by_the_plan(kind: kinds.Kind) -> None:
    silent(shop().resource("shop/a", kind=kind, labels=OLD), "0328")


def test_crds_of_two_owners_are_refused() -> None:
    made = shop().definition("gateways.networking.istio.io", istio_operator="Apply", helm="Update")
    found = blocks(made, "0329", "CRD gateways.networking.istio.io")
    assert "owned by helm and istio-operator at the same time" in found.summary
    assert found.allowable


def test_crds_of_another_installer_are_an_advisory() -> None:
    made = shop().definition("gateways.networking.istio.io", kubectl_client_side_apply="Update")
    advises(made, "0329", "CRD gateways.networking.istio.io")


def test_crds_of_the_control_planes_installer_are_as_they_should_be() -> None:
    silent(shop().definition("gateways.networking.istio.io", istio_operator="Apply"), "0329")
    silent(shop().definition("gateways.gateway.networking.k8s.io", kubectl="Apply", helm="Update"), "0329")


def test_an_earlier_run_of_ours_is_not_a_second_owner() -> None:
    silent(
        shop().definition("gateways.networking.istio.io", istio_operator="Apply", upgrader="Apply"), "0329"
    )


def test_two_commands_of_kubectl_are_one_owner() -> None:
    made = mesh().plane("1.27.9", installer="manifests")
    silent(made.definition("gateways.networking.istio.io", kubectl_edit="Update", kubectl="Apply"), "0329")


def test_control_planes_of_two_installers_are_refused() -> None:
    blocks(mesh().plane("1.27.9").plane("1.28.10", installer="helm"), "0330")
    silent(mesh().plane("1.27.9").plane("1.28.10"), "0330")
    silent(mesh().plane("1.27.9").plane("1.28.10", installer="unknown"), "0330")


def test_a_control_plane_of_an_operator_is_refused() -> None:
    blocks(mesh().plane("1.27.9", installer="sail"), "0330", "installer sail")
    silent(mesh().plane("1.27.9", installer="helm"), "0330")


@pytest.mark.parametrize(
    ("marks", "tool"),
    [
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "mesh"}}, "Flux"),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "mesh:apps/Deployment:istio-system/istiod"}},
            "Argo CD",
        ),
    ],
)
def test_a_control_plane_that_a_repository_keeps_is_an_advisory(marks: dict[str, Any], tool: str) -> None:
    advises(mesh().plane("1.27.9", **marks), "0331", tool)


def test_a_namespace_that_a_repository_keeps_is_told_if_it_is_part_of_the_mesh() -> None:
    kept: dict[str, Any] = {"labels": {"kustomize.toolkit.fluxcd.io/name": "apps"}}
    silent(mesh().plane("1.27.9").namespace("apps", **kept), "0331")
    made = mesh().plane("1.27.9").namespace("apps", rev="1-27-9", **kept).deployment("apps/a", proxies=1)
    assert advises(made, "0331", "Flux").objects == ("Namespace apps",)


@pytest.mark.parametrize(
    ("manager", "tool"),
    [("argocd-controller", "Argo CD"), ("kubectl-label, kustomize-controller", "Flux"), ("helm", "Helm")],
)
def test_a_label_that_a_hop_changes_and_a_driver_wrote_is_told_by_its_field_manager(
    manager: str, tool: str
) -> None:
    made = mesh().plane("1.27.9").tag("prod", "1-27-9")
    owned: dict[str, Any] = {"label_owners": {"istio.io/rev": manager}}
    silent(made.namespace("by-tag", rev="prod", **owned), "0331")
    silent(made.namespace("off", injection="disabled", label_owners={"istio-injection": manager}), "0331")
    made.namespace("by-hand", rev="1-27-9", label_owners={"istio.io/rev": "kubectl-label"})
    silent(made, "0331")
    assert advises(made.namespace("apps", rev="1-27-9", **owned), "0331", tool).objects == ("Namespace apps",)


def test_a_label_of_an_istiod_without_a_revision_changes_where_nobody_is_the_default() -> None:
    owned: dict[str, Any] = {"injection": "enabled", "label_owners": {"istio-injection": "helm"}}
    unnamed = mesh().plane("1.27.9", "default").namespace("apps", **owned)
    assert "as a chart says" in advises(unnamed, "0331", "Helm").summary
    silent(unnamed.tag("default", "default"), "0331")


def test_the_instance_label_that_charts_set_is_no_proof_of_a_repository() -> None:
    silent(mesh().plane("1.27.9", labels={"app.kubernetes.io/instance": "istio"}), "0331")


def test_a_target_that_is_there_already_is_an_advisory() -> None:
    assert advises(shop().plane("1.28.10"), "0332", "revision 1-28-10").hop == 1
    silent(shop().plane("1.28.9"), "0332")


def test_ambient_parts_are_refused() -> None:
    ztunnel = Ref(DAEMON_SET, "ztunnel", "istio-system")
    blocks(shop().belonging(ztunnel, "1-27-9", "Ztunnel"), "0334")
    blocks(shop().daemon_set("istio-system/ztunnel"), "0334")
    blocks(shop().namespace("mild", labels={"istio.io/dataplane-mode": "ambient"}), "0334")
    blocks(shop().api_gateway("shop/waypoint", rev="1-27-9", class_name="istio-waypoint"), "0334")
    silent(shop().namespace("mild", labels={"istio.io/dataplane-mode": "none"}), "0334")


def test_the_cni_plugin_is_an_advisory_that_counts_the_hops() -> None:
    made = shop().daemon_set("istio-system/istio-cni-node")
    assert "two minors behind" not in advises(made, "0335", "istio-cni").summary
    assert "two minors behind" in advises(made, "0335", "istio-cni", "1.27.9 1.28.10 1.29.6").summary
    advises(
        shop().belonging(Ref(CONFIG_MAP, "istio-cni-config", "istio-system"), "1-27-9", "Cni"),
        "0335",
        "istio-cni",
    )
    silent(shop(), "0335")
