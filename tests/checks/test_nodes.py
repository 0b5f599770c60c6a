from __future__ import annotations

from typing import Any

import pytest

from tests.checks.asking import advises, blocks, said, silent
from tests.checks.objects import daemon, istiod, node
from tests.meshes import Mesh, mesh
from upgrader.model.image import Image
from upgrader.model.snapshot import Document

NATIVE = {"env": {"ENABLE_NATIVE_SIDECARS": "true"}}
ENFORCE = "pod-security.kubernetes.io/enforce"


def running(*documents: Document, kubernetes: str = "v1.33.4", **plane: Any) -> Mesh:
    """An istiod of 1.27.9 with one served workload, and these objects."""
    made = mesh(kubernetes).plane("1.27.9", **plane).namespace("istio-system").namespace("shop", rev="1-27-9")
    return made.deployment("shop/cart", proxies=2).having(documents=documents)


# Ready


def test_nodes_that_are_away_or_cordoned_are_told() -> None:
    found = advises(running(node("a"), node("b", ready=False), node("c", cordoned=True)), "0380", "nodes")
    assert found.summary == "nodes: of 3 are 1 not Ready and 1 cordoned"
    assert found.what == ("not Ready: b", "cordoned: c")
    silent(running(node("a"), node("b")), "0380")


def test_a_node_that_is_away_blocks_where_istio_wants_a_pod_on_every_node() -> None:
    blocks(running(node("a", ready=False)).daemon_set("istio-system/istio-cni-node"), "0380", "nodes")
    advises(running(node("a", cordoned=True)).daemon_set("istio-system/istio-cni-node"), "0380", "nodes")


# Kubelets


@pytest.mark.parametrize(
    ("kubelet", "fine"),
    [("v1.33.9", True), ("v1.30.1-eks-1", True), ("v1.29.8", False), ("v1.34.0", False), ("", True)],
)
def test_kubelets_out_of_step_with_the_api_server_are_told(kubelet: str, fine: bool) -> None:
    assert [f.subject for f in said(running(node(kubeletVersion=kubelet)), "0381")] == ["kubelets"] * (
        not fine
    )


def test_kubelets_before_1_25_had_to_be_closer() -> None:
    silent(running(node(kubeletVersion="v1.22.0"), kubernetes="v1.24.3"), "0381")
    advises(running(node(kubeletVersion="v1.21.0"), kubernetes="v1.24.3"), "0381", "kubelets")


def test_native_sidecars_on_kubelets_that_do_not_know_them_block() -> None:
    old = node("a", kubeletVersion="v1.28.4")
    found = blocks(
        running(old, node("b", kubeletVersion="v1.29.1"), kubernetes="v1.29.1", **NATIVE),
        "0381",
        "native sidecars",
    )
    assert found.what == ("older than 1.29: a",)
    silent(running(old, kubernetes="v1.29.1"), "0381")
    silent(running(node(kubeletVersion="v1.29.1"), kubernetes="v1.29.1", **NATIVE), "0381")


def test_native_sidecars_may_be_asked_for_in_the_values_of_the_installation() -> None:
    values = {"1-27-9": {"values": {"pilot": {"env": {"ENABLE_NATIVE_SIDECARS": True}}}}}
    made = running(node(kubeletVersion="v1.28.4"), kubernetes="v1.28.4").having(install_values=values)
    blocks(made, "0381", "native sidecars")


# Platforms


def test_an_architecture_without_images_is_told() -> None:
    assert "no images" in advises(running(node(architecture="s390x")), "0382", "architecture s390x").summary
    silent(running(node(architecture="arm64"), node("b")), "0382")


def test_arm_has_images_from_1_15_on() -> None:
    old = mesh().plane("1.13.9").having(documents=(node(architecture="arm64"),))
    assert "from 1.15 on" in advises(old, "0382", "architecture arm64", "1.13.9 1.14.6").summary
    silent(mesh().plane("1.14.6").having(documents=(node(architecture="arm64"),)), "0382", "1.14.6 1.15.7")


