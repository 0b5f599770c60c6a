from __future__ import annotations

from tests.checks.asking import advises, blocks, silent
from tests.meshes import Mesh, mesh

FULL = frozenset({"crds", "base", "control-plane", "ingress-gateway"})


def edge(version: str = "1.27.9") -> Mesh:
    return mesh().plane(version).namespace("edge")


def test_a_gateway_without_an_owner_is_refused() -> None:
    found = blocks(edge().api_gateway("edge/web"), "0326", "edge/web")
    assert "no istiod acts on it" in found.summary
    assert found.do == (
        "kubectl -n edge label gateways.gateway.networking.k8s.io web istio.io/rev=1-27-9 --overwrite",
    )


def test_a_gateway_inherits_its_owner() -> None:
    silent(edge().tag("default", "1-27-9").api_gateway("edge/web"), "0326")
    silent(mesh().plane("1.27.9").namespace("edge", rev="1-27-9").api_gateway("edge/web"), "0326")


def test_a_gateway_with_two_owners_is_refused() -> None:
    fought = mesh().plane("1.28.10", "default").plane("1.29.6").tag("default", "1-29-6").namespace("edge")
    found = blocks(fought.api_gateway("edge/web"), "0326", "edge/web", "1.28.10 1.29.6")
    assert "1-29-6 and default" in found.summary


def test_the_default_validator_makes_an_owner_from_1_28_on() -> None:
    blocks(edge("1.27.9").default_validator("1-27-9").api_gateway("edge/web"), "0326", "edge/web")
    silent(edge("1.28.10").default_validator("1-28-10").api_gateway("edge/web"), "0326", "1.28.10 1.29.6")


def test_a_gateway_of_another_class_is_not_ours() -> None:
    silent(edge().api_gateway("edge/web", class_name="nginx"), "0326")


def test_before_1_18_a_gateway_needed_no_label() -> None:
    silent(edge("1.17.8").api_gateway("edge/web"), "0326", "1.17.8 1.18.7")
    blocks(edge("1.18.7").api_gateway("edge/web"), "0326", "edge/web", "1.18.7 1.19.10")


def test_until_1_24_2_a_gateway_without_an_owner_is_configured_and_its_deployment_is_nobodys() -> None:
    managed = edge("1.24.2").api_gateway("edge/web")
    found = blocks(managed, "0326", "edge/web", "1.24.2 1.25.5")
    assert "no istiod renews its Deployment" in found.summary
    silent(managed, "0387", "1.24.2 1.25.5")
    silent(edge("1.24.2").api_gateway("edge/web", managed=False), "0326", "1.24.2 1.25.5")


def test_from_1_24_3_on_pods_of_ones_own_need_an_owner_and_a_label_that_leads_nowhere_counts_before() -> None:
    own = edge("1.24.3").api_gateway("edge/web", managed=False)
    assert "no istiod acts on it" in blocks(own, "0326", "edge/web", "1.24.3 1.25.5").summary
    lost = edge("1.23.6").api_gateway("edge/web", rev="gone", managed=False)
    blocks(lost, "0326", "edge/web", "1.23.6 1.24.2")


def test_an_istiod_that_empties_gateways_is_told_with_their_number() -> None:
    found = advises(
        edge("1.28.10").api_gateway("edge/web", rev="1-28-10"), "0327", "revision 1-28-10", "1.28.10 1.29.6"
    )
    assert found.what == ("1 concerned: edge/web",)


def test_a_fixed_istiod_a_waypoint_or_an_unmanaged_gateway_is_not_emptied() -> None:
    silent(edge("1.29.6").api_gateway("edge/web", rev="1-29-6"), "0327", "1.29.6 1.30.3")
    silent(
        edge("1.28.10").api_gateway("edge/web", rev="1-28-10", class_name="istio-waypoint"),
        "0327",
        "1.28.10 1.29.6",
    )
    silent(edge("1.28.10").api_gateway("edge/web", rev="1-28-10", managed=False), "0327", "1.28.10 1.29.6")


def test_an_istioctl_gateway_needs_its_part_of_the_manifests_at_every_hop() -> None:
    made = edge().ingress_gateway("1.27.9")
    parts = {"1.28.10": FULL, "1.29.6": FULL - {"ingress-gateway"}}
    found = blocks(made, "0333", "istio-system/istio-ingressgateway", "1.27.9 1.28.10 1.29.6", parts=parts)
    assert found.hop == 2
    assert found.do[0].startswith("istioctl-1.29.6 manifest generate --set profile=empty")
    silent(made, "0333", parts={"1.28.10": FULL})


def test_manifests_that_were_not_looked_at_are_not_called_incomplete() -> None:
    silent(edge().ingress_gateway("1.27.9"), "0333")


def test_an_injected_gateway_needs_no_part_of_the_manifests() -> None:
    made = mesh().plane("1.27.9").namespace("edge", rev="1-27-9").injected_gateway("edge/public")
    silent(made, "0333", parts={"1.28.10": FULL - {"ingress-gateway"}})


def test_a_lost_gateway_is_given_back_to_who_wrote_it_if_that_one_lives() -> None:
    two = edge().plane("1.28.10").api_gateway("edge/web", rev="gone", made_by="1-28-10")
    found = blocks(two, "0326", "edge/web")
    assert found.what == ("its label says istio.io/rev=gone", "its Deployment was written by 1-28-10")
    assert found.do[0].endswith("web istio.io/rev=1-28-10 --overwrite")


def test_a_lost_gateway_is_not_given_back_to_who_is_gone() -> None:
    found = blocks(edge().api_gateway("edge/web", made_by="1-26-8"), "0326", "edge/web")
    assert found.what[0] == "it inherits its revision"
    assert found.do[0].endswith("web istio.io/rev=1-27-9 --overwrite")
