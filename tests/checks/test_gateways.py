from __future__ import annotations

from typing import Any

from tests.checks.asking import advises, blocks, silent
from tests.meshes import Mesh, mesh
from upgrader.model.kinds import LISTENER_SET, Kind

ROUTE = Kind("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute")
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


# ListenerSets


ALPHA = {"PILOT_ENABLE_ALPHA_GATEWAY_API": "true"}


def listening(version: str, **fields: Any) -> Mesh:
    """A Gateway that one revision owns by label, in a mesh where a second namespace follows the same revision."""
    revision = version.replace(".", "-")
    made = (
        mesh().plane(version, **({"env": ALPHA} | fields)).namespace("edge").namespace("shop", rev=revision)
    )
    return made.api_gateway("edge/web", rev=revision)


def test_what_adds_to_a_gateway_must_change_hands_with_it() -> None:
    made = listening("1.28.10").listener_set("shop/extra", "edge/web")
    found = advises(made, "0339", "revision 1-28-10", "1.28.10 1.29.6")
    assert found.what == ("1 concerned: XListenerSet shop/extra",)
    labelled = listening("1.30.3").listener_set("shop/extra", "edge/web", kind=LISTENER_SET, rev="1-30-3")
    advises(labelled, "0339", "revision 1-30-3", "1.30.3 1.31.0-rc.0")


def test_a_fixed_istiod_reads_what_has_no_label_wherever_it_is() -> None:
    made = listening("1.30.3").listener_set("shop/extra", "edge/web", kind=LISTENER_SET)
    silent(made, "0339", "1.30.3 1.31.0-rc.0")


def test_what_adds_to_a_gateway_of_somebody_else_or_a_waypoint_is_not_ours() -> None:
    other = listening("1.28.10").api_gateway("edge/nginx", class_name="istio-waypoint", rev="1-28-10")
    made = other.listener_set("shop/extra", "edge/nginx").listener_set("shop/more", "edge/no-such")
    silent(made, "0339", "1.28.10 1.29.6")


def test_without_the_switch_nobody_reads_what_is_experimental() -> None:
    made = listening("1.28.10", env={}).listener_set("shop/extra", "edge/web", rev="1-27-9")
    silent(made, "0339", "1.28.10 1.29.6")


def test_listeners_of_another_revision_than_their_gateway_are_missing_today() -> None:
    made = listening("1.28.10").namespace("far").listener_set("far/extra", "edge/web")
    found = advises(made, "0339", "XListenerSet far/extra", "1.28.10 1.29.6")
    assert found.do == (
        "kubectl -n far label xlistenersets.gateway.networking.x-k8s.io extra istio.io/rev=1-28-10 --overwrite",
    )


def test_the_label_of_a_listener_set_is_never_a_tag() -> None:
    made = listening("1.30.3").tag("prod", "1-30-3")
    made = made.listener_set("shop/extra", "edge/web", kind=LISTENER_SET, rev="prod")
    found = advises(made, "0339", "ListenerSet shop/extra", "1.30.3 1.31.0-rc.0")
    assert "never read as a tag" in found.what[0]
    assert found.do[0].endswith("istio.io/rev-")


def test_before_1_30_each_xlistenerset_needs_a_listenerset_beside_it() -> None:
    made = listening("1.29.6").listener_set("shop/extra", "edge/web")
    found = blocks(made, "0339", "istiod 1.30", "1.29.6 1.30.3")
    assert found.hop == 1
    assert found.allowable
    silent(made.listener_set("shop/twin", "edge/web", kind=LISTENER_SET), "0339", "1.29.6 1.30.3")


def test_a_listenerset_with_other_listeners_is_no_substitute() -> None:
    made = listening("1.29.6").listener_set("shop/extra", "edge/web", listeners=("a", "b"))
    half = made.listener_set("shop/extra", "edge/web", kind=LISTENER_SET, listeners=("a",))
    blocks(half, "0339", "istiod 1.30", "1.29.6 1.30.3")


def test_a_route_must_name_the_listenerset_too() -> None:
    made = listening("1.29.6").listener_set("shop/extra", "edge/web")
    made = made.listener_set("shop/extra", "edge/web", kind=LISTENER_SET)
    parent = {"group": "gateway.networking.x-k8s.io", "kind": "XListenerSet", "name": "extra"}
    other = {"group": "gateway.networking.k8s.io", "kind": "ListenerSet", "name": "extra"}
    left = made.resource("shop/a", kind=ROUTE, spec={"parentRefs": [parent]})
    assert "HTTPRoute shop/a" in blocks(left, "0339", "istiod 1.30", "1.29.6 1.30.3").objects
    both = listening("1.29.6").listener_set("shop/extra", "edge/web")
    both = both.listener_set("shop/extra", "edge/web", kind=LISTENER_SET)
    silent(both.resource("shop/a", kind=ROUTE, spec={"parentRefs": [parent, other]}), "0339", "1.29.6 1.30.3")