def test_a_mirror_for_nodes_of_two_architectures_is_to_be_looked_at() -> None:
    mixed = node("a"), node("b", architecture="arm64")
    mirror: dict[str, Any] = {"image": Image("harbor.example/istio/pilot", "1.27.9")}
    found = advises(running(*mixed, **mirror), "0382", "harbor.example/istio/pilot")
    assert found.do[0].startswith("docker manifest inspect harbor.example/istio/pilot:1.28.10")
    silent(running(*mixed), "0382")
    silent(running(node("a"), node("b"), **mirror), "0382")


def test_nftables_on_an_old_kernel_blocks() -> None:
    values = {"1-27-9": {"global": {"nativeNftables": True}}}
    blocks(running(node(kernelVersion="5.10.0-21-amd64")).having(injector_values=values), "0382", "nftables")
    silent(running(node(kernelVersion="5.13.0")).having(injector_values=values), "0382")
    silent(running(node(kernelVersion="5.10.0")), "0382")


def test_kernel_modules_could_not_be_seen_where_nodes_differ() -> None:
    found = advises(running(node("a"), node("b", osImage="Bottlerocket OS 1.20")), "0382", "kernel modules")
    assert found.what == ("1 with Bottlerocket OS 1.20", "1 with Ubuntu 24.04")
    assert found.do[0].startswith("kubectl debug node/b -it")
    advises(running(node("a"), node("b", kernelVersion="4.18.0")), "0382", "kernel modules")
    silent(running(node("a"), node("b", osImage="Ubuntu 22.04", kernelVersion="6.5.0")), "0382")


# Pod security


def secured(level: str, *documents: Document, space: str = "shop") -> Mesh:
    labels = {ENFORCE: level}
    made = mesh().plane("1.27.9").namespace("istio-system", labels=labels if space == "istio-system" else {})
    made.namespace("shop", rev="1-27-9", labels=labels if space == "shop" else {})
    return made.deployment("shop/cart", proxies=2).having(documents=documents)


@pytest.mark.parametrize("level", ["baseline", "restricted"])
def test_a_level_that_refuses_istio_init_blocks_where_there_is_no_cni_plugin(level: str) -> None:
    found = blocks(secured(level), "0384", "Namespace shop")
    assert found.what == ("concerned: shop/cart",)
    silent(secured("privileged"), "0384")
    silent(secured(level).daemon_set("istio-system/istio-cni-node"), "0384")
    silent(secured(level).having(injector_values={"1-27-9": {"pilot": {"cni": {"enabled": True}}}}), "0384")


def test_a_level_that_refuses_istio_init_concerns_only_who_is_injected_with_it() -> None:
    made = mesh().plane("1.27.9").namespace("edge", rev="1-27-9", labels={ENFORCE: "baseline"})
    silent(made.injected_gateway("edge/gate"), "0384")


def test_the_namespace_of_a_node_agent_must_be_privileged() -> None:
    blocks(
        secured("baseline", daemon("istio-system/istio-cni-node"), space="istio-system"),
        "0384",
        "Namespace istio-system",
    )
    silent(secured("privileged", daemon("istio-system/istio-cni-node"), space="istio-system"), "0384")
    silent(secured("baseline", space="istio-system"), "0384")


def test_restricted_refuses_an_istiod_without_a_seccomp_profile() -> None:
    blocks(secured("restricted", istiod("1-27-9"), space="istio-system"), "0384", "Namespace istio-system")
    profile = {"seccompProfile": {"type": "RuntimeDefault"}}
    silent(secured("restricted", istiod("1-27-9", securityContext=profile), space="istio-system"), "0384")
    silent(secured("baseline", istiod("1-27-9"), space="istio-system"), "0384")


# What could not be read


def test_what_could_not_be_read_leaves_questions_open_and_each_is_said_once() -> None:
    made = running().unread("resourcequotas in namespace shop", optional=True)
    made.unread("resourcequotas in namespace web", optional=True)
    found = advises(made, "0351")
    assert found.what[2:] == ("not known: room in quotas for a second control plane and for restarts",)
    assert "not known: room for a second control plane" in blocks(running().unread("nodes"), "0303").what[1]


def test_what_no_check_of_the_cluster_asks_about_leaves_no_question_open() -> None:
    made = running().unread("priorityclasses.scheduling.k8s.io", optional=True)
    assert len(advises(made, "0351").what) == 1
